"""The command ``init``: a first experiment to change."""

from __future__ import annotations

import os
from pathlib import Path

from archsim.cli.console import out
from archsim.document import starting_document
from archsim.errors import InputError
from archsim.results.folder import cannot_write, write_file

__all__ = ["write_start"]


def write_start(file: Path, *, chip: str | None, network: str | None, schedule: str | None, force: bool) -> None:
    """Write an experiment with the description of every key into a file.

    Raises
    ------
    InputError
        If there is something at that path and `force` is not given, nothing may be written there, or a name is not
        registered.
    """
    text = starting_document(chip=chip, network=network, schedule=schedule)
    if os.path.lexists(file) and not (force and file.is_file() and not file.is_symlink()):
        raise InputError(
            "there is something of this name already",
            field="FILE",
            value=str(file),
            remedy="give another name" + (", or --force to replace the file" if file.is_file() else ""),
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, text)
    except OSError as error:
        raise cannot_write(file, error) from error
    out().print(f"experiment: {file}", soft_wrap=True)
