"""The area of a chip by component: how many there are, and what one of them takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from archsim.chip.specification import Chip

__all__ = ["AreaRow", "Built", "area_rows", "area_um2"]


@dataclass(frozen=True, slots=True)
class Built:
    """How many parts a chip has, used or not.

    Attributes
    ----------
    tiles, nodes : int
        Tiles and nodes.
    arrays : int
        Arrays of one device a cell, over all tiles.
    """

    tiles: int
    nodes: int
    arrays: int


@dataclass(frozen=True, slots=True)
class AreaRow:
    """One kind of part.

    Attributes
    ----------
    component : str
        What it is: ``array``, ``dac``, ``adc``, ``tile`` (its rest), ``nmpu``, ``buffer``, ``router``.
    count : int
        How many there are.
    parts : mapping of str to float
        What each constant contributes to one of them, in um^2, by dotted name below ``chip``.
    """

    component: str
    count: int
    parts: Mapping[str, float]

    @property
    def unit_um2(self) -> float:
        """The area of one of them."""
        return math.fsum(self.parts.values())

    @property
    def area_um2(self) -> float:
        """The area of all of them."""
        return self.count * self.unit_um2


def area_rows(chip: Chip, built: Built) -> tuple[AreaRow, ...]:
    """Return what the chip is made of: arrays, converters and the rest of its tiles, and the parts of its nodes.

    A tile has one DAC for each line of its longer side, and as many ADCs as `Adc.on` says: reads in both
    directions share them.
    """
    tile, dac, adc, tiles = chip.tile, chip.dac, chip.adc, built.tiles
    dacs, adcs = max(tile.rows, tile.columns), adc.on(tile.rows, tile.columns)
    rows = [
        AreaRow("array", built.arrays, {"tile.array_area": tile.array_area.value / tile.cell_devices}),
        AreaRow("dac", tiles * dacs, dac.area.parts(dac.bits, "dac.area")),
        AreaRow("adc", tiles * adcs, adc.area.parts(adc.bits, "adc.area")),
        AreaRow("tile", tiles, {"tile.area": tile.area.value}),
    ]
    if chip.nmpu is not None:
        rows.append(AreaRow("nmpu", built.nodes, {"nmpu.area": chip.nmpu.area.value}))
    if chip.buffer is not None:
        rows.append(AreaRow("buffer", built.nodes, {"buffer.area": chip.buffer.area.value}))
    if chip.interconnect is not None:
        area = chip.interconnect.node_area()
        rows.append(AreaRow("router", built.nodes, {f"interconnect.{name}": value for name, value in area.items()}))
    return tuple(rows)


def area_um2(chip: Chip, built: Built) -> float:
    """Return the chip's area in square micrometres: the correctly rounded sum over its components."""
    return math.fsum(row.area_um2 for row in area_rows(chip, built))
