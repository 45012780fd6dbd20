"""Registries behind entry points: the built-ins come through the same door as everybody else's.

A package outside archsim adds, for example, a schedule by declaring in its ``pyproject.toml``::

    [project.entry-points."archsim.schedules"]
    my-schedule = "my_package.schedules:my_schedule"
"""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from archsim.errors import ArchsimError, InputError, Place, did_you_mean

__all__ = ["Group", "load", "names", "unknown"]

Group = Literal[
    "archsim.chips",
    "archsim.devices",
    "archsim.device_kinds",
    "archsim.algorithms",
    "archsim.algorithm_kinds",
    "archsim.schedules",
    "archsim.datasets",
    "archsim.operators",
    "archsim.networks",
]


@functools.cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda p: p.name)}


def names(group: Group) -> tuple[str, ...]:
    """Return the registered names of a group, sorted."""
    return tuple(_points(group))


def unknown(group: Group, name: str, *, field: str | None = None, place: Place | None = None) -> InputError:
    """Return the error that says that nothing is registered as `name`, with the closest name."""
    known = names(group)
    what = group.removeprefix("archsim.").removesuffix("s")
    close = did_you_mean(name, known)
    return InputError(
        f"there is no {what.replace('_', ' ')} of this name",
        field=field,
        value=name,
        allowed=", ".join(known),
        remedy=f"did you mean '{close}'?" if close else f"see 'archsim list {what.removesuffix('_kind')}s'",
        place=place,
    )


def load(group: Group, name: str, *, field: str | None = None, place: Place | None = None) -> Any:
    """Return the object registered as `name`.

    Raises
    ------
    InputError
        If nothing of that name is registered; the closest name is suggested.
    ArchsimError
        If it is registered and cannot be imported.
    """
    points = _points(group)
    if name not in points:
        raise unknown(group, name, field=field, place=place)
    point = points[name]
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        if isinstance(error, ImportError) and error.name == "archsim._core":
            raise  # The core refuses what ARCHSIM_ISA asks for; what is registered is not to blame.
        raise ArchsimError(f"'{name}' of {group} cannot be loaded from {point.value}: {error}") from error
