"""In which order a stage takes micro-batches in, and space for them.

Space is granted in that order, whatever arrives first: a micro-batch that came early must not hold the space of one
that the stage does before it, on which the early one may wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from archsim.chip.components import Claimant
from archsim.engine.events.spaces import Space
from archsim.schedule.actions import Schedule

__all__ = ["Intake", "IntakeOrder"]


class IntakeOrder:
    """The micro-batches of a run in the order in which a stage takes them in.

    Parameters
    ----------
    schedule : Schedule
        What the stages do.
    stage : int
        The stage.

    Attributes
    ----------
    next : int or None
        The one that comes next; None at the end.
    passed : int
        How many came before it.
    """

    __slots__ = ("_rest", "_schedule", "_stage", "next", "passed")

    def __init__(self, schedule: Schedule, stage: int) -> None:
        self._schedule = schedule
        self._stage = stage
        self.next: int | None
        self.passed = 0
        self.restored()

    def restored(self) -> None:
        """Set what follows from the schedule: the micro-batches from the position on."""
        self._rest = islice(self._taken(), self.passed, None)
        self.next = next(self._rest, None)

    def advance(self) -> None:
        """Go on to the next one."""
        self.passed += 1
        self.next = next(self._rest, None)

    def _taken(self) -> Iterator[int]:
        taking = {symbol for symbol, kind in self._schedule.kinds.items() if kind.awaits == "values"}
        return (action[1] for action in self._schedule.stage(self._stage) if action[0] in taking)


class Intake:
    """Space for the micro-batches of a stage, granted in the order in which it takes them in.

    Parameters
    ----------
    order : IntakeOrder
        That order.
    space : Space
        Where the stage stores them.
    footprint : int
        Bytes of each.
    """

    __slots__ = ("_early", "_footprint", "_order", "_space")

    def __init__(self, order: IntakeOrder, space: Space, footprint: int) -> None:
        self._order = order
        self._space = space
        self._footprint = footprint
        self._early: dict[int, Claimant] = {}

    def claim(self, micro_batch: int, claimant: Claimant) -> None:
        """Reserve space for a micro-batch; the claimant is told when all before it have theirs, and there is enough."""
        order = self._order
        if micro_batch != order.next:
            self._early[micro_batch] = claimant
            return
        order.advance()
        self._space.claim(self._footprint, claimant)
        while self._early and order.next in self._early:
            following = self._early.pop(order.next)
            order.advance()
            self._space.claim(self._footprint, following)
