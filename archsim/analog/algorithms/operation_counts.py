"""What the operations of an algorithm cost: adding them up, and the digital work of each (arXiv:2303.04721, Table 1).

The table is for an array of N x N, per sample, with one line read every n_s samples, and counts the 2N operations that
scale x and d of every pulsed update, which `Counts.digital_operations` leaves out. Generalised to an array of
``inputs`` times ``outputs`` whose lines of ``outputs`` cells are read:

- TTv2 and c-TTv2: 2N / n_s operations become 2 outputs per line read: multiply, add to the buffer. Memory: 16N / n_s
  bits (a byte of buffer read and written for each cell), with choppers 18N / n_s.
- AGAD: 6N / n_s: one more to subtract the reference, three for the running mean. Where that mean is the last read
  alone (beta = 1) it needs no operation, and its array no memory: 3 operations and 34 bits instead of 6 and 50.
- Mixed precision: 2N^2 + N: 2 inputs outputs for the outer product of each sample, and the scaling of one side only.
  Memory: 16N^2 / B: 16 bits for each cell whenever the pulses of B samples are written.
- A write in proportion to what was read (Tiki-Taka, residual learning) scales both sides like any pulsed update:
  inputs + outputs operations. So arXiv:2502.06309 counts it: 371.8 ns = 2 x 165.9 ns + 40 ns.

A line is written in a slot of its own. That slot passes even if no cell of the line has reached its threshold: the
table's (l + 1 / n_s) t_pulse, and N / B t_pulse for mixed precision.
"""

from __future__ import annotations

from archsim.analog.observed import Counts

__all__ = [
    "BUFFERED_BITS",
    "BUFFERED_OPERATIONS",
    "CHOPPED_BITS",
    "DYNAMIC_BITS",
    "DYNAMIC_BITS_OF_LAST_READ",
    "DYNAMIC_OPERATIONS",
    "DYNAMIC_OPERATIONS_OF_LAST_READ",
    "FILTERED_OPERATIONS",
    "MIXED_BITS",
    "kept_numbers",
    "write_counts",
]

#: Of each cell of a line that is read.
BUFFERED_OPERATIONS = 2
BUFFERED_BITS = 16
CHOPPED_BITS = 18
DYNAMIC_OPERATIONS = 6
DYNAMIC_BITS = 50
DYNAMIC_OPERATIONS_OF_LAST_READ = 3
DYNAMIC_BITS_OF_LAST_READ = 34
#: A buffer that forgets, h <- (1 - beta) h + beta y, has one multiplication more than one that adds.
FILTERED_OPERATIONS = 3
#: Of each cell of an output line that is written.
MIXED_BITS = 16


def kept_numbers(bits: int) -> int:
    """Return how many numbers are kept of a cell of which so many bits are read and written: a byte of each, each way.

    What is left are signs of lines, which take a bit.
    """
    return bits // 16


def write_counts(done: Counts | None, devices: int, lines: int = 1, least_slots: int = 1) -> Counts:
    """Return what writing so many input lines took; each of them takes some slots at least.

    Parameters
    ----------
    done : Counts or None
        What the array says; None if no cell was to be pulsed.
    devices : int
        How many of each cell's devices are reached.
    lines, least_slots : int
        Input lines, and the least slots of each.
    """
    if done is None:
        return Counts(transfer_slots=lines * least_slots)
    return Counts(
        pulses=done.pulses,
        input_writes=lines,
        devices_written=lines * devices,
        transfer_slots=max(done.slots, lines * least_slots),
    )
