"""What one job counts: operations of a tile, of the near-memory unit, and bytes.

Used lines count, not built ones: a part of a matrix that leaves rows or columns of its tile unused
pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Iterable

from archsim.chip.specification import Chip

__all__ = [
    "affine_operations",
    "parameter_bytes",
    "product_operations",
    "read_counts",
    "transfer_counts",
    "update_counts",
    "update_operations",
    "vector_bytes",
]

TileCounts = dict[tuple[str, str], int]


def read_counts(rows: int, columns: int, vectors: int, *, transposed: bool = False, devices: int = 1) -> TileCounts:
    """Count reads of one tile by (component, operation).

    Parameters
    ----------
    rows, columns : int
        Used rows and columns.
    vectors : int
        Number of reads, repeats by bound management included.
    transposed : bool
        True for the backward product, which drives the columns and reads the rows.
    devices : int
        Devices that are read at each crossing of a row and a column; they share its lines and converters.
    """
    driven, read = (columns, rows) if transposed else (rows, columns)
    return {
        ("dac", "conversion"): driven * vectors,
        ("array", "cell_read"): rows * columns * vectors * devices,
        ("integrator", "integration"): read * vectors,
        ("adc", "conversion"): read * vectors,
    }


def update_counts(rows: int, columns: int, vectors: int, *, devices: int = 1) -> TileCounts:
    """Count outer-product updates of one tile by (component, operation).

    The trains reach some devices at each crossing of a row and a column, which share its lines.
    Coincidences depend on the data and are counted by the crossbar.
    """
    return {
        ("array", "cell_write"): rows * columns * vectors * devices,
        ("pulse_driver", "write_row"): rows * vectors,
        ("pulse_driver", "write_column"): columns * vectors,
    }


def transfer_counts(
    rows: int,
    columns: int,
    reads: int,
    row_writes: int,
    column_writes: int,
    *,
    devices_read: int | None = None,
    devices_written: int | None = None,
    column_devices: int = 1,
) -> TileCounts:
    """Count transfers between the arrays of one tile by (component, operation); what did not happen is left out.

    A transfer reads or writes the cells of one line: one row is driven and all columns are read; one row or column is
    pulsed against all lines of the other side.

    Parameters
    ----------
    rows, columns : int
        Used rows and columns.
    reads : int
        Rows that were read.
    row_writes, column_writes : int
        Rows and columns that were written.
    devices_read, devices_written : int, optional
        Rows read and rows written, each as often as its cells have devices that take part; once without it.
    column_devices : int
        Devices of a cell that take part where a column is written.
    """
    counts = read_counts(1, columns, reads)
    by_row = update_counts(1, columns, row_writes)
    by_column = update_counts(rows, 1, column_writes, devices=column_devices)
    for writes in (by_row, by_column):
        for key, count in writes.items():
            counts[key] = counts.get(key, 0) + count
    if devices_read is not None:
        counts["array", "cell_read"] += columns * (devices_read - reads)
    if devices_written is not None:
        counts["array", "cell_write"] += columns * (devices_written - row_writes)
    return {key: count for key, count in counts.items() if count}


def affine_operations(parts: Iterable[tuple[int, int]], vectors: int, *, transposed: bool = False) -> int:
    """Return the multiply-adds after a matrix's reads: each converted number is scaled and accumulated once.

    Parameters
    ----------
    parts : iterable of (rows, columns)
        The matrix's parts.
    vectors : int
        Number of vectors (repeated reads of one vector are scaled once).
    transposed : bool
        True for the backward product, whose results are rows.
    """
    return vectors * sum(rows if transposed else columns for rows, columns in parts)


def update_operations(inputs: int, outputs: int, vectors: int) -> int:
    """Return the element operations before an update: one per element of the two vectors.

    The 2N of in-memory SGD on an N x N array, Rasch et al. 2024 (doi:10.1038/s41467-024-51221-z), Table 1.
    """
    return vectors * (inputs + outputs)


def product_operations(inputs: int, outputs: int, vectors: int) -> int:
    """Return the multiply-adds of a matrix that a digital unit holds: one for each weight and vector."""
    return vectors * inputs * outputs


def parameter_bytes(chip: Chip, elements: int) -> int:
    """Return the bytes that so many parameters of a digital unit take in a buffer (none where there is no buffer)."""
    if chip.buffer is None:
        return 0
    bits = chip.arithmetic.parameter_bits
    return elements * (chip.buffer.element_bits if bits is None else bits) // 8


def vector_bytes(chip: Chip, elements: int) -> int:
    """Return the bytes that so many elements take in a buffer and on a link (none where there is no buffer)."""
    if chip.buffer is None:
        return 0
    return elements * chip.buffer.element_bits // 8
