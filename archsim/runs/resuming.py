"""Going on with a run: in which folder, with which experiment, and by which command."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

from archsim.document import load_experiment
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.results.differences import ABSENT, differing_keys
from archsim.results.save import DOCUMENT_FILE
from archsim.simulation import identity
from archsim.training import TrainingSpecification

__all__ = ["check_same", "resume_command"]

_MOST_SHOWN = 8
#: How long a run is; one that has begun may be made longer.
_LENGTH = ("training.epochs", "training.max_mini_batches")
#: What changes no result so far, so a run may go on with another value.
_FREE = frozenset({"run.threads", "run.checkpoint_every", *_LENGTH})


def resume_command(directory: Path) -> str:
    """Return the command that goes on with the run in a folder."""
    folder = shlex.quote(str(directory))
    return f"archsim run {shlex.quote(str(directory / DOCUMENT_FILE))} -o {folder} --resume"


def check_same(experiment: Experiment, directory: Path, *, finished: bool) -> None:
    """Check that an experiment is the one whose run stands in a folder, or the same for longer.

    Raises
    ------
    InputError
        If it is another one, with every field that differs and both values; if it is shorter; or if it is longer and
        the run has finished.
    """
    begun = load_experiment(directory / DOCUMENT_FILE)
    if identity(begun) == identity(experiment):
        if begun.training is not None and experiment.training is not None:
            _check_length(begun.training, experiment.training, directory, finished=finished)
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


def _check_length(begun: TrainingSpecification, now: TrainingSpecification, directory: Path, *, finished: bool) -> None:
    before, after = _length(begun), _length(now)
    if after == before:
        return
    if any(new < old for new, old in zip(after, before, strict=True)):
        raise InputError(
            "a run that has begun can be made longer, not shorter",
            field=", ".join(_LENGTH),
            value=_told(now),
            allowed=f"{_told(begun)}, or more",
        )
    if finished:
        folder = shlex.quote(str(directory))
        raise InputError(
            "this run has finished, and a finished run cannot be made longer: the state of its pipeline is gone",
            field=", ".join(_LENGTH),
            value=_told(now),
            allowed=_told(begun),
            remedy=f"start another one from its weights: archsim run EXPERIMENT -o ANOTHER --weights {folder}",
        )


def _length(training: TrainingSpecification) -> tuple[float, float]:
    cap = training.max_mini_batches
    return training.epochs, math.inf if cap is None else cap


def _told(training: TrainingSpecification) -> str:
    cap = training.max_mini_batches
    return f"{training.epochs} epochs" + ("" if cap is None else f", at most {cap} mini-batches")


def _shown(value: Any) -> str:
    return "nothing" if value is None or value is ABSENT else str(value)
