"""Experiments by the name of a workload: the documents in ``./workloads``, and those that archsim ships."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from archsim.errors import InputError, did_you_mean

__all__ = ["SHIPPED", "find_experiment", "workload_names"]

#: The folder of the shipped ones: a link in a checkout, a folder in a wheel.
SHIPPED = Path(__file__).parents[1] / "workloads"
#: The user's own folder comes first.
_FOLDERS = (Path("workloads"), SHIPPED)


def workload_names() -> tuple[str, ...]:
    """Return the names of the documents in ``./workloads`` and of those that archsim ships, sorted."""
    return tuple(sorted({path.stem for folder in _FOLDERS for path in folder.glob("*.yaml")}))


def find_experiment(name: str | Path) -> Path:
    """Return the file of an experiment given by its path or by the name of a workload.

    A document of that name in ``./workloads`` takes the place of a shipped one.

    Raises
    ------
    InputError
        If there is neither; the closest workload is suggested.
    """
    try:
        path = Path(name).expanduser()
        there, file = path.exists(), path.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have
        _refuse(name, "there is no such file")
    if there or path.suffix or len(path.parts) != 1:
        if not file:
            _refuse(name, "not a file" if there else "there is no such file")
        return path
    workloads = (folder / f"{name}.yaml" for folder in _FOLDERS)
    workload = next((file for file in workloads if file.is_file()), None)
    if workload is None:
        _refuse(name, "neither a file nor a workload")
    return workload


def _refuse(name: str | Path, problem: str) -> NoReturn:
    known = workload_names()
    close = did_you_mean(Path(name).stem, known)
    raise InputError(
        problem,
        field="EXPERIMENT",
        value=str(name),
        allowed=f"the path of a YAML file, or a workload: {', '.join(known)}",
        remedy=f"did you mean '{close}'?" if close else None,
    )
