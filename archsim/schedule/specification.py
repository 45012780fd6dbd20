"""What a user says about the pipeline schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.specification import OpenFamily, Specification

__all__ = ["AnySchedule", "ScheduleSpecification", "ZeroBubbleSpecification"]

Count = Annotated[int, Field(ge=1)]


class ScheduleSpecification(Specification):
    """Which order the stages work in.

    ``stages`` is a number (layers are balanced by modelled time) or the list of layer names of each
    stage. ``micro_batches`` is per mini-batch. ``update`` and ``transfers`` default to what is usual for ``kind``. A
    kind may have keys of its own beside these.
    """

    kind: str = "asynchronous"
    stages: Count | Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)] = 1
    micro_batches: Count = 1
    update: Literal["immediate", "deferred", "scheduled"] | None = None
    transfers: Literal["fused", "separate"] | None = None


class ZeroBubbleSpecification(ScheduleSpecification):
    """The schedule ``zb-h1``, which places each U where a stage would have to wait.

    ``stored_max`` bounds the micro-batches that a stage stores between F and U. Without it they are as many as there
    are stages, the least with which no time is lost.
    """

    kind: Literal["zb-h1"] = "zb-h1"
    stored_max: Count | None = None


#: The section ``schedule`` of a document.
AnySchedule = Annotated[ScheduleSpecification | ZeroBubbleSpecification, OpenFamily("archsim.schedules")]
