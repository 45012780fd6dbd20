"""The protocol of an array of devices and of what makes one, and how arrays are made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsim import plugins
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts
from archsim.analog.read_chain import ReadChain
from archsim.analog.samples import Samples
from archsim.analog.specification import Device, UpdateParameters
from archsim.analog.threads import Workers
from archsim.errors import ArchsimError
from archsim.specification import Specification

__all__ = [
    "DeviceArray",
    "DeviceKind",
    "Site",
    "devices_per_cell",
    "devices_written",
    "make_array",
    "refresh_of",
    "takes_pulses",
]


class DeviceArray(Protocol):
    """Cells with weights that can be written and updated.

    ``weights``, float32 [outputs, inputs], are what a read sees, and stay the same array as they change.
    """

    weights: FloatArray
    granularity: float

    def program(self, weights: FloatArray) -> None:
        """Write a matrix exactly, within each cell's bounds."""

    def update(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Make W <- W - learning_rate d x^T, vector after vector."""

    def write(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Update with the pulse trains of transfers."""

    def pulse(self, rows: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Counts:
        """Send exact numbers of pulses to the cells of single input lines."""

    def age(self, index: int) -> Counts:
        """Let a mini-batch of an index in the run pass, and do what is due once in a mini-batch."""

    def saturated(self) -> float:
        """Return the fraction of cells at a bound."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays themselves that hold what was drawn or changes."""


@dataclass(frozen=True)
class Site:
    """Where an array of devices stands: its size, its random numbers and its surroundings.

    Attributes
    ----------
    outputs, inputs : int
        Size of the array.
    update, transfer_update : UpdateParameters
        How the pulse trains of gradients and of transfers are made.
    chain : ReadChain
        The chain through which an array reads its own lines.
    identity : int
        Which array of the run this is: it separates the random numbers. An array of several devices for each cell has
        as many identities, from this one on.
    device_seed, noise_seed : int
        Seeds of device populations and of all noise.
    workers : Workers
        Threads that may share a large operation.
    samples : Samples
        Where a sample of the pulse trains is counted.
    """

    outputs: int
    inputs: int
    update: UpdateParameters
    transfer_update: UpdateParameters
    chain: ReadChain
    identity: int
    device_seed: int
    noise_seed: int
    workers: Workers
    samples: Samples = field(default_factory=Samples)

    def part(self, index: int) -> Site:
        """Return the site of one of several arrays of devices at this one."""
        return replace(self, identity=self.identity + index)


class DeviceKind(Protocol):
    """A kind of device: what users say of it, and how an array of it is made.

    An object of this protocol registers in the entry-point group ``archsim.device_kinds``, under the name that its
    settings carry as ``kind``. Devices that users name are functions that return settings of some kind, in the group
    ``archsim.devices``.

    Attributes
    ----------
    Settings : type of Specification
        A frozen model with a field ``kind`` of one literal value.
    """

    @property
    def Settings(self) -> type[Specification]:  # noqa: N802
        """What a user says."""

    def devices_per_cell(self, settings: Any) -> int:
        """Return how many devices hold one weight: a read meets all of them."""

    def make(self, settings: Any, site: Site) -> DeviceArray:
        """Make an array at weight zero, or as near as its cells come to that."""


def make_array(device: Device, site: Site) -> DeviceArray:
    """Draw the population of a device and return the array that holds it, at weight zero.

    Raises
    ------
    ArchsimError
        If its kind makes something else.
    """
    made: DeviceArray = _kind(device).make(device, site)
    weights = getattr(made, "weights", None)
    found = getattr(weights, "dtype", None), getattr(weights, "shape", None)
    if found != (np.float32, (site.outputs, site.inputs)):
        what = f"weights of {found[0]} of the shape {list(found[1] or ())}" if found[0] else "no weights"
        raise ArchsimError(
            f"device kind '{getattr(device, 'kind', '')}' made a {type(made).__name__} with {what}, and an array of "
            f"devices with weights of float32 of the shape {[site.outputs, site.inputs]} is needed"
        )
    return made


def devices_per_cell(device: Device) -> int:
    """Return how many devices hold one weight, which is how many identities an array of them needs."""
    return _kind(device).devices_per_cell(device)


def devices_written(device: Device) -> int:
    """Return how many devices of a cell the trains of one update reach.

    All of them, unless the kind has a method ``devices_written(settings)`` that says otherwise.
    """
    kind = _kind(device)
    count: int = getattr(kind, "devices_written", kind.devices_per_cell)(device)
    return count


def takes_pulses(device: Device) -> bool:
    """Return whether pulse trains are sent to a device; a kind without them has ``takes_pulses = False``."""
    return bool(getattr(_kind(device), "takes_pulses", True))


def refresh_of(device: Device, mini_batch: int, *, updated: bool) -> tuple[int, int]:
    """Return after how many vectors an array reads all its cells to refresh them (0 for never), and how many times.

    A kind that refreshes has a method ``refresh(settings, mini_batch, updated)`` that says so.

    Parameters
    ----------
    device : Device
        The device.
    mini_batch : int
        Vectors of a mini-batch.
    updated : bool
        Whether the array takes the gradients of every vector, so that it may count vectors.
    """
    refresh = getattr(_kind(device), "refresh", None)
    return (0, 0) if refresh is None else refresh(device, mini_batch, updated)


def _kind(device: Device) -> DeviceKind:
    kind: DeviceKind = plugins.load("archsim.device_kinds", device.kind)
    return kind
