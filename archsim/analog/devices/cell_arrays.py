"""What arrays of several devices for each cell have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray, aligned_zeros
from archsim.analog.devices.device_array import Site, make_array
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.observed import Counts
from archsim.analog.specification import Device
from archsim.errors import InputError

__all__ = ["CellArrays", "make_parts"]


def make_parts(devices: Sequence[Device], site: Site) -> list[PulsedArray]:
    """Make one pulsed array for each device of a cell.

    Raises
    ------
    InputError
        If a device makes no pulsed array.
    """
    parts = []
    for index, device in enumerate(devices):
        array = make_array(device, site.part(index))
        if not isinstance(array, PulsedArray):
            raise InputError("only pulsed devices share a cell", value=device.kind, allowed="a single pulsed device")
        parts.append(array)
    return parts


class CellArrays(ABC):
    """Arrays whose weighted sum is the weight.

    Parameters
    ----------
    parts : sequence of PulsedArray
        One array for each device of a cell.
    factors : sequence of float
        How much each counts for the weight.
    """

    def __init__(self, parts: Sequence[PulsedArray], factors: Sequence[float]) -> None:
        self.parts = tuple(parts)
        self.factors = tuple(factors)
        self.weights: FloatArray = aligned_zeros(*self.parts[0].weights.shape)
        self._sum_up()

    def age(self, index: int) -> Counts:
        """Let a mini-batch pass in every array."""
        return self._after(Counts(), [part.age(index) for part in self.parts])

    def saturated(self) -> float:
        """Return the fraction of devices at a bound."""
        return float(np.mean([part.saturated() for part in self.parts]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of each part, under names with its number, and the weights."""
        named = {
            f"{index}.{name}": array for index, part in enumerate(self.parts) for name, array in part.arrays().items()
        }
        return {"weights": self.weights, **named}

    @abstractmethod
    def program(self, weights: FloatArray) -> None:
        """Write a matrix exactly, within each cell's bounds."""

    def _after(self, trains: Counts, updates: Sequence[Counts]) -> Counts:
        """Sum the weights up, and return what happened: trains that all parts share, and the pulses of each."""
        self._sum_up()
        return Counts(slots=trains.slots, pulses=sum(update.pulses for update in updates))

    def _sum_up(self) -> None:
        self.weights[...] = 0.0
        for part, factor in zip(self.parts, self.factors, strict=True):
            self.weights += np.float32(factor) * part.weights
