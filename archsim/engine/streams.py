"""Values and gradients that stages hand on chunk by chunk, while the actions that make them are under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.engine.chunks import Chunks, chunks_of
from archsim.engine.program import HOST, Edge, StageProgram
from archsim.engine.setup import Setup
from archsim.engine.steps import DigitalStep, MatrixStep, Step
from archsim.schedule.action_kinds import Flow

__all__ = ["Stream", "feedback_of", "streams_of"]


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
    in_turn : bool
        Whether these are positions in turn, each of which is needed by those from its own on.
    lag : int
        How many positions later a position is needed.
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
    in_turn: bool = False
    lag: int = 0

    def needs(self, chunks: Chunks) -> tuple[int, ...]:
        """Return, for each chunk of a step that takes it, how many chunks must have come."""
        return tuple(max(n - self.lag, 0) for n in chunks.needs(self.chunks, by_vector=self.in_turn))

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
    takers, in_turn = taken.get(edge.name, ()), bool(givers) and _in_turn(made.steps[givers[-1]])
    return Stream(flow, edge, source, target, sending, awaiting, givers, takers, chunks, in_turn)


def _in_turn(step: Step) -> bool:
    return isinstance(step, MatrixStep | DigitalStep) and step.in_turn


def feedback_of(setup: Setup) -> Iterator[Stream]:
    """Yield what tells the stages that read the network's input that a position has left the last layer.

    There is something to tell only where positions are generated, and to nobody about the last one.
    """
    if setup.schedule.settings.positions != "generated":
        return
    (symbol,) = (symbol for symbol, kind in setup.schedule.kinds.items() if kind.sends == "values")
    last = setup.plan.stages[-1]
    made = setup.programs[last.index].actions[symbol]
    givers = made.given.values[last.operators[-1]]
    chunks = chunks_of(made.steps[givers[-1]], setup.samples, None)
    for program in setup.programs:
        for edge in program.imports:
            if edge.source == HOST:
                takers = program.actions[symbol].taken.values[edge.name]
                yield Stream(
                    "values",
                    edge,
                    last.index,
                    program.index,
                    symbol,
                    symbol,
                    givers,
                    takers,
                    chunks,
                    in_turn=True,
                    lag=1,
                )
