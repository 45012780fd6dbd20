"""The lock of a run's folder: held by one process at a time, and free again however that process ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsim.errors import InputError
from archsim.results.folder import cannot_write

__all__ = ["LOCK_FILE", "FolderLock"]

#: The file that is locked; a folder has it from the start of its run until the run has its results.
LOCK_FILE = "run.lock"

#: What stands in the file fills this many bytes, so that one write replaces it whole.
_SIZE = 512


class FolderLock:
    """A lock taken on a folder.

    The operating system releases it when the process ends, by SIGKILL too. It belongs to the file, not to the
    path: it stays with a folder that is renamed.

    Parameters
    ----------
    folder : Path
        The folder; its lock file is made if it has none.

    Attributes
    ----------
    found : mapping of str to object
        What the process that signed last wrote: ``archsim`` (version), ``process``, ``host``. Empty if none did.

    Raises
    ------
    InputError
        If another process holds the lock, or nothing may be written into the folder.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_FILE
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise cannot_write(folder, error) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = self._read()
            os.close(self._handle)
            raise InputError(
                f"another archsim{_whom(other)} is running in this folder",
                value=str(folder),
                remedy="wait until it has ended, or give another folder with -o",
            ) from error
        except OSError as error:
            os.close(self._handle)
            raise InputError(
                f"files cannot be locked there ({error.strerror}), so the folder cannot be kept from other runs",
                value=str(folder),
                remedy="give a folder on another file system with -o",
            ) from error
        self.found = self._read()

    def sign(self, version: str) -> None:
        """Write who works in the folder: the version of archsim, and this process."""
        about = {"archsim": version, "process": os.getpid(), "host": platform.node()[:200]}
        os.pwrite(self._handle, json.dumps(about).encode().ljust(_SIZE - 1) + b"\n", 0)
        os.fsync(self._handle)

    def guards(self, folder: Path) -> bool:
        """Return whether the folder at this path is the one that was locked, and not gone or another."""
        try:
            there = os.stat(folder / LOCK_FILE)
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._handle))

    def release(self) -> None:
        """Let others in. Once released, it stays so."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _read(self) -> Mapping[str, Any]:
        with contextlib.suppress(ValueError):
            about = json.loads(os.pread(self._handle, _SIZE, 0))
            if isinstance(about, dict):
                return about
        return {}


def _whom(about: Mapping[str, Any]) -> str:
    return f" (process {about['process']} on {about['host']})" if {"process", "host"} <= about.keys() else ""
