"""What a stage does in an action: steps on crossbars and steps on the digital unit, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from archsim.engine.dependencies import Dependency, Flows
from archsim.engine.steps import CopyStep, MatrixStep, Step, WriteStep
from archsim.schedule.state import HOST

__all__ = ["HOST", "ActionProgram", "Edge", "StageProgram", "edges_between"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A value that crosses from one stage to another; its gradient, if needed, comes back."""

    name: str
    source: int
    target: int
    elements: int
    gradient: bool


@dataclass(frozen=True, slots=True)
class ActionProgram:
    """What a stage does in the actions of one kind.

    Attributes
    ----------
    steps : tuple of Step
        Its steps, each behind all that it waits for.
    dependencies : tuple of tuple of Dependency
        For each step, those that it waits for.
    layers : tuple of frozenset of str
        For each step, the layers that it works for.
    taken, given : Flows
        The steps that take, and that give, each value and gradient.
    """

    steps: tuple[Step, ...]
    dependencies: tuple[tuple[Dependency, ...], ...]
    layers: tuple[frozenset[str], ...]
    taken: Flows
    given: Flows


@dataclass(frozen=True, slots=True)
class StageProgram:
    """What a stage does in its actions, by their symbols, and what crosses its borders.

    Attributes
    ----------
    index : int
        The stage.
    actions : mapping of str to ActionProgram
        What it does in the actions of each kind.
    imports, exports : tuple of Edge
        The values that come from other stages, or the host, and those that go to others.
    stored_activations, stored_errors, stored_block_elements : int
        Numbers kept from the arrival of the input to the end of the last action on it: for each sample of the way
        forward and of the way back, and for a micro-batch, however many its samples.
    held_elements : int
        Numbers that stay for matrices of the digital unit.
    accumulator_elements : int
        Numbers that stay for what gradients add up in beside weights on tiles and digital parameters.
    carried_elements : int
        Numbers of the states that layers carry from one sample of a stream to the next.
    """

    index: int
    actions: Mapping[str, ActionProgram]
    imports: tuple[Edge, ...]
    exports: tuple[Edge, ...]
    stored_activations: int
    stored_errors: int
    stored_block_elements: int
    held_elements: int = 0
    accumulator_elements: int = 0
    carried_elements: int = 0

    @property
    def stored_elements(self) -> int:
        """Numbers kept so for each sample, of both ways."""
        return self.stored_activations + self.stored_errors

    @property
    def matrix_steps(self) -> Iterator[MatrixStep]:
        """The reads and updates of all its actions."""
        return (step for action in self.actions.values() for step in action.steps if isinstance(step, MatrixStep))

    @property
    def rewritten(self) -> Iterator[str]:
        """The matrices that are written anew in its actions."""
        return (step.matrix for action in self.actions.values() for step in action.steps if isinstance(step, WriteStep))

    @property
    def copies(self) -> Iterator[CopyStep]:
        """The copies of matrices in its actions."""
        return (step for action in self.actions.values() for step in action.steps if isinstance(step, CopyStep))

    def claims_with(self, edge: Edge) -> bool:
        """Return whether a micro-batch claims its space at the stage with this input: that from the earliest stage."""
        first = self.imports[0]
        if len(self.imports) > 1:
            first = min(self.imports, key=lambda other: other.source)
        return edge.name == first.name


def edges_between(programs: Iterable[StageProgram], *, host: bool = False) -> list[tuple[int, int]]:
    """Return source and target of every value that crosses from a stage to another; with `host`, from the host, too."""
    return [
        (edge.source, edge.target) for program in programs for edge in program.imports if host or edge.source != HOST
    ]
