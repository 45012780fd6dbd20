"""What a user says about the pipeline schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.specification import Specification

__all__ = ["ScheduleSpecification"]

Count = Annotated[int, Field(ge=1)]


class ScheduleSpecification(Specification):
    """Which order the stages work in.

    ``stages`` is a number (layers are balanced by modelled time) or the list of layer names of each
    stage. ``micro_batches`` is per mini-batch. ``update`` and ``transfers``
    default to what is usual for ``kind``.
    """

    kind: str = "asynchronous"
    stages: Count | Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)] = 1
    micro_batches: Count = 1
    update: Literal["immediate", "deferred"] | None = None
    transfers: Literal["fused", "separate"] | None = None
