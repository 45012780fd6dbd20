"""What a checkpoint refers to by name: all that is made anew from the experiment whenever it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from pydantic import BaseModel

from archsim.engine.numerics.expectations import Expectations
from archsim.engine.numerics.numeric_parts import NumericParts
from archsim.engine.setup import Setup
from archsim.engine.work import Work
from archsim.network.graph import Graph
from archsim.network.parameters import DigitalParameters
from archsim.network.stationary import StationaryMatrix

__all__ = ["Context"]

#: What stands in a checkpoint as it is, so that it needs no name; members of tuples have names of their own.
_NAMELESS = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None))


@dataclass(frozen=True, slots=True)
class Context:
    """The objects that a machine is made from.

    Attributes
    ----------
    setup : Setup
        Chip, plan, programs and schedule.
    graph : Graph
        The network.
    expected : Expectations
        What reads and updates take on average.
    work : Work or None
        What stands for the numbers in a timing run.
    parts : NumericParts or None
        What the numbers are computed with, where they are.
    """

    setup: Setup
    graph: Graph
    expected: Expectations
    work: Work | None = None
    parts: NumericParts | None = None

    @property
    def matrices(self) -> Mapping[str, StationaryMatrix]:
        """The matrices of all sets, which hold their state themselves."""
        sets = () if self.parts is None else self.parts.sets
        return {_key(n, name): held for n, own in enumerate(sets) for name, held in own.matrices.items()}

    @property
    def parameters(self) -> Mapping[str, DigitalParameters]:
        """What digital units hold, by layer."""
        sets = () if self.parts is None else self.parts.sets
        return {_key(n, name): held for n, own in enumerate(sets) for name, held in own.parameters.items()}

    def names(self) -> dict[str, object]:
        """Return every object below by its path, such as ``setup.plan``: the same whenever a context is made."""
        found: dict[str, object] = {}
        seen: set[int] = set()
        for field in fields(self):
            found.update(_named(field.name, getattr(self, field.name), seen))
        return found


def _key(weight_set: int, name: str) -> str:
    """Return what a matrix or layer of a set of crossbars is called in a checkpoint."""
    return f"{name} of set {weight_set}" if weight_set else name


def _named(name: str, value: object, seen: set[int]) -> Iterator[tuple[str, object]]:
    if not isinstance(value, _NAMELESS):
        if id(value) in seen:
            return
        seen.add(id(value))
        yield name, value
    for part, below in _below(value):
        yield from _named(f"{name}.{part}", below, seen)


def _below(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, tuple):
        yield from enumerate(value)
    elif isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, BaseModel):
        yield from value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield field.name, getattr(value, field.name)
