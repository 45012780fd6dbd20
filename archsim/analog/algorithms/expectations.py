"""What algorithms take on average, for runs without numbers: what `archsim.analog.algorithms.operation_counts` counts.

Where nothing depends on the numbers this is what they take. A transfer happens once in so many vectors. Each line that
is read is then written: with trains of the expected length if pulses are in proportion to what was read, else in one
slot (or the ``expected_bl`` of the transfers' own trains).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from archsim.analog.algorithms.operation_counts import kept_numbers
from archsim.analog.algorithms.protocol import TileOutline
from archsim.analog.devices import devices_per_cell, devices_written, refresh_of, takes_pulses
from archsim.analog.observed import ExpectedUpdate, FirstWrites
from archsim.analog.specification import Device, IOParameters, UpdateParameters
from archsim.analog.specification.algorithms import AuxiliaryArray
from archsim.errors import InputError

__all__ = [
    "exact_fraction",
    "expected_gradients",
    "expected_refreshes",
    "expected_transfers",
    "first_writes",
    "in_proportion",
    "single_slots",
    "states_of",
    "train_length",
]


def exact_fraction(value: float) -> Fraction:
    """Return what a person meant by a number: 1.05 is 21 / 20."""
    return Fraction(value).limit_denominator(10**6)


def train_length(update: UpdateParameters, device: Device) -> Fraction:
    """Return the expected slots of a vector's pulse trains on a device, 0 where there are none.

    A fixed length is used as it is; any other is ``expected_bl``, or ``desired_bl`` without it.
    """
    return exact_fraction(update.expected_length) if takes_pulses(device) else Fraction(0)


def single_slots(update: UpdateParameters) -> Fraction:
    """Return the expected slots of a line that gets whole pulses: one, unless ``expected_bl`` says otherwise."""
    if update.expected_bl is None or update.desired_bl == 1 or not update.sends_trains:
        return Fraction(1)
    return max(exact_fraction(update.expected_bl), Fraction(1))


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


def first_writes(moves: Sequence[tuple[int, int]], lines: int, idle_passes: int = 0) -> FirstWrites:
    """Return when the last array of a chain is written: from lines of the one before that hold something, and so on.

    Line l is the one of the reads l + p ``lines``, p = 0, 1, ..., and read i comes after interval (i // at a time + 1)
    vectors. The first of them counts that comes after the line of that array was written. Lines that are picked at
    random count as if taken in order.

    Parameters
    ----------
    moves : sequence of tuple of int
        After how many vectors each array that is read is read (0: never), and how many lines then.
    lines : int
        Lines of an array.
    idle_passes : int
        Passes over the lines in which nothing is written, at least.
    """
    line = np.arange(lines, dtype=np.int64)
    written = np.ones(lines, np.int64)
    for interval, at_a_time in moves:
        if not (interval and at_a_time):
            return FirstWrites(None, None)
        earliest = at_a_time * (-(-written // interval) - 1)
        read = line + lines * np.maximum(-(-(earliest - line) // lines), idle_passes)
        written = interval * (read // at_a_time + 1)
    return FirstWrites(int(written.min(initial=2**62)), int(written.max(initial=0)))


def expected_refreshes(
    tile: TileOutline, device: Device, io: IOParameters | None = None, *, updated: bool
) -> tuple[ExpectedUpdate, ...]:
    """Return the reads by which an array of a device refreshes its cells; what it then writes depends on the numbers.

    Parameters
    ----------
    tile : TileOutline
        The tile.
    device : Device
        The device of the array.
    io : IOParameters or None
        The chain that reads for transfers; None for the chip's forward chain.
    updated : bool
        Whether the array takes the gradients of every vector.
    """
    every, times = refresh_of(device, tile.mini_batch, updated=updated)
    reads = Fraction(times * tile.inputs * (io or tile.io).passes)
    # Each array of a cell is read by itself.
    return (ExpectedUpdate(transfer_reads=reads, devices_read=reads, every=every),) if every else ()


def expected_gradients(tile: TileOutline) -> ExpectedUpdate:
    """Return what an update takes if the gradients of every vector go to the one array of a tile by pulses."""
    return ExpectedUpdate(
        slots=train_length(tile.update, tile.device),
        outer_products=1,
        later=expected_refreshes(tile, tile.device, updated=True),
    )


def expected_transfers(
    settings: AuxiliaryArray,
    tile: TileOutline,
    moves: Sequence[tuple[int, int]],
    slots_a_line: Fraction,
    operations_a_line: int,
    bits_a_line: int,
    idle_passes: int = 0,
) -> ExpectedUpdate:
    """Return what an update takes if gradients go to a first array, and lines are read and written into later ones.

    Parameters
    ----------
    settings : AuxiliaryArray
        The first array's device, pulse trains and read-out.
    tile : TileOutline
        The tile.
    moves : sequence of (int, int)
        For each array but the last, after how many vectors it is read (0 for never), and how many lines then.
    slots_a_line : Fraction
        Pulse slots of writing one of them.
    operations_a_line, bits_a_line : int
        Digital operations and memory traffic of one of them.
    idle_passes : int
        Passes over the lines of the last array that is read in which nothing is written yet.
    """
    fast, io = settings.fast_device or tile.device, settings.transfer_io
    refreshes = expected_refreshes(tile, fast, io, updated=True)
    for _ in moves:
        refreshes += expected_refreshes(tile, tile.device, io, updated=False)
    transfers = tuple(
        ExpectedUpdate(
            transfer_reads=Fraction(lines * (io or tile.io).passes),
            input_writes=Fraction(lines),
            devices_read=Fraction(lines * (io or tile.io).passes * devices_per_cell(tile.device if source else fast)),
            devices_written=Fraction(lines * devices_written(tile.device)),
            transfer_slots=lines * slots_a_line,
            digital_operations=Fraction(lines * operations_a_line),
            memory_bits=Fraction(lines * bits_a_line),
            every=every,
        )
        for source, (every, lines) in enumerate(moves)
        if every and lines
    )
    return ExpectedUpdate(
        slots=train_length(settings.update or tile.update, fast),
        outer_products=1,
        transfers=transfers,
        later=refreshes,
        first_writes=first_writes(moves, tile.inputs, idle_passes),
        kept_numbers=len(transfers) * tile.inputs * tile.outputs * kept_numbers(bits_a_line // tile.outputs),
    )


def in_proportion(
    settings: AuxiliaryArray,
    tile: TileOutline,
    moves: Sequence[tuple[int, int]],
    writes: UpdateParameters | None,
) -> ExpectedUpdate:
    """Return what an update takes if lines are written in proportion to what was read; None: the chip's trains."""
    slots = train_length(writes or tile.update, tile.device)
    return expected_transfers(settings, tile, moves, slots, tile.inputs + tile.outputs, 0)
