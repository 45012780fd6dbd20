"""Reading the experiment that a user names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from archsim import plugins
from archsim.document import Document, find_experiment, load_document
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.mapping import make_plan
from archsim.network.build import build_graph
from archsim.schedule import kind_of, places_of

__all__ = ["load", "load_fitting", "told_where"]


def load(name: str, overrides: Sequence[str], mode: str | None) -> Experiment:
    """Return the experiment of a file or a workload; its data set must be a registered one."""
    return _load(name, overrides, mode).experiment


def load_fitting(name: str, overrides: Sequence[str], mode: str | None, *, weights: Path | None = None) -> Experiment:
    """Return the experiment of a file or a workload, whose network fits its stages and its chip.

    ``weights`` takes the place of ``network.weights``.
    """
    if weights is not None:
        overrides = [*overrides, f"network.weights={json.dumps(str(weights))}"]
    document = _load(name, overrides, mode)
    experiment = document.experiment
    with _placed(document):
        schedule = experiment.schedule
        make_plan(
            build_graph(experiment.network),
            experiment.chip,
            schedule.stages,
            places=places_of(schedule),
            shares_tiles=kind_of(schedule).shares_tiles,
        )
    return experiment


def _load(name: str, overrides: Sequence[str], mode: str | None) -> Document:
    document = load_document(find_experiment(name), overrides, mode)
    with _placed(document):
        wanted = document.experiment.data.name
        if wanted not in plugins.names("archsim.datasets"):
            raise plugins.unknown("archsim.datasets", wanted, field="data.name")
    return document


@contextmanager
def told_where(name: str, overrides: Sequence[str], mode: str | None) -> Iterator[None]:
    """Say of a mistake that is found only when an experiment is run, such as a missing file, where it was written."""
    try:
        yield
    except InputError as error:
        if error.place is None and error.field is not None:
            error.place = load_document(find_experiment(name), overrides, mode).place_of(error.field)
        raise


@contextmanager
def _placed(document: Document) -> Iterator[None]:
    """Say of a mistake that is found in an experiment where its author wrote it."""
    try:
        yield
    except InputError as error:
        if error.place is None and error.field is not None:
            error.place = document.place_of(error.field)
        raise
