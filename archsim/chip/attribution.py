"""Which constants the busy time of a tile comes from."""

from __future__ import annotations

from archsim.chip.specification import Chip
from archsim.chip.timing import read_units_ps

__all__ = ["peak_tops", "read_parts_ps", "update_parts_ps"]


def read_parts_ps(
    chip: Chip, rows: int, columns: int, reads: int, *, transposed: bool = False, overlapped: bool = True
) -> dict[str, int]:
    """Return the time of reads of one tile by the constants that it comes from, by dotted name below ``chip``.

    Parameters
    ----------
    chip : Chip
        The chip.
    rows, columns : int
        Used rows and columns.
    reads : int
        Number of reads.
    transposed : bool
        True for the backward product.
    overlapped : bool
        Whether a double-buffered tile overlaps these reads: their time is then that of its slowest part (the fill of
        the first read is left out).
    """
    dac_ps, integration_ps, adc_ps = read_units_ps(chip, rows, columns, transposed=transposed)
    lines = rows if transposed else columns
    conversions = -(-lines // (chip.adc.per_tile or lines))
    fixed_dac, fixed_adc = (
        min(dac_ps, chip.dac.fixed_time.value),
        min(adc_ps, conversions * chip.adc.fixed_time.value),
    )
    units = [
        {"dac.fixed_time": fixed_dac, "dac.step_time": dac_ps - fixed_dac},
        {"tile.integration_time": integration_ps},
        {"adc.fixed_time": fixed_adc, "adc.step_time": adc_ps - fixed_adc},
    ]
    if chip.tile.double_buffered and overlapped:
        units = [max(units, key=lambda unit: sum(unit.values()))]
    return {name: reads * time for unit in units for name, time in unit.items() if time}


def update_parts_ps(chip: Chip, vectors: int, slots: int) -> dict[str, int]:
    """Return the time of updates of one tile by the constants that it comes from; see `update_ps`."""
    tile = chip.tile
    parts = {
        "tile.update_fixed_time": vectors * tile.update_fixed_time.value,
        "tile.pulse_time": tile.phases * slots * tile.pulse_time.value,
    }
    return {name: time for name, time in parts.items() if time}


def peak_tops(chip: Chip, tiles: int) -> float | None:
    """Return the tera-operations per second of all tiles reading whole arrays one vector after another.

    Two operations for each cell and forward read, all tiles of the chip at once, at the rate at which a tile begins
    its reads. None where reads take no time or there is no tile.
    """
    units = read_units_ps(chip, chip.tile.rows, chip.tile.columns)
    interval = max(units) if chip.tile.double_buffered else sum(units)
    return 2 * chip.tile.rows * chip.tile.columns * tiles / interval if interval and tiles else None
