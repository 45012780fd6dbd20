"""Arbitration: of the jobs that wait for a unit, which one is served next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field, field_validator

from archsim import plugins
from archsim.errors import ArchsimError
from archsim.specification import OpenUnion, Specification, contradiction

__all__ = [
    "Arbitration",
    "ArbitrationUnion",
    "FirstComeFirstServed",
    "Priority",
    "RoundRobin",
    "WaitingJob",
    "arbiter_of",
]


class WaitingJob(Protocol):
    """What a policy may know of a job: the symbol of its action, and its stage (-1 for none)."""

    phase: str

    @property
    def stage(self) -> int:
        """The stage that asks."""


class Arbitration(Specification):
    """A policy. A unit that is free takes whoever asks; when a job ends, it asks its policy who is next.

    A kind of another package derives from this class, says its ``kind``, and registers as ``archsim.arbitrations``.
    """

    kind: str
    #: Whether it is the order of the requests, which a unit keeps by itself.
    in_order: ClassVar[bool] = False

    def choose(self, waiting: Sequence[WaitingJob], served: WaitingJob) -> int:
        """Return the position of the job that is next.

        Parameters
        ----------
        waiting : sequence of WaitingJob
            The jobs that wait, one at least, in the order of their requests.
        served : WaitingJob
            The job that has just ended.
        """
        raise NotImplementedError

    def position(self, waiting: Sequence[WaitingJob], served: WaitingJob) -> int:
        """Return what `choose` returns, if it is the position of a job that waits; see `choose`.

        Raises
        ------
        ArchsimError
            If it is something else.
        """
        position = self.choose(waiting, served)
        if not isinstance(position, int) or not 0 <= position < len(waiting):
            raise ArchsimError(
                f"arbitration '{self.kind}' chose {position!r} of {len(waiting)} waiting jobs, "
                f"and a position from 0 to {len(waiting) - 1} is needed"
            )
        return position


class FirstComeFirstServed(Arbitration):
    """In the order of the requests."""

    kind: Literal["first-come-first-served"] = "first-come-first-served"
    in_order: ClassVar[bool] = True

    def choose(self, waiting: Sequence[WaitingJob], served: WaitingJob) -> int:
        """Return the first."""
        return 0


class RoundRobin(Arbitration):
    """Stage after stage: the next stage that waits, counted on from the one just served; its jobs in their order."""

    kind: Literal["round-robin"] = "round-robin"

    def choose(self, waiting: Sequence[WaitingJob], served: WaitingJob) -> int:
        """Return the oldest job of the stage that comes next."""
        last = served.stage
        return min(range(len(waiting)), key=lambda position: _turn(waiting[position].stage, last))


class Priority(Arbitration):
    """By the kind of action: those named first go first; those not named last. Equal ones in their order."""

    kind: Literal["priority"] = "priority"
    order: Annotated[tuple[str, ...], Field(min_length=1)] = ("B", "F", "U")

    @field_validator("order")
    @classmethod
    def _is_an_order_of_actions(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        known = plugins.names("archsim.actions")
        unknown = next((symbol for symbol in order if symbol not in known), None)
        if unknown is not None:
            raise contradiction(
                f"'{unknown}' is no kind of action",
                remedy="name registered actions, the most urgent first",
                allowed=", ".join(known),
            )
        twice = next((symbol for symbol in order if order.count(symbol) > 1), None)
        if twice is not None:
            raise contradiction(
                f"'{twice}' stands twice", remedy="name each kind of action once", allowed=", ".join(known)
            )
        return order

    def choose(self, waiting: Sequence[WaitingJob], served: WaitingJob) -> int:
        """Return the oldest of the most urgent jobs."""
        return min(range(len(waiting)), key=lambda position: self._rank(waiting[position].phase))

    def _rank(self, phase: str) -> int:
        return self.order.index(phase) if phase in self.order else len(self.order)


def _turn(stage: int, last: int) -> tuple[bool, int]:
    """Return when it is a stage's turn: those behind the last one first."""
    return stage <= last, stage


def arbiter_of(policy: Arbitration) -> Arbitration | None:
    """Return what a unit asks who is next; None where it keeps the order of requests by itself."""
    return None if policy.in_order else policy


#: A policy, told by its kind or by the bare name of it.
ArbitrationUnion = Annotated[
    FirstComeFirstServed | RoundRobin | Priority, Field(discriminator="kind"), OpenUnion("archsim.arbitrations")
]
