"""What algorithms take on average, for runs without numbers: the operations of `archsim.analog.algorithms.work`.

A transfer happens once in so many vectors. Each line that is read is then written: with trains of the expected length
if pulses are in proportion to what was read, else in one slot (or the ``expected_bl`` of the transfers' own trains).
"""

from __future__ import annotations

from fractions import Fraction

from archsim.analog.algorithms.protocol import TileOutline
from archsim.analog.observed import ExpectedUpdate
from archsim.analog.specification import Device, UpdateParameters
from archsim.errors import InputError

__all__ = ["expected_transfers", "in_proportion", "single_slots", "states_of", "train_length"]


def train_length(update: UpdateParameters) -> Fraction:
    """Return the expected slots of a pulse train: ``expected_bl``, or the full length ``desired_bl`` without it."""
    length = update.desired_bl if update.expected_bl is None else update.expected_bl
    return Fraction(length).limit_denominator(10**6)


def single_slots(update: UpdateParameters) -> Fraction:
    """Return the expected slots of a line that gets whole pulses: one, unless ``expected_bl`` says otherwise."""
    return Fraction(1 if update.expected_bl is None else update.expected_bl).limit_denominator(10**6)


def states_of(device: Device) -> float:
    """Return (w_max - w_min) / dw_min of the mean device.

    Raises
    ------
    InputError
        If the device has no such bounds or pulses.
    """
    found = [getattr(device, name, None) for name in ("w_max", "w_min", "dw_min")]
    if any(value is None for value in found):
        raise InputError(
            "the number of states of this device is not known, so transfers cannot be spaced by it",
            field="transfer_every",
            value=getattr(device, "kind", None),
            remedy="give a positive transfer_every",
        )
    w_max, w_min, dw_min = (float(value) for value in found if value is not None)
    return (w_max - w_min) / dw_min


def expected_transfers(
    tile: TileOutline,
    gradients: UpdateParameters | None,
    lines_a_vector: Fraction,
    slots_a_line: Fraction,
    operations_a_line: int,
    bits_a_line: int,
) -> ExpectedUpdate:
    """Return what an update takes if lines are read and written.

    Parameters
    ----------
    tile : TileOutline
        The tile.
    gradients : UpdateParameters or None
        Pulse trains of gradients; None for the chip's.
    lines_a_vector : Fraction
        Lines that are read for each vector, over all arrays.
    slots_a_line : Fraction
        Pulse slots of writing one of them.
    operations_a_line, bits_a_line : int
        Digital operations and memory traffic of one of them.
    """
    return ExpectedUpdate(
        slots=train_length(gradients or tile.update),
        transfer_reads=lines_a_vector,
        input_writes=lines_a_vector,
        transfer_slots=lines_a_vector * slots_a_line,
        digital_operations=lines_a_vector * operations_a_line,
        memory_bits=lines_a_vector * bits_a_line,
    )


def in_proportion(
    tile: TileOutline, gradients: UpdateParameters | None, lines_a_vector: Fraction, writes: UpdateParameters | None
) -> ExpectedUpdate:
    """Return what an update takes if lines are written in proportion to what was read; None: the chip's trains."""
    slots = train_length(writes or tile.update)
    return expected_transfers(tile, gradients, lines_a_vector, slots, tile.inputs + tile.outputs, 0)
