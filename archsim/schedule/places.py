"""Which place holds each stage: as the user says, or as the kind of schedule has it."""

from __future__ import annotations

from archsim.errors import InputError
from archsim.schedule.make import kind_of
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["places_of"]

_FIELD = "schedule.places"


def places_of(specification: ScheduleSpecification) -> tuple[int, ...]:
    """Return the place of each stage.

    A number of places takes the stages in turn: 4 stages on 2 places lie at 0, 1, 0, 1, so that neighbours in the
    pipeline never share one.

    Raises
    ------
    InputError
        If there are more places than stages, or a list does not give each stage one of the places 0, 1, ...
    """
    stages = specification.stages if isinstance(specification.stages, int) else len(specification.stages)
    places = specification.places
    if places is None:
        kind = kind_of(specification)
        return tuple(range(stages)) if kind.places is None else kind.places(stages)
    if isinstance(places, int):
        if places > stages:
            raise InputError(
                "every place holds at least one stage",
                field=_FIELD,
                value=places,
                allowed=f"1..{stages}, as there {'is one stage' if stages == 1 else f'are {stages} stages'}",
            )
        return tuple(stage % places for stage in range(stages))
    if len(places) != stages:
        raise InputError(
            "a list of places has one entry for each stage",
            field=_FIELD,
            value=list(places),
            allowed=f"{stages} numbers",
        )
    missing = sorted({*range(max(places) + 1)} - {*places})
    if missing:
        raise InputError(
            f"places are numbered from 0 without a gap, but place {missing[0]} holds no stage",
            field=_FIELD,
            value=list(places),
        )
    return places
