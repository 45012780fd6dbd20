"""How many mini-batches a run has."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.data import DataSet
from archsim.engine.events.limits import check_vectors
from archsim.errors import InputError
from archsim.simulation.layout import Layout

__all__ = ["epoch_samples", "left_out", "run_length"]

#: Part of an epoch from which on training tells what fills no mini-batch: an order that is new in each epoch leaves out
#: others in each.
_TOLD = 0.01


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


def left_out(layout: Layout, data: DataSet | None, seen: int) -> Iterator[str]:
    """Yield a warning where mini-batches leave out a part of an epoch, or of the test set.

    Parameters
    ----------
    layout : Layout
        What was run.
    data : DataSet or None
        Its data, if they have been read.
    seen : int
        Samples that passed; a run that ends within its first epoch leaves nothing out by itself.
    """
    samples = layout.experiment.data.samples if data is None else epoch_samples(layout, data)
    mini_batch, trains = layout.training.mini_batch, layout.trains
    rest = 0 if samples is None else samples % mini_batch
    if samples is None or not rest or seen < samples - rest or (trains and rest < _TOLD * samples):
        return
    parts = layout.experiment.schedule.micro_batches
    fitting = next((size for size in range(mini_batch, 0, -1) if not samples % size and not size % parts), None)
    new_order = trains and data is not None and layout.experiment.data.order != "streams"
    which = "each epoch, others in each" if new_order else "each epoch" if trains else "the pass over the samples"
    yield (
        f"training.mini_batch: {which}: {rest} of {samples} samples are left out, because they fill no mini-batch of "
        f"{mini_batch}; "
        + (f"{fitting} divides {samples}" if fitting else f"take as many samples as a multiple of {mini_batch}")
    )


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
