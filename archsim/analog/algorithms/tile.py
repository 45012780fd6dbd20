"""Tiles: the crossbars of a training algorithm with their converters, on a chip or by themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim import plugins
from archsim.analog.algorithms.factory import make_training_array
from archsim.analog.algorithms.protocol import TrainingArray
from archsim.analog.crossbar import Crossbar
from archsim.analog.devices import devices_per_cell
from archsim.analog.specification import Device, IOParameters, UpdateParameters
from archsim.analog.threads import Workers
from archsim.specification import Specification

__all__ = ["TileCrossbars", "make_tile"]


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


def make_tile(
    algorithm: Specification | str,
    device: Device | str,
    outputs: int,
    inputs: int,
    *,
    io: IOParameters | None = None,
    backward_io: IOParameters | None = None,
    update: UpdateParameters | None = None,
    dac_bits: int | None = 7,
    adc_bits: int | None = 9,
    mini_batch: int = 1,
    device_seed: int = 1,
    noise_seed: int = 1,
    identity: int = 0,
    workers: Workers | None = None,
) -> TrainingArray:
    """Return one tile by itself, without a chip and a clock: to study an algorithm on a device, or to test one.

    Parameters
    ----------
    algorithm : Specification or str
        Settings of a training algorithm, or a registered name.
    device : Device or str
        The same of a device; it is that of all arrays for which the algorithm names none.
    outputs, inputs : int
        Size of the matrix [outputs, inputs].
    io, backward_io : IOParameters, optional
        The chain of forward reads, by default with the default non-idealities, and of transposed ones, by default the
        same.
    update : UpdateParameters, optional
        How pulse trains are made where the algorithm does not say it.
    dac_bits, adc_bits : int or None
        Resolutions of the converters; None does not quantise.
    mini_batch : int
        Vectors of a mini-batch, for settings that count in them.
    device_seed, noise_seed : int
        Seeds of the device populations and of all noise.
    identity : int
        First identity of the crossbars: tiles with other identities have other devices and noise.
    workers : Workers, optional
        Threads that crossbars may use; by default one.

    Raises
    ------
    InputError
        If a name is not registered.
    """
    settings = plugins.load("archsim.algorithms", algorithm)() if isinstance(algorithm, str) else algorithm
    cells = plugins.load("archsim.devices", device)() if isinstance(device, str) else device
    chain = io or IOParameters()
    next_identity = identity

    def identify(_: int, count: int) -> int:
        nonlocal next_identity
        first, next_identity = next_identity, next_identity + count
        return first

    crossbars = TileCrossbars(
        outputs=outputs,
        inputs=inputs,
        device=cells,
        io=chain,
        backward_io=backward_io or chain,
        update=update or UpdateParameters(),
        dac_bits=dac_bits,
        adc_bits=adc_bits,
        identify=identify,
        device_seed=device_seed,
        noise_seed=noise_seed,
        workers=workers or Workers(),
    )
    return make_training_array(
        settings, crossbars, outputs, inputs, mini_batch=mini_batch, seed=noise_seed, identity=identity
    )
