"""The crossbars of a tile with their converters, as a training algorithm asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.analog.algorithms.protocol import TileSite
from archsim.analog.crossbar import Crossbar
from archsim.analog.devices import devices_per_cell
from archsim.analog.specification import Device, IOParameters, UpdateParameters
from archsim.analog.threads import Workers

__all__ = ["TileCrossbars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TileCrossbars:
    """Makes the crossbars of one tile; see `MakeCrossbar`.

    Attributes
    ----------
    outputs, inputs : int
        Lines on the two sides.
    device : Device
        Of the arrays for which the algorithm names none.
    io, backward_io : IOParameters
        The read chains.
    update : UpdateParameters
        How pulse trains are made where the algorithm does not say it.
    dac_bits, adc_bits : int or None
        Resolutions of the converters.
    identify : callable
        Takes the index of a crossbar within the tile and how many devices its cells have, and returns the first of its
        identities; called once for each crossbar.
    device_seed, noise_seed : int
        Seeds of the device populations and of all noise.
    workers : Workers
        Threads that crossbars may use.
    """

    outputs: int
    inputs: int
    device: Device
    io: IOParameters
    backward_io: IOParameters
    update: UpdateParameters
    dac_bits: int | None
    adc_bits: int | None
    identify: Callable[[int, int], int]
    device_seed: int
    noise_seed: int
    workers: Workers

    def __call__(
        self,
        index: int,
        device: Device | None = None,
        update: UpdateParameters | None = None,
        transfer_io: IOParameters | None = None,
        transfer_update: UpdateParameters | None = None,
    ) -> Crossbar:
        """Make the crossbar of an index."""
        device = device or self.device
        return Crossbar(
            self.inputs,
            self.outputs,
            device,
            self.io,
            self.backward_io,
            update or self.update,
            dac_bits=self.dac_bits,
            adc_bits=self.adc_bits,
            identity=self.identify(index, devices_per_cell(device)),
            device_seed=self.device_seed,
            noise_seed=self.noise_seed,
            transfer_io=transfer_io,
            transfer_update=transfer_update or self.update,
            workers=self.workers,
        )

    def site(self, mini_batch: int, identity: int) -> TileSite:
        """Return where an algorithm's arrays stand whose crossbars this makes; see `TileSite`."""
        return TileSite(self.outputs, self.inputs, mini_batch, self, self.noise_seed, identity)
