"""The groups of what can be registered, and what a user calls their members."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["GROUPS", "OF_PRESETS", "Group", "article", "member", "package"]

Group = Literal[
    "archsim.chips",
    "archsim.devices",
    "archsim.device_kinds",
    "archsim.algorithms",
    "archsim.algorithm_kinds",
    "archsim.schedules",
    "archsim.actions",
    "archsim.datasets",
    "archsim.operators",
    "archsim.losses",
    "archsim.arithmetics",
    "archsim.networks",
    "archsim.interconnects",
    "archsim.arbitrations",
    "archsim.searches",
]


def member(group: str) -> str:
    """Return what a member of a group is called: ``loss`` of ``archsim.losses``."""
    plural = group.removeprefix("archsim.").replace("_", " ")
    return plural.removesuffix("es" if plural.endswith(("sses", "ches")) else "s")


def article(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def package(module: str) -> str:
    """Return the package at the top of the path of a module."""
    return module.partition(".")[0]


#: A group by what a user calls one of its members: ``schedule``, ``device kind``, ...
GROUPS: dict[str, Group] = {member(group): group for group in get_args(Group)}
#: Groups whose members are functions that return a specification.
OF_PRESETS = frozenset({"archsim.chips", "archsim.devices", "archsim.algorithms", "archsim.networks"})
