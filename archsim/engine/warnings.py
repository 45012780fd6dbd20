"""What a reader of a training run has to know before believing its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archsim.network.matrix import AnalogMatrix
from archsim.results.observations import Observations

__all__ = ["training_warnings"]

#: Share of cells at a bound above which a layer counts as saturated.
SATURATED = 0.2


def training_warnings(matrices: Mapping[str, AnalogMatrix], seen: Observations) -> tuple[str, ...]:
    """Return warnings about updates below one pulse and about saturated devices."""
    return tuple(_small_updates(seen)) + tuple(_saturation(matrices))


def _small_updates(seen: Observations) -> Iterator[str]:
    for layer, vectors in seen.update_vectors.items():
        pulses = seen.pulses.get(layer, 0)
        if seen.update_slots.get(layer, 0) and pulses < vectors:
            yield (
                f"layer '{layer}': {pulses / vectors:.2g} device pulses per sample in the whole matrix: updates are "
                "smaller than dw_min; raise the learning rate or choose a device with a finer dw_min"
            )


def _saturation(matrices: Mapping[str, AnalogMatrix]) -> Iterator[str]:
    for layer, matrix in matrices.items():
        if matrix.saturated > SATURATED:
            yield (
                f"layer '{layer}': {matrix.saturated:.0%} of the cells ended at a bound: weights want more range than "
                "the device has; lower the learning rate, scale the weights, or choose a device with wider bounds"
            )
