"""Equips abstract stages: each place has one engine, which does a whole action of a stage in a given time."""

from __future__ import annotations

from archsim.chip.area import Built
from archsim.chip.components import Unit
from archsim.chip.counts import OPERATIONS
from archsim.chip.specification import Chip
from archsim.engine.chunks import Chunks
from archsim.engine.events.equipment import Equipment
from archsim.engine.events.sequencer import ActionRun, Sequencer
from archsim.engine.events.stage_engine import EngineAction, OwnEngine, StageEngineTask
from archsim.engine.events.step_runs import StepRun, Turns
from archsim.engine.events.streaming import Ends
from archsim.engine.program import StageProgram
from archsim.engine.setup import Setup
from archsim.schedule.action_kinds import StageCycles

__all__ = ["EquipmentOfStages"]


class EquipmentOfStages(Equipment):
    """The engines of a chip of stage engines, and the actions that are asked of them."""

    __slots__ = ()

    @staticmethod
    def built(setup: Setup) -> Built:
        """Return that there are no tiles: those of the plan say how matrices are cut."""
        return Built(0, 0, 0)

    @staticmethod
    def unit_counts(setup: Setup) -> dict[str, int]:
        """Return how many stages there are, each its own engine, and how many engines that several share."""
        engines = sum(len(place.stages) > 1 for place in setup.plan.places)
        return {"stage": len(setup.plan.stages), **({"stage_engine": engines} if engines else {})}

    @staticmethod
    def stage_cycles(chip: Chip) -> StageCycles:
        """Return the times of the engine."""
        return StageCycles(*_action_ps(chip).values())

    @staticmethod
    def times_ps(chip: Chip) -> dict[str, int]:
        """Return the times of the engine by dotted name below ``chip``."""
        return {f"stage_engine.{operation}": time_ps for operation, time_ps in _action_ps(chip).items()}

    def runs(
        self, program: StageProgram, stage: Sequencer, ends: Ends
    ) -> tuple[dict[str, ActionRun], tuple[Turns, ...]]:
        """Return what a stage does in each kind of action: a single step."""
        engine, kinds, times = self._engine(stage), self._setup.schedule.kinds, _action_ps(self._setup.chip)
        runs = {}
        for symbol, action in program.actions.items():
            operation = kinds[symbol].operation
            duration_ps = 0 if operation is None else times[operation]
            runs[symbol] = self._run(stage, engine, EngineAction(symbol, operation, action.steps, duration_ps))
        return runs, ()

    def _run(self, stage: Sequencer, engine: Unit | OwnEngine, action: EngineAction) -> ActionRun:
        run = StepRun(stage, Chunks(self._setup.samples), 0, self._timeline.cause(f"input from stage {stage.index}"))
        task = StageEngineTask(run, engine, action, self._timeline.layer(""), self._work)
        self.engines.append(task)
        run.tasks = (task,)
        return ActionRun((run,), 1)

    def _engine(self, stage: Sequencer) -> Unit | OwnEngine:
        """Return the engine of a stage's place, which serves one action at a time."""
        place = self._setup.plan.place_of(stage.index)
        if len(place.stages) == 1:
            return OwnEngine(self._kernel, f"stage {stage.index}")
        return self.unit("stage_engine", place.index, None)


def _action_ps(chip: Chip) -> dict[str, int]:
    """Return the times of whole actions by operation: forward, backward, update."""
    return {operation: getattr(chip.stage_engine, operation).value for operation in OPERATIONS["stage_engine"]}
