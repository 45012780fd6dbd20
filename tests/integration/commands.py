"""Commands in processes of their own that start at once: forked from one that has imported everything."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import runpy
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

PATIENCE_S = 300
_FORKED = "forked"
_IMPORTED = [
    "archsim.cli.app",
    "archsim.runs.opening",
    "archsim.cli.summary",
    "archsim.report.write",
    "archsim.simulation",
]


def execute(arguments: Sequence[str], folder: str, said: str, drawn: bool, file_limit: int | None) -> None:
    """Do what the command ``archsim`` does; `drawn` false leaves out trace and report, which take most of the time."""
    import archsim.report
    from archsim.cli import main

    os.chdir(folder)
    if not drawn:
        archsim.report.write_views = lambda run, folder, **options: None
    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    sys.argv = ["archsim", *arguments]
    with Path(said).open("w") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        main()


class Command:
    """A running command.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``archsim``.
    folder : Path
        Its current folder.
    drawn : bool
        Whether trace and report are made.
    file_limit : int, optional
        Bytes that a file may have: beyond that the disk is full.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, *, drawn: bool = False, file_limit: int | None = None
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_IMPORTED)
        self._said = folder / "said.txt"
        self.process: ForkServerProcess = context.Process(
            target=runpy.run_path,
            args=(__file__, {"REQUEST": (arguments, str(folder), str(self._said), drawn, file_limit)}, _FORKED),
        )
        self.process.start()

    def until(self, happened: Callable[[], bool]) -> bool:
        """Wait until something has happened, or the process has ended (False)."""
        give_up = time.monotonic() + PATIENCE_S
        while not happened():
            if not self.process.is_alive() or time.monotonic() > give_up:
                return False
            time.sleep(0.002)
        return True

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, number)

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit code (negative: killed by that signal) and what was said."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        assert code is not None, "the command does not end"
        return code, self._said.read_text()


def checkpoints(folder: Path) -> int:
    """Return the number of the newest checkpoint in a run's folder, 0 if there is none."""
    return max((int(path.stem[-6:]) for path in (folder / "checkpoints").glob("checkpoint-*.bin")), default=0)


if __name__ == _FORKED:  # The new process cannot import this module by name.
    execute(*globals()["REQUEST"])
