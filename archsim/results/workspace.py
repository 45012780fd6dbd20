"""The folder of a run in progress: taken by one process, and at any moment either whole or fit to go on."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from archsim.errors import ArchsimError, InputError
from archsim.files import read_regular
from archsim.results.folder import Writer, cannot_write, to_disk, write_file
from archsim.results.lock import LOCK_FILE, FolderLock
from archsim.results.run import Run
from archsim.results.save import DOCUMENT_FILE, MOST_OF_RUN_FILE, RUN_FILE, WEIGHTS_FILE, save_into

__all__ = ["FolderGone", "State", "Workspace", "state_of"]

_CHECKPOINTS = "checkpoints"
#: What a run needs until it has its results: checkpoints, and the parts of a long timeline.
_NEEDED = (_CHECKPOINTS, "timeline")
#: The folder that this run replaces, kept until there is something to show for it.
_REPLACED = "replaced"


class State(Enum):
    """What stands at the path of a folder for results."""

    ABSENT = "absent"
    EMPTY = "empty"
    FOREIGN = "foreign"
    UNFINISHED = "unfinished"
    FINISHED = "finished"


class FolderGone(ArchsimError):  # noqa: N818
    """The folder of a run was deleted or replaced while the run was going on."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"the folder of this run is gone: {directory} was deleted or replaced while the run was going on\n"
            "  remedy:  run it again"
        )


def state_of(directory: Path) -> State:
    """Return what stands at a path; a link to a folder counts as that folder."""
    if not os.path.lexists(directory):
        return State.ABSENT
    if not directory.is_dir():
        return State.FOREIGN
    begun = (directory / DOCUMENT_FILE).is_file()
    if (directory / RUN_FILE).is_file():
        return State.UNFINISHED if begun and not _complete(directory) else State.FINISHED
    if begun and (directory / LOCK_FILE).is_file():
        return State.UNFINISHED
    return State.FOREIGN if any(directory.iterdir()) else State.EMPTY


def _complete(directory: Path) -> bool:
    """Return whether `RUN_FILE` marks the end of a run; a damaged one does, for there is nothing to go on with."""
    try:
        record = json.loads(read_regular(directory / RUN_FILE, MOST_OF_RUN_FILE))
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(record, dict) or record.get("complete") is not False


class Workspace:
    """A run's folder while this process works in it. `begin` makes a new one, `resume` takes up an old one.

    Attributes
    ----------
    directory : Path
        The folder.
    """

    def __init__(self, directory: Path, lock: FolderLock, made: Sequence[Path]) -> None:
        self.directory = directory
        self._lock = lock
        self._made = made

    @classmethod
    def begin(cls, directory: Path, document: str, version: str, *, force: bool = False) -> Workspace:
        """Make the folder of a new run. It appears locked and with its document, or not at all.

        Parameters
        ----------
        directory : Path
            The folder to make; folders above it are made as needed.
        document : str
            The resolved experiment.
        version : str
            Version of archsim.
        force : bool
            Whether a folder of archsim's, finished or not, is replaced.

        Raises
        ------
        InputError
            If there is something that may not be replaced, or the folder cannot be made.
        """
        directory = Path(os.path.abspath(directory))
        try:
            str(directory).encode()
        except UnicodeEncodeError as error:
            raise InputError(
                "the name of this folder is not UTF-8, so no file can contain it",
                value=str(directory),
                remedy="give another folder with -o",
            ) from error
        old = _take_old(directory, force)
        new = _aside(directory)
        made: list[Path] = []
        try:
            made += _make(new)
            lock = FolderLock(new)
            lock.sign(version)
            write_file(new / DOCUMENT_FILE, document)
            _put(new, directory, old)
        except OSError as error:
            _drop(new, made)
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                raise InputError(
                    "another run has just taken this folder",
                    value=str(directory),
                    remedy="give another folder with -o",
                ) from error
            raise cannot_write(directory, error) from error
        except BaseException:
            _drop(new, made)
            raise
        finally:
            if old is not None:
                old.release()
        return cls(directory, lock, (directory, *made))

    @classmethod
    def resume(cls, directory: Path, version: str) -> Workspace:
        """Take up the folder of an unfinished run.

        Raises
        ------
        InputError
            If another process works in it, it was begun with another version, or nothing may be written there.
        """
        directory = Path(os.path.abspath(directory))
        lock = FolderLock(directory)
        begun = lock.found.get("archsim", version)
        if begun != version:
            lock.release()
            raise InputError(
                "this run was begun with another version of archsim, whose checkpoints cannot be taken up",
                field="--resume",
                value=f"version {begun}, in {directory}",
                allowed=f"version {version}",
                remedy="go on with that version, or start again with --force",
            )
        lock.sign(version)
        return cls(directory, lock, ())

    @classmethod
    def sweep(cls, directory: Path) -> None:
        """Drop what the process that finished a run had no time to drop."""
        if (directory / LOCK_FILE).is_file():
            with contextlib.suppress(ArchsimError):  # Another process does it, or nothing may be changed there.
                space = cls(Path(os.path.abspath(directory)), FolderLock(directory), ())
                space.tidy()
                space.leave()

    def __enter__(self) -> Workspace:
        """Return itself; `leave` comes at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others in, see `leave`."""
        self.leave()

    @property
    def has_checkpoint(self) -> bool:
        """Whether the run can go on from anywhere but its start."""
        return any((self.directory / _CHECKPOINTS).glob("checkpoint-*.bin"))

    def check(self) -> None:
        """Raise an error if the folder is not this run's any more.

        Raises
        ------
        FolderGone
            If it was deleted, or another stands in its place.
        """
        if not self._lock.guards(self.directory):
            raise FolderGone(self.directory)

    def save(self, run: Run, *, complete: bool, extra: Sequence[Writer] = ()) -> None:
        """Put the results of the run into its folder; once they are complete, drop what was needed until then.

        Raises
        ------
        FolderGone
            If the folder is not this run's any more.
        ArchsimError
            If the results cannot be written; checkpoints are as they were.
        """
        self.check()
        try:
            save_into(run, self.directory, complete=complete, extra=extra)
        except OSError as error:
            self.check()
            raise ArchsimError(
                f"the results cannot be written to {self.directory}: {error.strerror or error}"
                + (" (the last checkpoint is kept)" if self.has_checkpoint else "")
            ) from error
        except Exception as error:
            self.check()
            raise ArchsimError(
                f"not all results can be written to {self.directory} ({type(error).__name__}: {error})\n"
                "  remedy:  what could be written is there"
                + (", and a checkpoint; please report this" if self.has_checkpoint else "; please report this")
            ) from error
        shutil.rmtree(self.directory / _REPLACED, ignore_errors=True)
        if complete:
            self.tidy()

    def tidy(self) -> None:
        """Drop what a finished run needs no more."""
        for name in (*_NEEDED, _REPLACED):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        (self.directory / LOCK_FILE).unlink(missing_ok=True)

    def leave(self) -> None:
        """Let others in.

        A folder that this run made and that has nothing to show goes, and one that it replaced is put back.
        """
        try:
            if self._made and self._lock.guards(self.directory) and not self._has_something():
                self._discard()
        finally:
            self._lock.release()

    def _has_something(self) -> bool:
        return self.has_checkpoint or any((self.directory / name).is_file() for name in (RUN_FILE, WEIGHTS_FILE))

    def _discard(self) -> None:
        aside = _aside(self.directory)
        with contextlib.suppress(OSError):  # What cannot be cleaned up must not hide why the run ended.
            self.directory.rename(aside)
            if (aside / _REPLACED).is_dir():
                (aside / _REPLACED).rename(self.directory)
            _drop(aside, self._made[1:])


def _take_old(directory: Path, force: bool) -> FolderLock | None:
    """Return the lock of a folder that is to be replaced; None if there is none."""
    state = state_of(directory)
    if state is State.ABSENT or (state is State.EMPTY and force and not directory.is_symlink()):
        return None
    if state is State.FOREIGN or directory.is_symlink():
        raise InputError(
            "the output folder exists already, and it is not one that archsim wrote, so it is never replaced"
            if directory.is_dir()
            else "this is not a folder",
            value=str(directory),
            remedy="give another folder with -o",
        )
    if not force:
        unfinished = state is State.UNFINISHED
        if unfinished:
            FolderLock(directory).release()  # Says so if another process is at work there.
        raise InputError(
            "the output folder exists already" + (", with a run that is not finished" if unfinished else ""),
            value=str(directory),
            remedy="--resume to go on with it, --force to start again, or give another folder with -o"
            if unfinished
            else "give another folder with -o, or --force to replace it",
        )
    return FolderLock(directory)


def _aside(directory: Path) -> Path:
    return directory.with_name(f".{directory.name[:200]}.{uuid.uuid4().hex[:8]}.partial")


def _make(new: Path) -> list[Path]:
    """Make a folder and those above it; return those that were not there, the lowest first."""
    made = [path for path in new.parents if not os.path.lexists(path)]
    new.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir()
    return made


def _drop(folder: Path, above: Sequence[Path]) -> None:
    """Remove a folder, unless it keeps one that was to be replaced, and those above it that are empty then."""
    if (folder / _REPLACED).is_dir():
        return
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        for path in above:
            path.rmdir()


def _put(new: Path, directory: Path, old: FolderLock | None) -> None:
    """Rename a folder to its place; what stands there moves into it, and back again if that fails."""
    if old is not None:
        finished = state_of(directory) is State.FINISHED
        directory.rename(new / _REPLACED)
        if finished:
            (new / _REPLACED / LOCK_FILE).unlink()
    try:
        new.rename(directory)
    except OSError:
        if old is not None and not os.path.lexists(directory):
            (new / _REPLACED).rename(directory)
        raise
    to_disk(directory.parent)
