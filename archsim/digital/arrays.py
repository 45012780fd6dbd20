"""The type of the arrays that travel through the digital units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOAT32_TYPE", "Array", "described", "is_float32"]

Array = NDArray[np.floating[Any]]

#: In which every number of a simulation is kept.
FLOAT32_TYPE = np.dtype(np.float32)


def is_float32(found: object, shape: tuple[int, ...]) -> bool:
    """Return whether something is an array of 32-bit floating-point numbers, of a shape."""
    return isinstance(found, np.ndarray) and found.shape == shape and found.dtype == FLOAT32_TYPE


def described(found: object) -> str:
    """Return what something is, for an error that tells what was given in the place of an array."""
    if not isinstance(found, np.ndarray):
        name = type(found).__name__
        return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
    return f"an array of {found.dtype} of the shape {list(found.shape)}"
