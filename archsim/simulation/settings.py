"""From the sections of an experiment to how its numbers are computed."""

from __future__ import annotations

from collections.abc import Callable

from archsim.engine.numerics.coupling import LearningSettings
from archsim.engine.numerics.settings import NumericSettings
from archsim.experiment import TrainingSpecification
from archsim.simulation.prepared import Prepared

__all__ = ["numeric_settings"]


def numeric_settings(prepared: Prepared, samples: int) -> NumericSettings:
    """Return how the numbers of a run are computed.

    Parameters
    ----------
    prepared : Prepared
        The run.
    samples : int
        Samples of an epoch.
    """
    layout, setup, run = prepared.layout, prepared.setup, prepared.experiment.run
    training = layout.training
    per_epoch = samples // training.mini_batch
    learning = LearningSettings(
        _learning_rate(training, per_epoch),
        training.mini_batch if training.average_over == "mini-batch" else setup.samples_of_update,
        run.evaluate_every or per_epoch,
    )
    return NumericSettings(
        training.algorithm, training.mini_batch, learning, layout.seeds, run.threads, prepared.experiment.inference
    )


def _learning_rate(training: TrainingSpecification, per_epoch: int) -> Callable[[int], float]:
    step = training.learning_rate_step
    if step is None:
        return lambda mini_batch: training.learning_rate
    return lambda mini_batch: training.learning_rate * step.factor ** (mini_batch // per_epoch // step.epochs)
