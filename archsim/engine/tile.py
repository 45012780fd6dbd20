"""Makes the crossbars of tiles: the chip's converters, and a number of its own for each of them."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog.crossbar import Crossbar
from archsim.analog.devices import devices_per_cell
from archsim.analog.specification import Device, IOParameters, UpdateParameters
from archsim.analog.threads import Workers
from archsim.chip.specification import Chip
from archsim.engine.seeds import Seeds
from archsim.mapping.plan import Part

__all__ = ["Identities", "TileCrossbars"]


class Identities:
    """Numbers that separate the random numbers of a run's crossbars.

    The first crossbar of a part has the part's own number, so that it does not matter to it which algorithm its layer
    uses, and what the other layers do. All others, and those whose cells have several devices, are numbered behind the
    parts, in the order in which they are made.

    Parameters
    ----------
    parts : int
        Parts of all matrices.
    """

    def __init__(self, parts: int) -> None:
        self._next = parts

    def take(self, part: Part, index: int, count: int) -> int:
        """Return the first of the consecutive numbers of a crossbar.

        Parameters
        ----------
        part : Part
            What its tile holds.
        index : int
            Its index within the tile.
        count : int
            How many numbers it needs: one for each device of a cell.
        """
        if index == 0 and count == 1:
            return part.crossbar
        first = self._next
        self._next += count
        return first


@dataclass(frozen=True, slots=True)
class TileCrossbars:
    """Makes the crossbars of one tile; see `archsim.analog.algorithms.MakeCrossbar`.

    Attributes
    ----------
    part : Part
        What the tile holds.
    chip : Chip
        Its converters and pulse trains.
    device : Device
        The layer's device.
    seeds : Seeds
        Seeds of devices and noise.
    identities : Identities
        Gives each crossbar a number.
    workers : Workers
        Threads that crossbars may use.
    """

    part: Part
    chip: Chip
    device: Device
    seeds: Seeds
    identities: Identities
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
        chip, device = self.chip, device or self.device
        return Crossbar(
            self.part.rows,
            self.part.columns,
            device,
            chip.io,
            chip.backward_io or chip.io,
            update or chip.update,
            dac_bits=chip.dac.bits,
            adc_bits=chip.adc.bits,
            identity=self.identities.take(self.part, index, devices_per_cell(device)),
            device_seed=self.seeds.device,
            noise_seed=self.seeds.noise,
            transfer_io=transfer_io,
            transfer_update=transfer_update or chip.update,
            workers=self.workers,
        )
