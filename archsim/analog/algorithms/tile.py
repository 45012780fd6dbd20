"""The crossbars of a tile with their converters, as a training algorithm asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from archsim.analog.algorithms.protocol import TileSite
from archsim.analog.crossbar import Crossbar
from archsim.analog.devices import devices_per_cell
from archsim.analog.periphery import Periphery, Streams
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
    periphery : Periphery
        The circuits around them; ``update`` where the algorithm does not say how pulse trains are made.
    streams : Streams
        The random numbers of the first crossbar.
    identify : callable
        Takes the index of a crossbar within the tile and how many devices its cells have, and returns the first of its
        identities; called once for each crossbar.
    workers : Workers
        Threads that crossbars may use.
    """

    outputs: int
    inputs: int
    device: Device
    periphery: Periphery
    streams: Streams
    identify: Callable[[int, int], int]
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
        cells, around = device or self.device, self.periphery
        return Crossbar(
            self.inputs,
            self.outputs,
            cells,
            replace(
                around,
                update=update or around.update,
                transfer_io=transfer_io,
                transfer_update=transfer_update or around.update,
            ),
            replace(self.streams, identity=self.identify(index, devices_per_cell(cells))),
            self.workers,
        )

    def site(self, mini_batch: int) -> TileSite:
        """Return where an algorithm's arrays stand whose crossbars this makes; see `TileSite`."""
        streams = self.streams
        return TileSite(self.outputs, self.inputs, mini_batch, self, streams.noise_seed, streams.identity)
