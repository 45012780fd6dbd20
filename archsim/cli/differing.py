"""The command ``diff``: the keys in which two experiments differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archsim.cli.console import out
from archsim.document import load_experiment
from archsim.errors import ArchsimError, InputError
from archsim.experiment import Experiment
from archsim.results.differences import ABSENT, differing_keys
from archsim.results.save import DOCUMENT_FILE

__all__ = ["print_differences", "shown"]


class Trouble(ArchsimError):  # noqa: N818
    """An experiment cannot be compared; 1 would say that it differs."""

    exit_code = 2


def print_differences(first: str, second: str) -> bool:
    """Print the keys in which two experiments differ with both values; return whether there are any.

    Raises
    ------
    InputError
        If one is no experiment.
    Trouble
        If one cannot be read for another reason.
    """
    found = differing_keys(_experiment(first), _experiment(second))
    console = out()
    for key, values in found.items():
        console.print(f"{key}: {' -> '.join(map(shown, values))}", soft_wrap=True)
    return bool(found)


def _experiment(subject: str) -> Experiment:
    """Return the experiment of a file, a workload or a folder of results."""
    folder = Path(subject)
    try:
        if not folder.is_dir():
            return load_experiment(subject)
        document = folder / DOCUMENT_FILE
        if not document.is_file():
            raise InputError(
                f"this folder holds no run (it has no {DOCUMENT_FILE})",
                field="A, B",
                value=subject,
                remedy="give a folder that 'archsim run' wrote, a YAML file or a workload",
            )
        return load_experiment(document)
    except InputError:
        raise
    except ArchsimError as error:
        raise Trouble(str(error)) from error


def shown(value: Any) -> str:
    """Write a value as a document has it; `ABSENT` as such."""
    if value is ABSENT:
        return "absent"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
