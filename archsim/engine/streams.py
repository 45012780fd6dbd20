"""Values and gradients that stages hand on chunk by chunk, while the actions that make them are under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.engine.chunks import Chunks, chunks_of
from archsim.engine.program import HOST, Edge, StageProgram
from archsim.engine.setup import Setup
from archsim.schedule.action_kinds import Flow

__all__ = ["Stream", "streams_of"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A value, or a gradient, on its way from the steps of one stage to those of another.

    Attributes
    ----------
    flow : {"values", "gradients"}
        Which of the two.
    edge : Edge
        The value; its gradient goes the other way.
    source, target : int
        The stage that gives it, and the one that takes it.
    sending, awaiting : str
        Symbols of their actions.
    givers, takers : tuple of int
        The steps there.
    chunks : Chunks
        As what it is sent: in the chunks of the last step that gives it.
    """

    flow: Flow
    edge: Edge
    source: int
    target: int
    sending: str
    awaiting: str
    givers: tuple[int, ...]
    takers: tuple[int, ...]
    chunks: Chunks

    @property
    def giver(self) -> str:
        """What units wait for that need it."""
        return f"{'input' if self.flow == 'values' else 'gradient'} from stage {self.source}"


def streams_of(setup: Setup) -> Iterator[Stream]:
    """Yield what streams between the stages of a run: values first, then gradients, in the order of the stages.

    What no step gives or takes by itself goes as a whole when an action has ended, and so does what several kinds of
    action send or await; samples from the host come by the micro-batch.
    """
    if setup.schedule.settings.overlap != "stages":
        return
    for flow in ("values", "gradients"):
        kinds = setup.schedule.kinds.items()
        sending = [symbol for symbol, kind in kinds if kind.sends == flow]
        awaiting = [symbol for symbol, kind in kinds if kind.awaits == flow]
        if len(sending) == len(awaiting) == 1:
            for edge in _edges(setup.programs, flow):
                stream = _stream(setup, flow, edge, sending[0], awaiting[0])
                if stream.givers and stream.takers:
                    yield stream


def _edges(programs: tuple[StageProgram, ...], flow: Flow) -> Iterator[Edge]:
    """Yield the edges that cross between stages, in the order in which each stage sends over them."""
    for program in programs:
        if flow == "values":
            yield from program.exports
        else:
            yield from (edge for edge in program.imports if edge.source != HOST and edge.gradient)


def _stream(setup: Setup, flow: Flow, edge: Edge, sending: str, awaiting: str) -> Stream:
    source, target = (edge.source, edge.target) if flow == "values" else (edge.target, edge.source)
    made, used = setup.programs[source].actions[sending], setup.programs[target].actions[awaiting]
    given, taken = (
        (made.given.values, used.taken.values)
        if flow == "values"
        else (
            made.given.gradients,
            used.taken.gradients,
        )
    )
    givers = given.get(edge.name, ())
    size = setup.schedule.settings.chunk_vectors
    chunks = chunks_of(made.steps[givers[-1]], setup.samples, size) if givers else Chunks(setup.samples)
    return Stream(flow, edge, source, target, sending, awaiting, givers, taken.get(edge.name, ()), chunks)
