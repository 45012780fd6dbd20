"""The commands ``list`` and ``schema``: what there is, and what a document holds."""

from __future__ import annotations

import inspect
import json
from typing import Any

from archsim import plugins
from archsim.cli.console import out, plain_table
from archsim.document import find_experiment, schema, workload_names
from archsim.document.source import read_file
from archsim.errors import ArchsimError, InputError, did_you_mean

__all__ = ["GROUPS", "WORKLOADS", "about", "print_group", "print_groups", "print_schema"]

GROUPS: dict[str, plugins.Group] = {
    "chips": "archsim.chips",
    "devices": "archsim.devices",
    "algorithms": "archsim.algorithms",
    "schedules": "archsim.schedules",
    "actions": "archsim.actions",
    "datasets": "archsim.datasets",
    "networks": "archsim.networks",
    "operators": "archsim.operators",
    "losses": "archsim.losses",
    "arithmetics": "archsim.arithmetics",
    "interconnects": "archsim.interconnects",
    "arbitrations": "archsim.arbitrations",
    "searches": "archsim.searches",
}
WORKLOADS = "workloads"


def print_groups() -> None:
    """Print every group with its names."""
    rows = [(group, ", ".join(plugins.names(entry))) for group, entry in GROUPS.items()]
    rows.append((WORKLOADS, ", ".join(workload_names())))
    out().print(plain_table(("group", "names"), rows, numbers_from=2))


def print_group(group: str) -> None:
    """Print the names of one group, with a line about each.

    Raises
    ------
    InputError
        If there is no such group.
    """
    if group == WORKLOADS:
        rows = [(name, _workload_line(name)) for name in workload_names()]
    elif group in GROUPS:
        rows = [(name, _line(GROUPS[group], name)) for name in plugins.names(GROUPS[group])]
    else:
        known = (*GROUPS, WORKLOADS)
        close = did_you_mean(group, known)
        raise InputError(
            "there is no such group",
            field="GROUP",
            value=group,
            allowed=", ".join(known),
            remedy=f"did you mean '{close}'?" if close else None,
        )
    out().print(plain_table((group, ""), rows, numbers_from=2))


def print_schema() -> None:
    """Print the JSON schema of an experiment."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))


def _line(group: plugins.Group, name: str) -> str:
    problem = plugins.problem_of(group, name)
    if problem is not None:
        return f"(broken: {problem})"
    return about(plugins.load(group, name)).partition("\n\n")[0].replace("\n", " ")


def about(registered: Any) -> str:
    """Return what something registered says about itself: its description if it is a value, else its docstring."""
    description = getattr(registered, "description", None)
    text = description if isinstance(description, str) else inspect.getdoc(registered) or ""
    if not text.startswith("Return "):
        return text
    text = text.removeprefix("Return ")
    return text[:1].upper() + text[1:]


def _workload_line(name: str) -> str:
    """Return the description that a workload gives of itself."""
    try:
        node = read_file(find_experiment(name)).child("description")
    except ArchsimError as error:
        return f"(broken: {str(error).splitlines()[0]})"
    return str(node.value) if node is not None else ""
