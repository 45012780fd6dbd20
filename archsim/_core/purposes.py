"""What a random number is for: the top byte of the second counter word.

The counter of Philox4x32-7 is laid out as

- word 0: element within the crossbar (cell = output * inputs + input, or the index of the line);
- word 1: draw | attempt << 16 | purpose << 24;
- word 2: low 32 bits of the vector's index in the run;
- word 3: the next 12 bits of that index | crossbar << 12;

and the key is the 64-bit seed. So a number belongs to a cell and a sample, and never depends on
order, blocks or threads.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BACKWARD",
    "CHOICE",
    "CHOP",
    "COMPENSATE",
    "CORRECT",
    "DIFFUSION",
    "DRIFT",
    "DROPOUT",
    "EVALUATE",
    "FORWARD",
    "MODIFY",
    "POPULATION",
    "PROGRAM",
    "READ_NOISE",
    "REFRESH",
    "RESET",
    "ROUND",
    "SEARCH",
    "SELECT",
    "TRANSFER",
    "UPDATE_CELL",
    "UPDATE_D",
    "UPDATE_LATE",
    "UPDATE_X",
    "VERIFY",
    "WRITE_CELL",
    "WRITE_D",
    "WRITE_NOISE",
    "WRITE_X",
]

FORWARD: Final = 1
BACKWARD: Final = 2
UPDATE_X: Final = 3
UPDATE_D: Final = 4
UPDATE_CELL: Final = 5
EVALUATE: Final = 6
POPULATION: Final = 7
PROGRAM: Final = 8
#: A read of one line of an array, to transfer what it holds into another one.
TRANSFER: Final = 9
#: Pulses that write such a transfer: trains of both sides, and the cells' noise.
WRITE_X: Final = 10
WRITE_D: Final = 11
WRITE_CELL: Final = 12
#: Digital decisions of training algorithms: signs that turn, lines picked at random, rounding into bins, and random
#: pulses that look for symmetric points.
CHOP: Final = 13
SELECT: Final = 14
ROUND: Final = 15
SEARCH: Final = 16
#: Noise of pulses of a block that come after their line was read; the others have that of `UPDATE_CELL`.
UPDATE_LATE: Final = 17
#: Noise of programmed conductances: 1/f noise of a read, exponents of drift, the read-out of drift compensation.
READ_NOISE: Final = 32
DRIFT: Final = 33
COMPENSATE: Final = 34
#: Closed-loop programming: reads that verify, writes that correct.
VERIFY: Final = 35
CORRECT: Final = 36
#: Noise on the weights that a mini-batch of hardware-aware training sees.
MODIFY: Final = 37
#: What happens to cells between mini-batches: a random step, a reset, and what is then seen of what is held.
DIFFUSION: Final = 20
RESET: Final = 21
WRITE_NOISE: Final = 22
#: Which device of a cell of several takes an update.
CHOICE: Final = 23
#: Reads of a pair of devices before it is written anew.
REFRESH: Final = 24
#: Which elements a layer leaves out in training; the number of the layer stands in the place of a crossbar's.
DROPOUT: Final = 25
