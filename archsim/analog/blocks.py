"""Blocks of vectors: float32 [V, lines], C-contiguous, finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.errors import InputError

__all__ = [
    "BLOCK_VECTORS",
    "FloatArray",
    "NotFiniteError",
    "aligned_zeros",
    "as_block",
    "as_matrix",
    "finite",
    "one_hot",
    "ranges",
    "restore_arrays",
]

FloatArray = NDArray[np.float32]

_FLOAT32 = np.dtype(np.float32)

#: Reads of longer blocks are done in parts of this many vectors, which threads may share; it bounds the memory needed.
BLOCK_VECTORS = 256


class NotFiniteError(InputError, ValueError):
    """A number that enters an array is NaN or infinite; nothing was changed."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} holds a number that is not finite",
            remedy="look at the data; if training diverges, lower training.learning_rate",
        )


def finite(values: FloatArray, what: str) -> FloatArray:
    """Return `values`, made of `what`, if all of them are finite numbers; else raise `NotFiniteError`."""
    if not np.isfinite(values).all():
        raise NotFiniteError(what)
    return values


def as_block(values: ArrayLike, lines: int, what: str) -> FloatArray:
    """Return `values` as float32 [V, lines], C-contiguous, without a copy where it is that already.

    Raises
    ------
    InputError
        If the shape does not fit.
    """
    if type(values) is np.ndarray and values.dtype == _FLOAT32 and values.flags.c_contiguous:
        block = values
    else:
        block = np.ascontiguousarray(values, dtype=np.float32)
    if block.ndim != 2 or block.shape[1] != lines:
        raise InputError(
            f"{what} has the wrong shape", value=np.shape(values), allowed=f"[vectors, {lines}]", field=what
        )
    return block


def aligned_zeros(*shape: int) -> FloatArray:
    """Return zeros that begin at a cache line: loads across two lines cost the core a third of its speed."""
    size = math.prod(shape)
    room = np.zeros(size + 16, np.float32)
    begin = -room.ctypes.data % 64 // 4
    return room[begin : begin + size].reshape(shape)


def as_matrix(weights: ArrayLike, outputs: int, inputs: int) -> FloatArray:
    """Return a crossbar matrix as float32 [outputs, inputs], C-contiguous; see `as_block`."""
    matrix = as_block(weights, inputs, "weights")
    if matrix.shape[0] != outputs:
        raise InputError("weights has the wrong shape", value=matrix.shape, allowed=f"[{outputs}, {inputs}]")
    return matrix


def one_hot(first: int, count: int, size: int) -> FloatArray:
    """Return vectors that are 1 at one of consecutive lines each, float32 [count, size]."""
    hot = np.zeros((count, size), np.float32)
    hot.reshape(-1)[first :: size + 1] = 1.0
    return hot


def ranges(total: int, size: int) -> list[tuple[int, int]]:
    """Return the consecutive (begin, end) of `total` items in parts of `size`."""
    return [(begin, min(begin + size, total)) for begin in range(0, total, max(size, 1))]


def restore_arrays(arrays: dict[str, Any], state: dict[str, NDArray[Any]]) -> None:
    """Copy every array of `state` into the array of that name.

    Raises
    ------
    InputError
        If names or shapes differ; nothing is copied then.
    """
    if arrays.keys() != state.keys() or any(arrays[name].shape != state[name].shape for name in arrays):
        raise InputError(
            "this state belongs to another array",
            value={name: array.shape for name, array in state.items()},
            allowed=str({name: array.shape for name, array in arrays.items()}),
        )
    for name, array in arrays.items():
        array[...] = state[name]
