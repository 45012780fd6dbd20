"""What a run is known again by."""

from __future__ import annotations

from archsim.document import resolved
from archsim.experiment import Experiment

__all__ = ["identity"]


def identity(experiment: Experiment) -> str:
    """Return the text by which a run is known again: all that its results depend on, but for its length."""
    settings = experiment.run.model_copy(update={"threads": 1, "checkpoint_every": None})
    training = experiment.training
    if training is not None:  # How long it lasts may change; a schedule without updates may have no such section.
        training = training.model_copy(update={"epochs": 1, "max_mini_batches": None})
    return resolved(experiment.model_copy(update={"description": "", "run": settings, "training": training}))
