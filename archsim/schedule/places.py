"""Which place holds each stage: as the user says, or as the kind of schedule has it."""

from __future__ import annotations

from archsim.errors import ArchsimError, InputError
from archsim.schedule.registered import kind_of
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["places_for", "places_of"]

_FIELD = "schedule.places"


def places_of(specification: ScheduleSpecification) -> tuple[int, ...]:
    """Return the place of each stage that a user asks for, see `places_for`."""
    stages = specification.stages
    return places_for(specification, stages if isinstance(stages, int) else len(stages))


def places_for(specification: ScheduleSpecification, stages: int) -> tuple[int, ...]:
    """Return the place of each of so many stages.

    A number of places takes the stages in turn: 4 stages on 2 places lie at 0, 1, 0, 1, so that neighbours in the
    pipeline never share one.

    Raises
    ------
    InputError
        If there are more places than stages, or a list does not give each stage one of the places 0, 1, ...
    """
    places = specification.places
    if places is None:
        kind = kind_of(specification)
        return (
            tuple(range(stages)) if kind.places is None else _of_kind(specification.kind, kind.places(stages), stages)
        )
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
            remedy="give as many places as there are stages, or the number of places alone",
        )
    # Entries fill at most as many places as there are of them: the first gap, if there is one, lies below that.
    held, last = {*places}, max(places)
    missing = next((place for place in range(min(stages, last + 1)) if place not in held), None)
    if missing is not None:
        raise InputError(
            f"places are numbered from 0 without a gap, but place {missing} holds no stage",
            field=_FIELD,
            value=list(places),
            allowed=f"the places 0, 1, ... up to at most {stages - 1}, each of them at least once",
            remedy=f"give a stage the place {missing}, or number the places anew from 0",
        )
    return places


def _of_kind(kind: str, places: object, stages: int) -> tuple[int, ...]:
    """Return the places that a kind of schedule gives to stages, if each stage has one and none is left out."""
    if isinstance(places, tuple) and len(places) == stages and {*places} == {*range(len({*places}))}:
        return places
    raise ArchsimError(
        f"schedule '{kind}' gives {stages} stages the places {places!r}, and a tuple of {stages} numbers is needed, "
        "from 0 without a gap"
    )
