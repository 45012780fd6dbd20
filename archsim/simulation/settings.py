"""From the sections of an experiment to how its numbers are computed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from archsim.engine.numerics.numeric_parts import LearningSettings
from archsim.engine.numerics.settings import NumericSettings
from archsim.errors import InputError
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

    Raises
    ------
    InputError
        If the loss is to be averaged over the samples of an update, of which there is no one number.
    """
    layout, setup, run = prepared.layout, prepared.setup, prepared.experiment.run
    training = layout.training
    per_epoch = samples // training.mini_batch
    if training.average_over == "applied" and not setup.schedule.updates_alike:
        raise InputError(
            f"updates of a schedule of the kind '{setup.schedule.kind}' do not all apply as many micro-batches",
            field="training.average_over",
            value="applied",
            allowed="mini-batch",
            remedy="leave it out",
        )
    averaged_over = training.mini_batch if training.average_over == "mini-batch" else setup.samples_of_update
    learning = LearningSettings(
        partial(training.rate, per_epoch=per_epoch),
        averaged_over,
        run.evaluate_every or per_epoch,
        replace(layout.descent, mean_losses=training.mini_batch / averaged_over),
        training.delay_compensation,
        run.discrepancy_every,
    )
    return NumericSettings(
        training.algorithm, training.mini_batch, learning, layout.seeds, run.threads, prepared.experiment.inference
    )
