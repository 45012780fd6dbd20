"""The files of a run's checkpoints: written whole or not at all, the last two kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archsim.engine.checkpoint.store import CheckpointError
from archsim.errors import InputError
from archsim.files import open_regular
from archsim.results.workspace import FolderGone

__all__ = ["CheckpointFolder"]

_KEPT = 2
_FORMAT = 4
#: The first line is a few digests and versions.
_MOST_OF_HEADER = 4096


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """Where a run keeps its checkpoints.

    A file is one line of JSON (format, version, identity, digest) and the stored objects.

    Attributes
    ----------
    directory : Path
        The folder; made with the first checkpoint.
    version : str
        Version of archsim.
    identity : mapping of str to str
        What a run is known again by (``experiment``, ``data``, ``weights``), as texts; a checkpoint of another is
        refused.
    """

    directory: Path
    version: str
    identity: Mapping[str, str]
    #: The folder around it, as it was when the run began; another one may be put in its place.
    _around: os.stat_result = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_around", os.stat(self.directory.parent))

    def save(self, stored: bytes) -> None:
        """Write a checkpoint and drop all but the last two.

        Raises
        ------
        FolderGone
            If another folder stands where this one's was; it is left as it is.
        CheckpointError
            If it cannot be written (no space, no folder); earlier ones are as they were.
        """
        header = {
            "format": _FORMAT,
            "archsim": self.version,
            "identity": self._digests(),
            "sha256": _digest(stored),
        }
        line = json.dumps(header).encode() + b"\n"
        kept: list[int] = []
        try:
            folder = self._open()
            try:
                kept = _numbers(os.listdir(folder))
                _write(folder, _name(kept[-1] + 1 if kept else 1), line, stored)
                for number in kept[: 1 - _KEPT]:
                    _drop(folder, _name(number))
            finally:
                os.close(folder)
        except OSError as error:
            raise CheckpointError(
                f"a checkpoint cannot be written to {self.directory}: {error.strerror}"
                + (" (the last one is kept)" if kept else "")
            ) from error

    def _open(self) -> int:
        # By folders themselves, not their paths: another run's may stand there any moment.
        around = os.open(self.directory.parent, os.O_RDONLY)
        try:
            if not os.path.samestat(os.fstat(around), self._around):
                raise FolderGone(self.directory.parent)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.directory.name, dir_fd=around)
            return os.open(self.directory.name, os.O_RDONLY, dir_fd=around)
        finally:
            os.close(around)

    def load(self) -> bytes | None:
        """Return the newest whole checkpoint, or None if there is none.

        Raises
        ------
        InputError
            If it was written by another version or for another experiment.
        CheckpointError
            If there are checkpoints, but all are damaged.
        """
        numbers = _numbers(os.listdir(self.directory)) if self.directory.is_dir() else []
        for number in reversed(numbers):
            stored = self._read(self.directory / _name(number))
            if stored is not None:
                return stored
        if numbers:
            raise CheckpointError(f"all checkpoints in {self.directory} are damaged; start the run again with --force")
        return None

    def _read(self, path: Path) -> bytes | None:
        try:
            with open_regular(path, follow=False) as file:
                header = json.loads(file.readline(_MOST_OF_HEADER))
                start = file.tell()
                # Seen to be whole before the memory for it is asked for.
                if header["sha256"] != hashlib.file_digest(file, "sha256").hexdigest():
                    return None
                file.seek(start)
                stored = file.read()
            format_, version, found = header["format"], header["archsim"], header.get("identity")
        except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError):
            return None
        if (version, format_) != (self.version, _FORMAT):
            raise InputError(
                "this run was begun with another version of archsim, whose checkpoints cannot be taken up",
                value=f"version {version}, format {format_}",
                allowed=f"version {self.version}, format {_FORMAT}",
                remedy="go on with that version, or start again with --force",
            )
        wanted = self._digests()
        if found != wanted:
            others = found if isinstance(found, dict) else {}
            raise _of_another(next(name for name in (*wanted, *others) if others.get(name) != wanted.get(name)), path)
        return stored

    def _digests(self) -> dict[str, str]:
        return {name: _digest(text.encode()) for name, text in self.identity.items()}


def _of_another(part: str, path: Path) -> InputError:
    """Return the error of a checkpoint whose run is another one, by the first part that differs."""
    if part == "experiment":
        problem, remedy = "experiment", "resume with the experiment and overrides that the run was begun with"
    else:
        problem = f"run: its {part} have changed since"
        remedy = f"bring back the {part} that the run was begun with, or start it again with --force"
    return InputError(f"the checkpoint belongs to another {problem}", value=str(path), remedy=remedy)


def _name(number: int) -> str:
    return f"checkpoint-{number:06d}.bin"


def _numbers(names: Iterable[str]) -> list[int]:
    """Return the numbers of the checkpoints among files, in order."""
    found = (Path(name) for name in names if name.startswith("checkpoint-") and name.endswith(".bin"))
    digits = (path.stem.removeprefix("checkpoint-") for path in found)
    return sorted(int(number) for number in digits if number.isdecimal())


def _write(folder: int, name: str, *parts: bytes) -> None:
    """Bring a file to the disk in an open folder, whole or not at all."""
    partial = f"{name}.partial"

    def within(path: str, flags: int) -> int:
        return os.open(path, flags, 0o666, dir_fd=folder)

    try:
        with open(partial, "wb", opener=within) as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError:
        _drop(folder, partial)
        raise


def _drop(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
