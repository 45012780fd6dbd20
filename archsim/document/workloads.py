"""Experiments by the name of a workload: the documents in the folder ``workloads``."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from archsim.errors import InputError, did_you_mean

__all__ = ["find_experiment", "workload_names"]

_FOLDER = Path("workloads")


def workload_names() -> tuple[str, ...]:
    """Return the names of the documents in ``./workloads``, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def find_experiment(name: str | Path) -> Path:
    """Return the file of an experiment given by its path or by the name of a workload.

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
    workload = _FOLDER / f"{name}.yaml"
    if not workload.is_file():
        _refuse(name, "neither a file nor a workload")
    return workload


def _refuse(name: str | Path, problem: str) -> NoReturn:
    known = workload_names()
    close = did_you_mean(Path(name).stem, known)
    raise InputError(
        problem,
        field="EXPERIMENT",
        value=str(name),
        allowed="the path of a YAML file" + (f", or a workload: {', '.join(known)}" if known else ""),
        remedy=f"did you mean '{close}'?" if close else None,
    )
