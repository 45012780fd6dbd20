"""How many mini-batches a run has."""

from __future__ import annotations

from archsim.data import DataSet
from archsim.engine.events.limits import check_vectors
from archsim.errors import InputError
from archsim.simulation.layout import Layout

__all__ = ["epoch_samples", "run_length"]


def run_length(layout: Layout, data: DataSet | None = None) -> int | None:
    """Return the mini-batches of a run; None where only its data say it, and they are not given.

    Parameters
    ----------
    layout : Layout
        What is run.
    data : DataSet, optional
        Its data, if they have been read.

    Raises
    ------
    InputError
        If a timing run does not say how long it is, a mini-batch is larger than the data, or the run is too long.
    """
    training = layout.training
    samples = _samples(layout) if data is None else epoch_samples(layout, data)
    if samples is None:
        return None
    per_epoch = samples // training.mini_batch
    if not per_epoch:
        raise InputError(
            f"a mini-batch is larger than the data: there are only {samples} samples",
            field="training.mini_batch",
            value=training.mini_batch,
            allowed=f"1 to {samples}",
        )
    total = per_epoch * (training.epochs if layout.trains else 1)
    if training.max_mini_batches is not None:
        total = min(total, training.max_mini_batches)
    longest = max((matrix.vectors for matrix in layout.graph.matrices), default=1)
    check_vectors(total * training.mini_batch * longest, "training.epochs", training.epochs)
    return total


def epoch_samples(layout: Layout, data: DataSet) -> int:
    """Return the samples of an epoch: those of training, or where nothing is trained, of the test."""
    return len(data.train_inputs if layout.trains else data.test_inputs)


def _samples(layout: Layout) -> int | None:
    """Return the samples of an epoch as an experiment tells them."""
    experiment, training = layout.experiment, layout.training
    if experiment.run.mode != "timing":
        return None
    if experiment.data.samples is not None:
        return experiment.data.samples
    if training.max_mini_batches is not None:
        return training.max_mini_batches * training.mini_batch
    raise InputError(
        "a timing run reads no data, so it must be told how many samples an epoch has",
        field="data.samples",
        remedy="set data.samples, or training.max_mini_batches",
    )
