"""The experiment document: YAML with presets and overrides in, one validated `Experiment` out, and back."""

from archsim.document.load import load_experiment
from archsim.document.workloads import find_experiment, workload_names
from archsim.document.write import resolved

__all__ = ["find_experiment", "load_experiment", "resolved", "workload_names"]
