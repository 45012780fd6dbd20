"""The command ``show``: what stands behind a name, or in a file of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from archsim import plugins
from archsim.chip.specification import Chip
from archsim.cli.catalogue import GROUPS, WORKLOADS, about
from archsim.cli.console import out
from archsim.document import find_experiment, group_of_file, load_experiment, load_part, readable, workload_names
from archsim.errors import InputError, did_you_mean
from archsim.experiment import Experiment

if TYPE_CHECKING:
    from archsim.analog.devices.curves import Curves
    from archsim.analog.specification import Device

__all__ = ["show"]


def show(name: str, overrides: Sequence[str] = (), figure: Path | None = None, targets: Sequence[float] = ()) -> None:
    """Print what stands behind a name, wherever it is registered, or in a file.

    Parameters
    ----------
    name : str
        A name, the path of a YAML file with an experiment, a chip, a device, an algorithm or a network, or the folder
        of a run.
    overrides : sequence of str
        Such as ``"dw_min=0.01"``, relative to what is shown.
    figure : Path, optional
        A file that gets the response of the device (of a chip and an experiment: of the chip's device) as a figure.
    targets : sequence of float
        Test accuracies: of a run, what it took to them is told.

    Raises
    ------
    InputError
        If there is nothing of that name, an override does not fit, or there is no device to draw.
    """
    if _is_run(name):
        for option, given in (("--set", next(iter(overrides), None)), ("--figure", figure)):
            if given is not None:
                remedy = f"leave out {option}"
                raise InputError("a finished run is shown as it is", field=option, value=given, remedy=remedy)
        from archsim.cli.showing_runs import show_run

        show_run(Path(name), targets)
        return
    if targets:
        raise InputError(
            "only of a finished run it is known what it took to a target",
            field="--target",
            value=targets[0],
            remedy="give the folder of a run",
        )
    found = list(_found(name, overrides, drawn=figure is not None))
    if not found:
        raise _unknown(name)
    if figure is not None:
        _save_response(name, [part for _, _, part in found], figure)
    console = out()
    for title, text, _ in found:
        if len(found) > 1:
            console.print(f"# {title}", soft_wrap=True)
        console.print(text.rstrip(), soft_wrap=True)


def _is_run(name: str) -> bool:
    """Return whether a name is no registered one, but that of a folder."""
    registered = {*workload_names(), *(known for group in GROUPS.values() for known in plugins.names(group))}
    return name not in registered and Path(name).is_dir()


def _found(name: str, overrides: Sequence[str], *, drawn: bool) -> Iterator[tuple[str, str, BaseModel | None]]:
    """Yield each thing of a name: its group, its text, and its specification if it has one."""
    for title, group in GROUPS.items():
        if name not in plugins.names(group):
            continue
        described = about(plugins.load(group, name))
        if group in plugins.OF_PRESETS:
            part = load_part(group, name, overrides)
            yield title, _with_comment([*described.splitlines(), ""], part), part
        elif overrides:
            raise InputError("nothing of it can be overridden", field="--set", value=overrides[0])
        else:
            yield title, f"{name}: {described}", None
    if name in workload_names() or Path(name).is_file():
        yield _from_file(name, overrides, drawn)


def _from_file(name: str, overrides: Sequence[str], drawn: bool) -> tuple[str, str, BaseModel | None]:
    file = find_experiment(name)
    group = group_of_file(file)
    if group is not None:
        part = load_part(group, file, overrides)
        return "file", _with_comment([str(file), ""], part), part
    if overrides:
        experiment = load_experiment(file, overrides)
        return WORKLOADS, f"# {file}\n{readable(experiment)}", experiment
    # As it was written, with its comments; who only reads it does not wait for it to be checked.
    text = file.read_text(encoding="utf-8")
    return WORKLOADS, f"# {file}\n{text}", load_experiment(file) if drawn else None


def _with_comment(lines: Sequence[str], part: BaseModel) -> str:
    """Return a specification as YAML below comments: given lines, and the response of a device."""
    curves, drawn = _curves(part), []
    if curves is not None:
        from archsim.cli.plotting import response_lines

        drawn = response_lines(curves)
    comment = "\n".join(f"# {line}".rstrip() for line in [*lines, *drawn]).rstrip("# \n")
    return f"{comment}\n{readable(part)}"


def _save_response(name: str, parts: Sequence[BaseModel | None], figure: Path) -> None:
    devices = [device for part in parts if (device := _device_of(part)) is not None]
    if not devices:
        raise InputError(
            "only devices, and chips and experiments with one, have a figure",
            field="--figure",
            value=name,
            remedy="see 'archsim list devices'",
        )
    curves = _curves(devices[0])
    if curves is None:
        raise InputError("this device has no pulses, so there is nothing to draw", field="--figure", value=name)
    from archsim.report import save_figure
    from archsim.report.figures import response_figure

    save_figure(response_figure(curves, Path(name).stem if Path(name).is_file() else name), figure)


def _device_of(part: BaseModel | None) -> BaseModel | None:
    """Return a device, or that of a chip or an experiment."""
    if isinstance(part, Experiment):
        part = part.chip
    if isinstance(part, Chip):
        part = part.device
    return part if _is_device(part) else None


def _is_device(part: BaseModel | None) -> bool:
    return getattr(part, "kind", None) in plugins.names("archsim.device_kinds")


def _curves(part: BaseModel) -> Curves | None:
    """Return the response of a device; None for one without pulses, and for what is no device."""
    if not _is_device(part):
        return None
    from archsim.analog.devices.curves import response_curves

    return response_curves(cast("Device", part))


def _unknown(name: str) -> InputError:
    known = sorted({*workload_names(), *(name for group in GROUPS.values() for name in plugins.names(group))})
    close = did_you_mean(name, known)
    return InputError(
        "neither a file nor a registered name",
        field="NAME",
        value=name,
        allowed=", ".join(known),
        remedy=f"did you mean '{close}'?" if close else "see 'archsim list'",
    )
