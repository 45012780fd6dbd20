"""A result folder is there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from archsim.errors import ArchsimError, InputError

__all__ = ["Writer", "cannot_write", "check_target", "to_disk", "write_file", "write_folder", "writing_to"]

#: Writes files into the folder that it is given.
Writer = Callable[[Path], None]

#: What goes wrong on the side of the machine, not by the choice of the folder.
_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def write_folder(directory: Path, writers: Sequence[Writer], *, marker: str, force: bool = False) -> None:
    """Make a folder whose files are all written, or none.

    The files go into a hidden sibling folder, are brought to the disk, and the sibling is renamed. A
    crash at any moment leaves the old folder as it was (at worst under its hidden name), never half a
    new one.

    Parameters
    ----------
    directory : Path
        The folder to make; folders above it are made as needed.
    writers : sequence of callable
        Called one after the other with the folder under construction.
    marker : str
        A file that every folder of this kind has: `force` replaces nothing else.
    force : bool
        Whether an existing folder is replaced, once the new one is complete.

    Raises
    ------
    InputError
        If the folder exists and `force` is not given, or is not of this kind, or cannot be made.
    """
    directory = Path(os.path.abspath(directory))
    check_target(directory, marker=marker, force=force)
    new = directory.with_name(f".{directory.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        new.mkdir()
    except OSError as error:
        raise cannot_write(directory, error) from error
    try:
        for write in writers:
            write(new)
        for path in [*sorted(new.rglob("*")), new]:
            to_disk(path)
        _put(new, directory, force)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def check_target(directory: Path, *, marker: str, force: bool = False) -> None:
    """Raise the error that `write_folder` would raise for an existing folder (worth asking before a long run)."""
    if not os.path.lexists(directory):
        return
    if not force:
        raise InputError(
            "the output folder exists already",
            value=str(directory),
            remedy="give another folder, or --force to replace it",
        )
    replaceable = directory.is_dir() and ((directory / marker).is_file() or not any(directory.iterdir()))
    if directory.is_symlink() or not replaceable:
        raise InputError(
            f"this is not a folder that archsim wrote (it has no {marker}), so it is not replaced",
            value=str(directory),
            remedy="give another folder",
        )


def _put(new: Path, directory: Path, force: bool) -> None:
    old = new.with_suffix(".old")
    if force and directory.exists():
        directory.rename(old)
    try:
        new.rename(directory)
    except OSError:
        if old.exists():
            old.rename(directory)
        raise
    to_disk(directory.parent)
    shutil.rmtree(old, ignore_errors=True)


def cannot_write(directory: Path, error: OSError) -> ArchsimError:
    """Return the error to raise where something cannot be made or written: wrong input, or a full disk."""
    if error.errno in _MACHINE:
        return ArchsimError(f"nothing more can be written to {directory}: {error.strerror}\n  remedy:  make room there")
    return InputError(
        f"this cannot be made or written: {error.strerror}",
        value=str(directory),
        remedy="give another place with -o",
    )


@contextmanager
def writing_to(directory: Path) -> Iterator[None]:
    """Say as `cannot_write` does what the system does not let be made or written within."""
    try:
        yield
    except OSError as error:
        raise cannot_write(directory, error) from error


def write_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all, and bring it to the disk."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    to_disk(partial)
    partial.replace(path)
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
