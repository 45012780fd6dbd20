"""Reading the experiment that a user names."""

from __future__ import annotations

from collections.abc import Sequence

from archsim import plugins
from archsim.document import find_experiment, load_experiment
from archsim.experiment import Experiment

__all__ = ["load"]


def load(name: str, overrides: Sequence[str], mode: str | None) -> Experiment:
    """Return the experiment of a file or a workload; its data set must be a registered one."""
    file = find_experiment(name)
    experiment = load_experiment(file, overrides, mode)
    if experiment.data.name not in plugins.names("archsim.datasets"):
        raise plugins.unknown("archsim.datasets", experiment.data.name, field="data.name")
    return experiment
