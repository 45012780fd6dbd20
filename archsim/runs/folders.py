"""Folders of results: fresh ones under ``runs``, and those that a user names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

from archsim.errors import InputError
from archsim.results.folder import cannot_write

__all__ = ["check_place", "fresh_folder", "fresh_paths"]


def check_place(directory: Path) -> None:
    """Raise an error now if a folder could not be made at the end of a long simulation.

    Raises
    ------
    InputError
        If what stands above it is no folder, or nothing may be written there.
    """
    above = Path(os.path.abspath(directory)).parent
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        problem = "this is not a folder"
    elif not os.access(above, os.W_OK | os.X_OK):
        problem = "nothing may be written into this folder"
    else:
        return
    raise InputError(problem, field="--output", value=str(above), remedy="give another folder with -o")


@contextmanager
def fresh_folder(name: str) -> Iterator[Path]:
    """Reserve a new folder under ``runs``, called like the experiment and the time.

    It is made at once, so that two runs that start together never share one; if the run fails, it goes
    again.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    paths = fresh_paths(name)
    while True:
        directory = next(paths)
        check_place(directory)
        try:
            directory.mkdir(parents=True)
            break
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(directory, error) from error
    try:
        yield directory
    finally:
        if not any(directory.iterdir()):
            directory.rmdir()


def fresh_paths(name: str) -> Iterator[Path]:
    """Yield paths under ``runs``, called like an experiment and the time, at which nothing stands."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "run"
    stem = f"{plain}-{datetime.now():%Y%m%d-%H%M%S}"
    for i in count(1):
        directory = Path("runs") / (stem if i == 1 else f"{stem}-{i}")
        if not os.path.lexists(directory):
            yield directory
