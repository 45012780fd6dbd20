"""What is known before the clock starts: chip, mapping, programs, schedule."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.chip.specification import Chip
from archsim.engine.program import StageProgram
from archsim.mapping.plan import Plan
from archsim.schedule.actions import Schedule

__all__ = ["Setup"]


@dataclass(frozen=True, slots=True)
class Setup:
    """An experiment made ready to run.

    Attributes
    ----------
    chip : Chip
        What is built.
    plan : Plan
        Where everything lies.
    programs : tuple of StageProgram
        What each stage does in an F, B and U.
    schedule : Schedule
        In which order.
    vectors : int
        Samples of a micro-batch.
    """

    chip: Chip
    plan: Plan
    programs: tuple[StageProgram, ...]
    schedule: Schedule
    vectors: int

    @property
    def stage_engines(self) -> bool:
        """Whether the chip has abstract stages instead of units."""
        return self.chip.stage_engine is not None

    def home(self, stage: int) -> int:
        """Return the home node of a stage."""
        return self.plan.stages[stage].home
