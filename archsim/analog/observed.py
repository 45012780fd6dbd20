"""What the operations of an array return."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog.blocks import FloatArray

__all__ = ["Read", "Update"]


@dataclass(slots=True)
class Read:
    """A read of a block of vectors.

    Attributes
    ----------
    values : float32 [V, lines]
        Products in the units of the inputs.
    reads : int
        Vector reads, repeats by bound management included. A vector of zeros is read like any other.
    """

    values: FloatArray
    reads: int


@dataclass(slots=True)
class Update:
    """A pulsed update by a block of vectors (all zero for an ideal device).

    Attributes
    ----------
    slots : int
        Sum of the train lengths BL over the vectors.
    pulses : int
        Device pulses: coincidences, over all cells.
    rows_pulsed, columns_pulsed : int
        Set bits of the trains on the input lines and on the output lines.
    """

    slots: int
    pulses: int
    rows_pulsed: int
    columns_pulsed: int
