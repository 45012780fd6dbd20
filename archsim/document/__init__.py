"""The experiment document: YAML with presets and overrides in, one validated `Experiment` out, and back."""

from archsim.document.export import schema
from archsim.document.load import Document, load_document, load_experiment
from archsim.document.parts import group_of_file, load_part, load_preset
from archsim.document.start import starting_document
from archsim.document.workloads import find_experiment, workload_names
from archsim.document.write import readable, resolved

__all__ = [
    "Document",
    "find_experiment",
    "group_of_file",
    "load_document",
    "load_experiment",
    "load_part",
    "load_preset",
    "readable",
    "resolved",
    "schema",
    "starting_document",
    "workload_names",
]
