"""Abstract stages: an engine does a whole action in a given time."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog.observed import Counts
from archsim.chip.components import Timekeeper, Unit
from archsim.engine.events.tasks import StepState
from archsim.engine.steps import MatrixStep, Step
from archsim.engine.work import Work, do_step
from archsim.schedule.action_kinds import Operation

__all__ = ["EngineAction", "OwnEngine", "StageEngineTask"]


@dataclass(frozen=True, slots=True)
class EngineAction:
    """A kind of action as an engine does it.

    Attributes
    ----------
    symbol : str
        Its symbol.
    operation : {"forward", "backward", "update"} or None
        As what it is timed and counted.
    steps : tuple of Step
        What is computed in it.
    duration_ps : int
        How long it takes for each micro-batch.
    """

    symbol: str
    operation: Operation | None
    steps: tuple[Step, ...]
    duration_ps: int


class OwnEngine:
    """The engine of a stage alone at its place: always free for it, and as busy as the stage itself."""

    __slots__ = ("name", "timekeeper")

    def __init__(self, timekeeper: Timekeeper, name: str) -> None:
        self.timekeeper = timekeeper
        self.name = name

    def request(self, job: StageEngineTask, cause: int) -> None:
        """Serve a job at once."""
        self.timekeeper.after(job.start(), job.finish)


class StageEngineTask:
    """A whole action of an abstract stage, which takes a given time for each micro-batch.

    Attributes
    ----------
    action : EngineAction
        What is done.
    layer, phase, micro_batch
        No layer, the symbol of the action, and its micro-batch.
    pulses : dict of str to int
        Device pulses by matrix.
    micro_batches : int
        For how many micro-batches it was done.
    """

    __slots__ = (
        "_changed",
        "_computed",
        "_engine",
        "_step",
        "_work",
        "action",
        "layer",
        "micro_batch",
        "micro_batches",
        "phase",
        "pulses",
    )

    def __init__(self, run: StepState, engine: Unit | OwnEngine, action: EngineAction, layer: int, work: Work) -> None:
        self._step = run
        self._engine = engine
        self.action = action
        self.phase = action.symbol
        #: Steps whose numbers are computed: averages of reads are not counted here, so none is asked for.
        self._computed = action.steps if work.computes else ()
        #: Matrices on arrays that are changed; their pulses are unknown, and count as none, without numbers.
        self._changed = tuple(
            step.matrix
            for step in action.steps
            if isinstance(step, MatrixStep) and step.phase not in ("F", "B") and step.unit_work is None
        )
        self.layer = layer
        self._work = work
        self.micro_batch = -1
        self.micro_batches = 0
        self.pulses: dict[str, int] = {}

    @property
    def stage(self) -> int:
        """The stage that asks for it."""
        return self._step.index

    @property
    def unit_name(self) -> str:
        """The unit that does it: the stage, or the engine that it shares."""
        return self._engine.name

    def request(self, cause: int) -> None:
        """Ask for the engine; an action that takes no time does not wait for it."""
        self.micro_batch = self._step.action.micro_batch
        if self.action.duration_ps:
            self._engine.request(self, cause)
        else:
            self._engine.timekeeper.after(self.start(), self.finish)

    def start(self) -> int:
        """Do the numbers now; be done after the given time."""
        action, stage, work = self._step.action, self._step.index, self._work
        self.micro_batches += action.count
        for matrix in self._changed:
            self.pulses.setdefault(matrix, 0)
        for step in self._computed:
            done = do_step(step, stage, action, work)
            if isinstance(done, Counts) and isinstance(step, MatrixStep):
                self.pulses[step.matrix] += done.pulses
        return action.count * self.action.duration_ps

    def finish(self) -> None:
        """Tell the step."""
        self._step.task_done(0)
