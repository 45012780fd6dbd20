"""Reading the experiment that a user names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from archsim import plugins
from archsim.document import find_experiment, load_experiment
from archsim.experiment import Experiment

__all__ = ["load"]


def load(name: str, overrides: Sequence[str], mode: str | None, *, weights: Path | None = None) -> Experiment:
    """Return the experiment of a file or a workload; its data set must be a registered one.

    ``weights`` takes the place of ``network.weights``.
    """
    file = find_experiment(name)
    if weights is not None:
        overrides = [*overrides, f"network.weights={json.dumps(str(weights))}"]
    experiment = load_experiment(file, overrides, mode)
    if experiment.data.name not in plugins.names("archsim.datasets"):
        raise plugins.unknown("archsim.datasets", experiment.data.name, field="data.name")
    return experiment
