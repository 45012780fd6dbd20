"""Copying the arrays of a matrix from one set of crossbars to another, where a schedule keeps two versions of weights.

A rule on the chip's own constants, the same with numbers and without. Parts are copied side by side, each line by line
(its input lines, or rows): the line is read on the one tile, and written and verified on the other as initial weights
are (`archsim.engine.line_writes`), with the pulse slots of weights of which nothing is known but the device's bounds.
Meanwhile the next line is read. So a part of n lines takes r + (n - 1) max(r, w) + w, where r is the read of a line and
w its write. What was read goes through the digital unit, an operation for each cell, and is written to its buffer and
read there. Of an algorithm with several arrays each one is copied; its digital state stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.chip.operations import read_counts, vector_bytes
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps, read_ps, update_ps
from archsim.engine.line_writes import LineWrite, part_counts
from archsim.mapping.plan import Part

__all__ = ["LineCopy"]


@dataclass(frozen=True, slots=True)
class LineCopy:
    """How the lines of a matrix are copied.

    Attributes
    ----------
    write : LineWrite
        How each line is written and verified.
    arrays : int
        Arrays of each part.
    """

    write: LineWrite
    arrays: int = 1

    def cells(self, part: Part) -> int:
        """Return the cells of all arrays of a part."""
        return part.rows * part.columns * self.arrays

    def read_ps(self, chip: Chip, part: Part) -> int:
        """Return how long the lines of a part occupy the tile that they are read on."""
        return part.rows * self.arrays * read_ps(chip, 1, part.columns, 1)

    def part_ps(self, chip: Chip, part: Part) -> int:
        """Return how long a part occupies the tile that it is written on: the first line is waited for there."""
        read = read_ps(chip, 1, part.columns, 1)
        write = update_ps(chip, self.write.trains, self.write.slots) + read
        return read + (part.rows * self.arrays - 1) * max(read, write) + write

    def matrix_ps(self, chip: Chip, parts: Sequence[Part]) -> int:
        """Return how long a matrix takes, where nobody else asks for its units: the longest of what they do."""
        cells = sum(self.cells(part) for part in parts)
        digital = nmpu_ps(chip, cells), buffer_ps(chip, 2 * vector_bytes(chip, cells))
        return max(*digital, *(self.part_ps(chip, part) for part in parts))

    def read_counts(self, part: Part) -> dict[tuple[str, str], int]:
        """Count the reads of a part by (component, operation)."""
        return read_counts(1, part.columns, part.rows * self.arrays, devices=self.write.devices_verified)

    def write_counts(self, part: Part) -> dict[tuple[str, str], int]:
        """Count the pulses and verifying reads of a part by (component, operation)."""
        return {key: count * self.arrays for key, count in part_counts(part, self.write).items()}
