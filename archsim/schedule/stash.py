"""The schedule ``stash``: asynchronous, where a backward meets the weights that its forward met.

Weight stashing as of PipeDream (Harlap et al., arXiv:1806.03377): a digital device keeps a copy of the weights for each
micro-batch in flight. A crossbar cannot: here copies are exact and cost neither time, energy nor space. The schedule is
hypothetical; it tells what it would be worth that forward and backward meet the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.actions import Action, PipelineShape, ScheduleKind
from archsim.schedule.generators import asynchronous
from archsim.schedule.specification import StashSpecification

__all__ = ["stash"]


def _order(shape: PipelineShape, stage: int, settings: StashSpecification) -> Iterator[Action]:
    for action in asynchronous.order(shape, stage, settings):
        yield action._replace(kind="Bs") if action.kind == "B" else action


stash = ScheduleKind(
    _order,
    "immediate",
    "Hypothetical: asynchronous, with free copies of the weights that each forward met, for its backward "
    "(weight stashing of PipeDream, arXiv:1806.03377).",
    ("F", "Bs", "U"),
    Settings=StashSpecification,
    closed_forms=asynchronous.closed_forms,
)
