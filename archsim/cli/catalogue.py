"""The commands ``list``, ``show`` and ``schema``: what there is, what stands behind a name, what a document holds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from archsim import plugins
from archsim.cli.console import out, plain_table
from archsim.document import find_experiment, load_preset, readable, schema, workload_names
from archsim.document.source import read_file
from archsim.errors import ArchsimError, InputError, did_you_mean

if TYPE_CHECKING:
    from archsim.analog.devices.curves import Curves
    from archsim.analog.specification import Device

__all__ = ["print_group", "print_groups", "print_schema", "show_name"]

_GROUPS: dict[str, plugins.Group] = {
    "chips": "archsim.chips",
    "devices": "archsim.devices",
    "algorithms": "archsim.algorithms",
    "schedules": "archsim.schedules",
    "datasets": "archsim.datasets",
    "networks": "archsim.networks",
    "operators": "archsim.operators",
}
_WORKLOADS = "workloads"


def print_groups() -> None:
    """Print every group with its names."""
    rows = [(group, ", ".join(plugins.names(entry))) for group, entry in _GROUPS.items()]
    rows.append((_WORKLOADS, ", ".join(workload_names())))
    out().print(plain_table(("group", "names"), rows, numbers_from=2))


def print_group(group: str) -> None:
    """Print the names of one group, with a line about each.

    Raises
    ------
    InputError
        If there is no such group.
    """
    if group == _WORKLOADS:
        rows = [(name, _workload_line(name)) for name in workload_names()]
    elif group in _GROUPS:
        rows = [(name, _line(_GROUPS[group], name)) for name in plugins.names(_GROUPS[group])]
    else:
        known = (*_GROUPS, _WORKLOADS)
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


def show_name(name: str, figure: Path | None = None) -> None:
    """Print what stands behind a name, wherever it is registered.

    Parameters
    ----------
    name : str
        The name.
    figure : Path, optional
        A file that gets the response of the device of this name, as a figure.

    Raises
    ------
    InputError
        If the name is nowhere, or a figure is wanted of something that has none.
    """
    console = out()
    if figure is not None:
        _save_response(name, figure)
    found = list(_found(name))
    for title, text in found:
        if len(found) > 1:
            console.print(f"# {title}", soft_wrap=True)
        console.print(text.rstrip(), soft_wrap=True)
    if found:
        return
    known = sorted({*workload_names(), *(name for group in _GROUPS.values() for name in plugins.names(group))})
    close = did_you_mean(name, known)
    raise InputError(
        "nothing of this name is registered",
        field="NAME",
        value=name,
        allowed=", ".join(known),
        remedy=f"did you mean '{close}'?" if close else "see 'archsim list'",
    )


def _found(name: str) -> Iterator[tuple[str, str]]:
    for title, group in _GROUPS.items():
        if name in plugins.names(group):
            yield title, _describe(group, name)
    if name in workload_names() or Path(name).is_file():
        file = find_experiment(name)
        read_file(file)  # Says what is wrong with a file that is no document.
        yield _WORKLOADS, f"# {file}\n{file.read_text(encoding='utf-8')}"


def _describe(group: plugins.Group, name: str) -> str:
    text = _about(plugins.load(group, name))
    if group == "archsim.devices":
        text = "\n".join([text, "", *_response(name)])
    if group in ("archsim.chips", "archsim.devices", "archsim.algorithms", "archsim.networks"):
        about = "\n".join(f"# {line}".rstrip() for line in text.splitlines())
        return f"{about}\n{readable(load_preset(group, name))}"
    return f"{name}: {text}"


def _response(name: str) -> list[str]:
    """Return the response of a device as lines of text; none for a device without pulses."""
    from archsim.cli.plotting import response_lines

    curves = _curves(name)
    return [] if curves is None else response_lines(curves)


def _save_response(name: str, figure: Path) -> None:
    if name not in plugins.names("archsim.devices"):
        raise InputError(
            "only devices have a figure", field="--figure", value=name, remedy="see 'archsim list devices'"
        )
    curves = _curves(name)
    if curves is None:
        raise InputError("this device has no pulses, so there is nothing to draw", field="--figure", value=name)
    from archsim.report import save_figure
    from archsim.report.figures import response_figure

    save_figure(response_figure(curves, name), figure)


def _curves(name: str) -> Curves | None:
    from archsim.analog.devices.curves import response_curves

    return response_curves(cast("Device", load_preset("archsim.devices", name)))


def _line(group: plugins.Group, name: str) -> str:
    try:
        registered: Any = plugins.load(group, name)
    except ArchsimError as error:
        return f"(broken: {error})"
    return _about(registered).partition("\n\n")[0].replace("\n", " ")


def _about(registered: Any) -> str:
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
