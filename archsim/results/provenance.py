"""Where a result comes from: which program, on which machine, with which seeds, when."""

from __future__ import annotations

import contextlib
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from archsim import plugins

__all__ = ["Provenance", "collect_provenance"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is needed to know a run's origin, and to make it again.

    Attributes
    ----------
    archsim, python : str
        Versions.
    platform, machine : str
        Operating system and kind of processor.
    instruction_set : str
        The one that the numerical core was using.
    threads : int
        Threads of the numerical core (they change no result).
    seeds : mapping of str to int
        Device, noise and data seed.
    dependencies : mapping of str to str
        Version of every package that archsim depends on.
    git_commit : str or None
        Commit of the checkout that archsim was imported from, with ``+changes`` if files differ from it.
    started : str
        Wall-clock time of the start (ISO 8601 with time zone).
    duration_s : float
        Wall-clock time that the run took.
    data : mapping or None
        The data that were read: ``name``, ``folder`` (None for arrays that came from no file), and ``sha256`` of each
        file in it, or of each array; None for a run that reads no data.
    registered : mapping of str to str
        What `archsim.register` had added in the process, used or not: by ``group: name``, where it was defined. A run
        that used one of these needs it again, and the resolved experiment does not contain it.
    weights : mapping or None
        The weights that the run started from: ``file``, its ``sha256``, and for each of the ``layers`` how many weights
        it has, how many were clipped to what the device holds, the largest |weight| and the largest miss; None where it
        started from random ones.
    schedule : mapping or None
        The file that lists the actions of its schedule, if one does: ``file`` and its ``sha256``.
    """

    archsim: str
    python: str
    platform: str
    machine: str
    instruction_set: str
    threads: int
    seeds: Mapping[str, int]
    dependencies: Mapping[str, str]
    git_commit: str | None
    started: str
    duration_s: float
    data: Mapping[str, object] | None = None
    registered: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, object] | None = None
    schedule: Mapping[str, object] | None = None


def collect_provenance(
    *,
    seeds: Mapping[str, int],
    instruction_set: str,
    threads: int,
    started: datetime,
    duration_s: float,
    data: Mapping[str, object] | None = None,
    weights: Mapping[str, object] | None = None,
    schedule: Mapping[str, object] | None = None,
) -> Provenance:
    """Return the provenance of a run that ends now; `started` needs a time zone."""
    if started.tzinfo is None:
        raise ValueError("the start of a run needs a time zone")
    return Provenance(
        archsim=version("archsim"),
        python=platform.python_version(),
        platform=platform.platform(),
        machine=platform.machine(),
        instruction_set=instruction_set,
        threads=threads,
        seeds=dict(seeds),
        dependencies=dict(_dependencies()),
        git_commit=_git_commit(Path(__file__)),
        started=started.isoformat(timespec="seconds"),
        duration_s=duration_s,
        data=data,
        registered=plugins.unpackaged(),
        weights=weights,
        schedule=schedule,
    )


@cache
def _dependencies() -> dict[str, str]:
    found: dict[str, str] = {}
    for requirement in requires("archsim") or ():
        name = re.match(r"[\w.-]+", requirement)
        if name is None or "extra ==" in requirement:
            continue
        with contextlib.suppress(PackageNotFoundError):
            found[name[0]] = version(name[0])
    return dict(sorted(found.items()))


@cache
def _git_commit(file: Path) -> str | None:
    """Return the commit of the code that this process runs; asked once, as the code is loaded once."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(file.parent), *arguments], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # An installed copy may lie inside somebody else's checkout (a virtual environment does).
    if git("ls-files", "--error-unmatch", file.name) is None:
        return None
    commit = git("rev-parse", "HEAD")
    changes = git("status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changes" if commit and changes else commit
