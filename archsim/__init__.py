"""Simulate analog in-memory computing chips that train neural networks in a pipeline.

The public names::

    run = archsim.simulate("mlp_digits")
    run.metrics["accuracy"], run.metrics["makespan_ps"], run.metrics["energy_pj"]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim.data import DataSet, load_data
    from archsim.document import load_experiment, resolved
    from archsim.errors import ArchsimError, DoesNotFit, InputError, PluginError
    from archsim.experiment import Experiment
    from archsim.explore import sweep
    from archsim.parts import make_tile, plot_device
    from archsim.plugins import register
    from archsim.results import Run, differing_keys, load_run
    from archsim.simulation import Prepared, prepare, simulate

__all__ = [
    "ArchsimError",
    "DataSet",
    "DoesNotFit",
    "Experiment",
    "InputError",
    "PluginError",
    "Prepared",
    "Run",
    "differing_keys",
    "load_data",
    "load_experiment",
    "load_run",
    "make_tile",
    "plot_device",
    "prepare",
    "register",
    "resolved",
    "simulate",
    "sweep",
]

_HOMES = {
    "ArchsimError": "archsim.errors",
    "DataSet": "archsim.data",
    "DoesNotFit": "archsim.errors",
    "Experiment": "archsim.experiment",
    "InputError": "archsim.errors",
    "PluginError": "archsim.errors",
    "Prepared": "archsim.simulation",
    "Run": "archsim.results",
    "differing_keys": "archsim.results",
    "load_data": "archsim.data",
    "load_experiment": "archsim.document",
    "load_run": "archsim.results",
    "make_tile": "archsim.parts",
    "plot_device": "archsim.parts",
    "prepare": "archsim.simulation",
    "register": "archsim.plugins",
    "resolved": "archsim.document",
    "simulate": "archsim.simulation",
    "sweep": "archsim.explore",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that a command that only prints help starts at once.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'archsim' has no attribute '{name}'")
