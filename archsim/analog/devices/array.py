"""The protocol of an array of devices, and which class holds which device."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.devices.ideal import IdealArray
from archsim.analog.devices.populate import populate
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.observed import Update
from archsim.analog.specification import Device, Ideal, UpdateParameters
from archsim.analog.threads import Workers

__all__ = ["DeviceArray", "make_array"]


class DeviceArray(Protocol):
    """Cells with weights that can be written and updated."""

    weights: FloatArray
    granularity: float

    def program(self, weights: FloatArray) -> None:
        """Write a matrix exactly, within each cell's bounds."""

    def update(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Update:
        """Make W <- W - learning_rate d x^T, vector after vector."""

    def write(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Update:
        """Update with the pulse trains of transfers."""

    def pulse(self, columns: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Update:
        """Send exact numbers of pulses to the cells of single input lines."""

    def saturated(self) -> float:
        """Return the fraction of cells at a bound."""

    def arrays(self) -> dict[str, FloatArray]:
        """Return the arrays themselves that hold what was drawn or changes."""


def make_array(
    device: Device,
    outputs: int,
    inputs: int,
    update: UpdateParameters,
    transfer_update: UpdateParameters,
    identity: int,
    device_seed: int,
    noise_seed: int,
    workers: Workers,
) -> DeviceArray:
    """Draw the population of a device and return the array that holds it, at weight zero."""
    if isinstance(device, Ideal):
        return IdealArray(outputs, inputs, workers)
    population = populate(device, outputs, inputs, identity, device_seed)
    return PulsedArray(outputs, inputs, population, update, transfer_update, identity, noise_seed, workers)
