"""What a shell offers when a word is completed: names that are registered, and keys of a document."""

from __future__ import annotations

from collections.abc import Iterable

from archsim import plugins

__all__ = ["chips", "groups", "keys", "networks", "schedules", "searches", "shown", "workloads"]


def workloads(incomplete: str) -> list[str]:
    """Return workloads; files are the shell's own business."""
    from archsim.document.workloads import workload_names

    return _beginning(incomplete, workload_names())


def chips(incomplete: str) -> list[str]:
    """Return chips."""
    return _beginning(incomplete, plugins.names("archsim.chips"))


def networks(incomplete: str) -> list[str]:
    """Return networks."""
    return _beginning(incomplete, plugins.names("archsim.networks"))


def schedules(incomplete: str) -> list[str]:
    """Return schedules."""
    return _beginning(incomplete, plugins.names("archsim.schedules"))


def searches(incomplete: str) -> list[str]:
    """Return strategies of a sweep."""
    return _beginning(incomplete, plugins.names("archsim.searches"))


def groups(incomplete: str) -> list[str]:
    """Return what ``list`` lists."""
    from archsim.cli.catalogue import GROUPS, WORKLOADS

    return _beginning(incomplete, [*GROUPS, WORKLOADS])


def shown(incomplete: str) -> list[str]:
    """Return what ``show`` shows."""
    from archsim.cli.catalogue import GROUPS

    names = {name for group in GROUPS.values() for name in plugins.names(group)}
    return sorted({*_beginning(incomplete, names), *workloads(incomplete)})


def keys(incomplete: str) -> list[str]:
    """Return the keys of an experiment up to the next dot; keys of devices and other kinds are all kinds' together."""
    from archsim.document.field_descriptions import specifications

    found: set[str] = set()
    depth = incomplete.count(".")
    for model, paths in specifications().items():
        for path in paths:
            # A position of a list is a number; the first stands for all.
            dotted = ".".join("0" if part == "*" else part for part in path)
            found.update(f"{dotted}.{name}" if dotted else name for name in model.model_fields)
    sections = {key.rpartition(".")[0] for key in found}
    offered = [key for key in found if key.count(".") == depth]
    return [f"{key}." if key in sections else f"{key}=" for key in _beginning(incomplete, offered)]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
