"""What a user says about the pipeline schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsim.analog.specification.inference import ConductanceNoise, ReRAMWan2022
from archsim.specification import OpenFamily, Specification

__all__ = [
    "AnySchedule",
    "BoundedSpecification",
    "FileSpecification",
    "HybridSpecification",
    "InterleavedSpecification",
    "Overlap",
    "Positions",
    "ScheduleSpecification",
    "StashSpecification",
    "TwoVersionSpecification",
    "WeightCopies",
    "ZeroBubbleH2Specification",
    "ZeroBubbleSpecification",
    "copy_noise",
]

Count = Annotated[int, Field(ge=1)]

#: What of a stage's work may overlap.
Overlap = Literal["none", "layers", "stages"]

#: What becomes of conductances that are copied.
WeightCopies = Literal["programmed", "exact"]

#: How the positions of sequences pass the layers of a forward-only run.
Positions = Literal["together", "in-turn", "generated"]


class ScheduleSpecification(Specification):
    """Which order the stages work in.

    ``stages`` is a number (layers are balanced by modelled time) or the list of layer names of each
    stage. ``places`` is a number of places, which take the stages in turn, or the place of each stage, counted
    from 0; without it the kind says, and every stage has one of its own as a rule. ``micro_batches`` is per
    mini-batch. ``update`` and ``transfers`` default to what is usual for ``kind``. A kind may have keys of its own
    beside these.

    ``overlap`` says when a stage may begin its next action: after the end of the last one (``none``), or as
    soon as the layer at which it begins has done its own part of the last one (``layers``); layer by layer,
    the order of the actions stays. With ``stages``, what a stage makes also goes on to other stages at once, instead
    of at the end of its action. ``chunk_vectors`` cuts the vectors of a micro-batch into runs of that
    length, which follow each other through the steps of an action; without it a micro-batch is one.

    ``positions`` says how the positions of sequences pass the layers of a forward-only run: ``together``; one
    after the other (``in-turn``), so that causal attention reads the keys and values of those before from the buffer;
    or ``generated``, where each position begins when the last layer has given its output of the one before.
    """

    kind: str = "asynchronous"
    stages: Count | Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)] = 1
    places: Count | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    micro_batches: Count = 1
    update: Literal["immediate", "deferred", "scheduled"] | None = None
    transfers: Literal["fused", "separate"] | None = None
    overlap: Overlap = "none"
    chunk_vectors: Count | None = None
    positions: Positions = "together"


class ZeroBubbleSpecification(ScheduleSpecification):
    """The schedule ``zb-h1``, which places each U where a stage would have to wait.

    ``stored_max`` bounds the micro-batches that a stage stores between F and U. Without it they are as many as there
    are stages, the least with which no time is lost.
    """

    kind: Literal["zb-h1"] = "zb-h1"
    stored_max: Count | None = None


class BoundedSpecification(ScheduleSpecification):
    """The schedule ``bounded``: asynchronous, with a backward that is at most ``staleness_max`` updates late.

    Without updates in between (0), a micro-batch is back at a stage before the next one starts there.
    """

    kind: Literal["bounded"] = "bounded"
    staleness_max: Annotated[int, Field(ge=0)] = 1


class StashSpecification(ScheduleSpecification):
    """The schedule ``stash``: asynchronous, with free copies of old weights for backwards. It is hypothetical."""

    kind: Literal["stash"] = "stash"


class TwoVersionSpecification(ScheduleSpecification):
    """The schedule ``two-version``: asynchronous, with a second set of crossbars that holds each matrix once more.

    ``copies`` says what becomes of conductances that are copied from one set to the other: they are ``programmed`` onto
    devices of their own, with the error of ``copy_noise``, or ``exact``, as if both sets had the same devices, which is
    hypothetical. Time and energy are charged either way.
    """

    kind: Literal["two-version"] = "two-version"
    copies: WeightCopies = "programmed"
    copy_noise: ConductanceNoise = ReRAMWan2022()

    @model_validator(mode="after")
    def _noise_has_an_effect(self) -> TwoVersionSpecification:
        if self.copies == "exact" and self.copy_noise != ReRAMWan2022():
            raise PydanticCustomError(
                "copies_are_exact",
                "copies that are exact have no error of programming",
                {"field": "schedule.copy_noise", "allowed": "nothing; or any with schedule.copies: programmed"},
            )
        return self


class HybridSpecification(ScheduleSpecification):
    """The schedule ``hybrid``: asynchronous first, then synchronous to finish.

    The first ``asynchronous_mini_batches`` are trained asynchronously, all others synchronously.
    """

    kind: Literal["hybrid"] = "hybrid"
    asynchronous_mini_batches: Annotated[int, Field(ge=0)] = 1


class ZeroBubbleH2Specification(ScheduleSpecification):
    """The schedule ``zb-h2``, which runs so far ahead that no stage waits until its last update.

    ``stored_max`` bounds the micro-batches that a stage stores between F and U. Without it they are 2 M - 1 for M
    stages, the least with which no time is lost, or all of a mini-batch if that is less.
    """

    kind: Literal["zb-h2"] = "zb-h2"
    stored_max: Count | None = None


class FileSpecification(ScheduleSpecification):
    """The schedule ``file``: what a file lists, by stages or by places.

    ``path`` is that of the file, relative to the document. It holds the actions of one mini-batch, which all others
    repeat, where it has ``micro_batches`` micro-batches, and else those of the whole run.
    """

    kind: Literal["file"] = "file"
    path: str


class InterleavedSpecification(ScheduleSpecification):
    """The schedule ``interleaved``: one forward, one backward, with several stages at a place.

    A place takes ``group`` micro-batches through one of its stages before it turns to the next one; without it they are
    as many as there are places, the least with which no place waits in the middle of a mini-batch.
    """

    kind: Literal["interleaved"] = "interleaved"
    group: Count | None = None


def copy_noise(specification: ScheduleSpecification) -> ConductanceNoise | None:
    """Return the error of conductances that are copied; None where copies are exact.

    A kind of schedule that copies weights has the keys of ``two-version``, or takes their defaults.
    """
    default = TwoVersionSpecification()
    if getattr(specification, "copies", default.copies) == "exact":
        return None
    found: ConductanceNoise = getattr(specification, "copy_noise", default.copy_noise)
    return found


#: The section ``schedule`` of a document.
AnySchedule = Annotated[
    ScheduleSpecification
    | ZeroBubbleSpecification
    | ZeroBubbleH2Specification
    | InterleavedSpecification
    | BoundedSpecification
    | HybridSpecification
    | StashSpecification
    | FileSpecification
    | TwoVersionSpecification,
    OpenFamily("archsim.schedules"),
]
