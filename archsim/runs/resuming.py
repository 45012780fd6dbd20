"""Going on with a run: in which folder, with which experiment, and by which command."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from archsim.document import load_experiment
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.results.differences import ABSENT, differing_keys
from archsim.results.save import DOCUMENT_FILE
from archsim.simulation import identity

__all__ = ["check_same", "resume_command"]

_MOST_SHOWN = 8
#: What changes no result, so a run may go on with another value.
_FREE = frozenset({"run.threads", "run.checkpoint_every"})


def resume_command(directory: Path) -> str:
    """Return the command that goes on with the run in a folder."""
    folder = shlex.quote(str(directory))
    return f"archsim run {shlex.quote(str(directory / DOCUMENT_FILE))} -o {folder} --resume"


def check_same(experiment: Experiment, directory: Path) -> None:
    """Check that an experiment is the one whose run stands in a folder.

    Raises
    ------
    InputError
        If it is another one; every field that differs is named with both values.
    """
    begun = load_experiment(directory / DOCUMENT_FILE)
    if identity(begun) == identity(experiment):
        return
    lines = [
        f"  {field}: begun with {_shown(before)}, now {_shown(now)}"
        for field, (before, now) in differing_keys(begun, experiment).items()
        if field not in _FREE
    ]
    if len(lines) > _MOST_SHOWN:
        lines[_MOST_SHOWN:] = [f"  and {len(lines) - _MOST_SHOWN} more fields"]
    raise InputError(
        "\n".join([f"the run in {directory} was begun with another experiment:", *lines]),
        remedy=f"take it up as it was begun, by '{resume_command(directory)}', or start again with --force",
    )


def _shown(value: Any) -> str:
    return "nothing" if value is None or value is ABSENT else str(value)
