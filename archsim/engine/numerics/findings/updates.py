"""Pulses too small or too many, and cells at their bounds."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.analog.samples import TrainCounts
from archsim.engine.numerics.findings.evidence import Evidence

__all__ = ["clipped_start", "full_trains", "saturated_cells", "small_updates"]

#: Share of cells at a bound above which a layer counts as saturated, or its initial weights as clipped.
SATURATED = 0.2
CLIPPED_START = 0.01
#: Share of full trains, and how many times the step that they give was asked for, above which they are told.
FULL, SHORT = 0.5, 1.5


def small_updates(run: Evidence) -> Iterator[str]:
    """Updates below one pulse."""
    seen = run.observations
    for layer, vectors in seen.update_vectors.items():
        pulses = seen.pulses.get(layer, 0)
        if run.matrices and seen.update_slots.get(layer, 0) and pulses < vectors:
            yield (
                f"layer '{layer}': {pulses / vectors:.2g} device pulses per sample in the whole matrix: updates are "
                "smaller than dw_min; raise the learning rate or choose a device with a finer dw_min"
            )


def full_trains(run: Evidence) -> Iterator[str]:
    """Trains that cannot give the step that is asked for, of gradients and of transfers."""
    for layer, matrix in run.matrices.items():
        crossbars = matrix.arrays[0].crossbars
        samples = matrix.samples
        yield from _short(layer, "updates", "the learning rate", samples.updates, crossbars[0].granularity)
        yield from _short(layer, "transfers", "the transfer rate", samples.writes, crossbars[-1].granularity)


def _short(layer: str, what: str, rate: str, trains: TrainCounts, granularity: float) -> Iterator[str]:
    if (trains.full or 0.0) > FULL and trains.asked > SHORT * trains.given:
        asked, given = trains.asked * granularity, trains.given * granularity
        yield (
            f"layer '{layer}': {trains.full:.0%} of the pulse trains of {what} are full: the most active cell was "
            f"asked for a step of {asked:.2g} and given one of {given:.2g} on average; lower {rate}, allow longer "
            "trains (desired_bl), or choose a device with a coarser dw_min"
        )


def saturated_cells(run: Evidence) -> Iterator[str]:
    """Cells that ended at a bound."""
    for layer, matrix in run.matrices.items():
        if matrix.saturated > SATURATED:
            yield (
                f"layer '{layer}': {matrix.saturated:.0%} of the cells ended at a bound: weights want more range than "
                "the device has; lower the learning rate, scale the weights, or choose a device with wider bounds"
            )


def clipped_start(run: Evidence) -> Iterator[str]:
    """Initial weights that the cells could not hold; given ones have a warning of their own."""
    if run.given_weights:
        return
    for layer, matrix in run.matrices.items():
        start = matrix.start
        if start.clipped > CLIPPED_START:
            yield (
                f"layer '{layer}': {start.clipped:.0%} of the initial weights were clipped to the bounds of their "
                f"cells, by up to {start.missed:.2g}: set network.layers.*.scaling.weight_scaling_omega or "
                "initial_range within the bounds, or choose a device with wider ones"
            )
