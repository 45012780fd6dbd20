"""Reading the experiment that a user names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from archsim import plugins
from archsim.document import find_experiment, load_document
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.mapping import make_plan
from archsim.network.build import build_graph

__all__ = ["load"]


def load(name: str, overrides: Sequence[str], mode: str | None, *, weights: Path | None = None) -> Experiment:
    """Return the experiment of a file or a workload; its data set must be a registered one.

    Its network must fit its chip and its stages. ``weights`` takes the place of ``network.weights``.
    """
    file = find_experiment(name)
    if weights is not None:
        overrides = [*overrides, f"network.weights={json.dumps(str(weights))}"]
    document = load_document(file, overrides, mode)
    try:
        _check(document.experiment)
    except InputError as error:
        if error.place is None and error.field is not None:
            error.place = document.place_of(error.field)
        raise
    return document.experiment


def _check(experiment: Experiment) -> None:
    """Refuse what the document alone tells to be impossible, while the place in it is known."""
    if experiment.data.name not in plugins.names("archsim.datasets"):
        raise plugins.unknown("archsim.datasets", experiment.data.name, field="data.name")
    make_plan(build_graph(experiment.network), experiment.chip, experiment.schedule.stages)
