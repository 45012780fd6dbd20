"""Registries behind entry points: the built-ins come through the same door as everybody else's.

A package outside archsim adds, for example, a schedule by declaring in its ``pyproject.toml``::

    [project.entry-points."archsim.schedules"]
    my-schedule = "my_package.schedules:my_schedule"
"""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from archsim.errors import InputError, did_you_mean

__all__ = ["Group", "load", "names"]

Group = Literal[
    "archsim.chips",
    "archsim.devices",
    "archsim.algorithms",
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


def load(group: Group, name: str, *, field: str | None = None) -> Any:
    """Return the object registered as `name`.

    Raises
    ------
    InputError
        If nothing of that name is registered; the closest name is suggested.
    """
    points = _points(group)
    if name not in points:
        what = group.removeprefix("archsim.").removesuffix("s")
        close = did_you_mean(name, points)
        raise InputError(
            f"there is no {what} of this name",
            field=field,
            value=name,
            allowed=", ".join(points),
            remedy=f"did you mean '{close}'?" if close else f"see 'archsim list {what}s'",
        )
    return points[name].load()
