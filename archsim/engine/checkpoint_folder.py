"""The files of a run's checkpoints: written whole or not at all, the last two kept."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from archsim.engine.checkpoint import CheckpointError
from archsim.errors import InputError

__all__ = ["CheckpointFolder"]

_KEPT = 2
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """Where a run keeps its checkpoints.

    A file is one line of JSON (format, version, experiment, digest) and the stored objects.

    Attributes
    ----------
    directory : Path
        The folder; made with the first checkpoint.
    version : str
        Version of archsim.
    experiment : str
        The experiment's text; a checkpoint of another one is refused.
    """

    directory: Path
    version: str
    experiment: str

    def save(self, stored: bytes) -> None:
        """Write a checkpoint and drop all but the last two.

        Raises
        ------
        CheckpointError
            If it cannot be written (no space, no folder); earlier ones are as they were.
        """
        header = {
            "format": _FORMAT,
            "archsim": self.version,
            "experiment": _digest(self.experiment.encode()),
            "sha256": _digest(stored),
        }
        numbers = self._numbers()
        path = self._path(numbers[-1] + 1 if numbers else 1)
        partial = path.with_suffix(".partial")
        try:
            self.directory.mkdir(exist_ok=True)
            with partial.open("wb") as file:
                file.write(json.dumps(header).encode() + b"\n")
                file.write(stored)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
            _sync(self.directory)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise CheckpointError(
                f"a checkpoint cannot be written to {self.directory}: {error.strerror}"
                + (" (the last one is kept)" if numbers else "")
            ) from error
        for number in self._numbers()[:-_KEPT]:
            self._path(number).unlink(missing_ok=True)

    def load(self) -> bytes | None:
        """Return the newest whole checkpoint, or None if there is none.

        Raises
        ------
        InputError
            If it was written by another version or for another experiment.
        CheckpointError
            If there are checkpoints, but all are damaged.
        """
        numbers = self._numbers()
        for number in reversed(numbers):
            stored = self._read(self._path(number))
            if stored is not None:
                return stored
        if numbers:
            raise CheckpointError(f"all checkpoints in {self.directory} are damaged; start the run again with --force")
        return None

    def _read(self, path: Path) -> bytes | None:
        try:
            line, _, stored = path.read_bytes().partition(b"\n")
            header = json.loads(line)
            if header["sha256"] != _digest(stored):
                return None
            format_, version, experiment = header["format"], header["archsim"], header["experiment"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if format_ != _FORMAT or version != self.version:
            raise InputError(
                "this run was begun with another version of archsim, whose checkpoints cannot be taken up",
                value=f"version {version}",
                allowed=f"version {self.version}",
                remedy="go on with that version, or start again with --force",
            )
        if experiment != _digest(self.experiment.encode()):
            raise InputError(
                "the checkpoint belongs to another experiment",
                value=str(path),
                remedy="resume with the experiment and overrides that the run was begun with",
            )
        return stored

    def _numbers(self) -> list[int]:
        names = (path.stem.removeprefix("checkpoint-") for path in self.directory.glob("checkpoint-*.bin"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _path(self, number: int) -> Path:
        return self.directory / f"checkpoint-{number:06d}.bin"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
