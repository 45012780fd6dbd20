"""How long the parts of a chip take: closed forms on integers, one call per layer and not per job.

All times are whole picoseconds. What a chip does not have takes no time: one of stage engines has no other units.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim._core.chain import last_completion
from archsim.chip.specification import Adc, Chip, Dac

__all__ = [
    "adc_conversion_ps",
    "buffer_ps",
    "chain_ps",
    "dac_conversion_ps",
    "host_ps",
    "nmpu_ps",
    "read_lag_ps",
    "read_ps",
    "read_units_ps",
    "transfer_ps",
    "update_ps",
]


def dac_conversion_ps(dac: Dac) -> int:
    """Return the time of one input conversion: ``fixed_time + step_time * 2**(bits - 1)``.

    Pulse-width coding of the magnitude. A converter without a resolution takes its fixed time.
    """
    steps = 0 if dac.bits is None else 2 ** (dac.bits - 1)
    return dac.fixed_time.value + dac.step_time.value * steps


def adc_conversion_ps(adc: Adc) -> int:
    """Return the time of one output conversion: ``fixed_time + step_time * 2**bits`` (ramp).

    A converter without a resolution takes its fixed time.
    """
    steps = 0 if adc.bits is None else 2**adc.bits
    return adc.fixed_time.value + adc.step_time.value * steps


def read_units_ps(chip: Chip, rows: int, columns: int, *, transposed: bool = False) -> tuple[int, int, int]:
    """Return how long one read holds the DACs, the integrators and the ADCs of a tile.

    Parameters
    ----------
    chip : Chip
        The chip.
    rows, columns : int
        Used rows (input lines) and columns (output lines) of the tile.
    transposed : bool
        True for the backward product, which drives the columns and reads the rows.
    """
    lines = rows if transposed else columns
    conversions = 1 if chip.adc.per_tile is None else -(-lines // chip.adc.per_tile)
    return (
        dac_conversion_ps(chip.dac),
        chip.tile.integration_time.value,
        conversions * adc_conversion_ps(chip.adc),
    )


def read_ps(chip: Chip, rows: int, columns: int, vectors: int, *, transposed: bool = False) -> int:
    """Return the time of consecutive reads of one tile.

    A double-buffered tile overlaps them: the recurrence of `chain_ps` with constant service, that is
    ``fill + (vectors - 1) * interval``. Any other tile takes `vectors` times one read.

    Parameters
    ----------
    chip : Chip
        The chip.
    rows, columns : int
        Used rows and columns of the tile.
    vectors : int
        Number of reads, the repeats by bound management included.
    transposed : bool
        True for the backward product.
    """
    if vectors == 0:
        return 0
    first, interval = _series_ps(chip, rows, columns, transposed)
    return first + (vectors - 1) * interval


def read_lag_ps(chip: Chip, rows: int, columns: int, *, transposed: bool = False) -> int:
    """Return how much earlier a tile can begin another read than the one before it is out.

    Zero but for a double-buffered tile. Reads that follow each other without a pause, in whatever groups they
    come, then take as long as `read_ps` says of all of them.

    Parameters
    ----------
    chip : Chip
        The chip.
    rows, columns : int
        Used rows and columns of the tile.
    transposed : bool
        True for the backward product.
    """
    first, interval = _series_ps(chip, rows, columns, transposed)
    return first - interval


def _series_ps(chip: Chip, rows: int, columns: int, transposed: bool) -> tuple[int, int]:
    """Return the time of the first of consecutive reads, and that of each further one."""
    units = read_units_ps(chip, rows, columns, transposed=transposed)
    return sum(units), max(units) if chip.tile.double_buffered else sum(units)


def update_ps(chip: Chip, vectors: int, slots: int) -> int:
    """Return the time of the pulsed updates of one tile.

    ``vectors * update_fixed_time + phases * slots * pulse_time``.

    Parameters
    ----------
    chip : Chip
        The chip.
    vectors : int
        Number of outer products.
    slots : int
        Sum of the pulse-train lengths BL over the vectors.
    """
    tile = chip.tile
    return vectors * tile.update_fixed_time.value + tile.phases * slots * tile.pulse_time.value


def transfer_ps(chip: Chip, rows: int, columns: int, reads: int, slots: int) -> int:
    """Return the time of an algorithm's transfers between the arrays of one tile.

    ``reads`` times one read, which lets nothing overlap since what was read decides what is written, and
    ``phases * slots * pulse_time``: the two terms of the analog time of Table 1 in Rasch et al. 2024,
    doi:10.1038/s41467-024-51221-z.

    Parameters
    ----------
    chip : Chip
        The chip.
    rows, columns : int
        Used rows and columns of the tile.
    reads : int
        Reads of single lines.
    slots : int
        Pulse slots of writes.
    """
    return reads * read_ps(chip, rows, columns, 1) + chip.tile.phases * slots * chip.tile.pulse_time.value


def nmpu_ps(chip: Chip, element_operations: int) -> int:
    """Return the time of a job of the near-memory unit: ``pipeline_cycles + ceil(n / lanes)`` cycles."""
    if chip.nmpu is None or element_operations == 0:
        return 0
    return chip.nmpu.clock.cycles(chip.nmpu.pipeline_cycles - (-element_operations // chip.nmpu.lanes))


def buffer_ps(chip: Chip, size_bytes: int) -> int:
    """Return how long an access of so many bytes holds the port of a node's buffer."""
    if chip.buffer is None:
        return 0
    return chip.buffer.clock.cycles(-(-size_bytes // chip.buffer.bytes_per_cycle))


def host_ps(chip: Chip, size_bytes: int) -> int:
    """Return how long the host port takes to deliver so many bytes, its latency included."""
    if chip.host is None or size_bytes == 0:
        return 0
    cycles = chip.host.latency_cycles - (-size_bytes // chip.host.bytes_per_cycle)
    return chip.host.clock.cycles(cycles)


def chain_ps(service_ps: npt.NDArray[np.int64]) -> int:
    """Return when the last of V vectors leaves a chain of S units.

    ``C[v, s] = max(C[v - 1, s], C[v, s - 1]) + service_ps[v, s]``: each unit serves one vector at a
    time, in order, and a vector waits between units without holding one.

    Parameters
    ----------
    service_ps : ndarray of int64, shape (V, S)
        Service time of each vector at each unit.
    """
    return last_completion(np.ascontiguousarray(service_ps, dtype=np.int64))
