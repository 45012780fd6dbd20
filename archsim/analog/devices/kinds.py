"""The kinds of devices that come with archsim, as they register in ``archsim.device_kinds``."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog import specification as say
from archsim.analog.devices.device_array import DeviceArray, Site
from archsim.analog.devices.ideal import IdealArray
from archsim.analog.devices.one_sided import OneSidedArray
from archsim.analog.devices.populate import populate
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.devices.vector import ReferenceArray, VectorArray
from archsim.specification import Specification

__all__ = [
    "CONSTANT_STEP",
    "EXPONENTIAL_RESPONSE",
    "EXP_STEP",
    "IDEAL",
    "LINEAR_RESPONSE",
    "LINEAR_STEP",
    "ONE_SIDED",
    "PIECEWISE_STEP",
    "POWER_RESPONSE",
    "POW_STEP",
    "POW_STEP_REFERENCE",
    "REFERENCE_CELL",
    "SOFT_BOUNDS",
    "SOFT_BOUNDS_PMAX",
    "SOFT_BOUNDS_REFERENCE",
    "VECTOR",
    "IdealKind",
    "OneSidedKind",
    "PulsedKind",
    "ReferenceKind",
    "VectorKind",
]


@dataclass(frozen=True)
class PulsedKind:
    """A kind whose cells are one device each, changed by pulses."""

    Settings: type[Specification]

    def devices_per_cell(self, settings: Specification) -> int:
        """Return 1."""
        return 1

    def make(self, settings: Specification, site: Site) -> DeviceArray:
        """Draw the cells and return their array."""
        population = populate(settings, site.outputs, site.inputs, site.identity, site.device_seed)
        return PulsedArray(population, site)


class IdealKind:
    """The digital baseline."""

    Settings = say.Ideal
    takes_pulses = False

    def devices_per_cell(self, settings: say.Ideal) -> int:
        """Return 1."""
        return 1

    def make(self, settings: say.Ideal, site: Site) -> DeviceArray:
        """Return an array of exact weights."""
        return IdealArray(site.outputs, site.inputs, site.workers)


class OneSidedKind:
    """Pairs that only take up pulses."""

    Settings = say.OneSided

    def devices_per_cell(self, settings: say.OneSided) -> int:
        """Return 2."""
        return 2

    def refresh(self, settings: say.OneSided, mini_batch: int, updated: bool) -> tuple[int, int]:
        """Return after how many vectors both arrays of a pair are read; see `refresh_of`."""
        if settings.units_in_mbatch:
            return settings.refresh_every * mini_batch, 2
        return (settings.refresh_every if updated else 0), 2

    def make(self, settings: say.OneSided, site: Site) -> DeviceArray:
        """Draw both arrays of the pair."""
        return OneSidedArray(settings, site)


class VectorKind:
    """Cells of several devices."""

    Settings = say.Vector

    def devices_per_cell(self, settings: say.Vector) -> int:
        """Return how many devices were listed."""
        return len(settings.devices)

    def devices_written(self, settings: say.Vector) -> int:
        """Return how many devices take an update: all, or the one whose turn it is."""
        return len(settings.devices) if settings.update_policy == "all" else 1

    def make(self, settings: say.Vector, site: Site) -> DeviceArray:
        """Draw an array for each device."""
        return VectorArray(settings, site)


class ReferenceKind:
    """Devices with a reference."""

    Settings = say.ReferenceCell

    def devices_per_cell(self, settings: say.ReferenceCell) -> int:
        """Return 2."""
        return 2

    def devices_written(self, settings: say.ReferenceCell) -> int:
        """Return 1: updates leave the reference alone."""
        return 1

    def make(self, settings: say.ReferenceCell, site: Site) -> DeviceArray:
        """Draw the device's array and that of the reference."""
        return ReferenceArray(settings, site)


IDEAL = IdealKind()
CONSTANT_STEP = PulsedKind(say.ConstantStep)
LINEAR_STEP = PulsedKind(say.LinearStep)
SOFT_BOUNDS = PulsedKind(say.SoftBounds)
SOFT_BOUNDS_REFERENCE = PulsedKind(say.SoftBoundsReference)
SOFT_BOUNDS_PMAX = PulsedKind(say.SoftBoundsPmax)
EXP_STEP = PulsedKind(say.ExpStep)
POW_STEP = PulsedKind(say.PowStep)
POW_STEP_REFERENCE = PulsedKind(say.PowStepReference)
PIECEWISE_STEP = PulsedKind(say.PiecewiseStep)
LINEAR_RESPONSE = PulsedKind(say.LinearResponse)
POWER_RESPONSE = PulsedKind(say.PowerResponse)
EXPONENTIAL_RESPONSE = PulsedKind(say.ExponentialResponse)
ONE_SIDED = OneSidedKind()
VECTOR = VectorKind()
REFERENCE_CELL = ReferenceKind()
