"""What a crossbar is made with beside its devices: the circuits around them, and its own random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.analog.specification import IOParameters, UpdateParameters

__all__ = ["Periphery", "Streams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Periphery:
    """The circuits around the devices of a crossbar.

    Attributes
    ----------
    io : IOParameters
        The read chain of forward reads.
    backward_io : IOParameters or None
        That of transposed reads (which never use bound management); None for that of forward ones.
    update : UpdateParameters
        How pulse trains are made.
    dac_bits, adc_bits : int or None
        Resolutions of the converters; a converter of b bits has the step 2 bound / (2**b - 2), None does not quantise.
    transfer_io : IOParameters or None
        The read chain of transfers (never with bound management); None for that of forward reads.
    transfer_update : UpdateParameters or None
        How the pulse trains that write transfers are made; None for those of updates.
    """

    io: IOParameters = field(default_factory=IOParameters)
    backward_io: IOParameters | None = None
    update: UpdateParameters = field(default_factory=UpdateParameters)
    dac_bits: int | None = 7
    adc_bits: int | None = 9
    transfer_io: IOParameters | None = None
    transfer_update: UpdateParameters | None = None


@dataclass(frozen=True, slots=True)
class Streams:
    """Which random numbers a crossbar draws.

    Attributes
    ----------
    identity : int
        Which crossbar of the run it is (below 2**20): it separates the random numbers. It takes as many identities,
        from this one on, as a cell has devices.
    device_seed, noise_seed : int
        Seeds of the device population and of all noise (below 2**64).
    """

    identity: int = 0
    device_seed: int = 1
    noise_seed: int = 1
