"""Makes the crossbars of tiles: the chip's converters, and a number of its own for each of them."""

from __future__ import annotations

from functools import partial

from archsim.analog.algorithms import TileCrossbars
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Device
from archsim.analog.threads import Workers
from archsim.chip.specification import Chip
from archsim.engine.numerics.seeds import Seeds
from archsim.mapping.plan import Part

__all__ = ["Identities", "tile_crossbars"]


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


def tile_crossbars(
    part: Part, chip: Chip, device: Device, seeds: Seeds, identities: Identities, workers: Workers
) -> TileCrossbars:
    """Return what makes the crossbars of one tile.

    Parameters
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
    return TileCrossbars(
        outputs=part.columns,
        inputs=part.rows,
        device=device,
        periphery=Periphery(
            io=chip.io,
            backward_io=chip.backward_io,
            update=chip.update,
            dac_bits=chip.dac.bits,
            adc_bits=chip.adc.bits,
        ),
        streams=Streams(part.crossbar, seeds.device, seeds.noise),
        identify=partial(identities.take, part),
        workers=workers,
    )
