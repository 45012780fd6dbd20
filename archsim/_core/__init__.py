"""Compiled kernels: arrays in, arrays out. They know no tile, no clock and no configuration.

The same kernels are built for several instruction sets and give the same bits in all of them. The best one that this
processor has is taken at import; the environment variable ``ARCHSIM_ISA`` (``baseline``, ``avx2`` or ``avx512``)
overrides that.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from archsim._core.dispatch import choose
from archsim._core.purposes import (
    BACKWARD,
    CHOICE,
    CHOP,
    COMPENSATE,
    CORRECT,
    DIFFUSION,
    DRIFT,
    EVALUATE,
    FORWARD,
    MODIFY,
    POPULATION,
    PROGRAM,
    READ_NOISE,
    REFRESH,
    RESET,
    ROUND,
    SEARCH,
    SELECT,
    TRANSFER,
    UPDATE_CELL,
    UPDATE_D,
    UPDATE_LATE,
    UPDATE_X,
    VERIFY,
    WRITE_CELL,
    WRITE_D,
    WRITE_NOISE,
    WRITE_X,
)

if TYPE_CHECKING:
    from archsim._core import baseline as kernels
else:
    kernels = importlib.import_module(f"archsim._core.{choose()}")

#: The instruction set in use.
ISA: str = kernels.__name__.rpartition(".")[2]

__all__ = [
    "BACKWARD",
    "CHOICE",
    "CHOP",
    "COMPENSATE",
    "CORRECT",
    "DIFFUSION",
    "DRIFT",
    "EVALUATE",
    "FORWARD",
    "ISA",
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
    "kernels",
]
