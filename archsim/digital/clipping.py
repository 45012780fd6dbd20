"""Clipping of gradients: vector by vector before outer products drive updates of devices, as a whole in a digital unit.

A layer's gradient never exists as a matrix where devices take it as outer products d x^T of errors and inputs, one
vector after the other. So its norm over a mini-batch is not known; what is known of each vector is |d x^T| = |d| |x|.
The gradient of what a digital unit holds is there as a whole, of each parameter for itself: the norm over all layers
would be a barrier for all stages.
"""

from __future__ import annotations

import math

import numpy as np

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.specification import GradientClipping

__all__ = ["clip_operations", "clip_operations_of_whole", "clipped", "clipped_as_a_whole"]


def clipped(errors: Array, vectors: Array, bound: float, clipping: GradientClipping, arithmetic: Arithmetic) -> Array:
    """Return errors whose outer products with the inputs are within a bound, each for itself.

    By norm, d becomes d min(1, bound / (|d| |x|)); by value, each error is clipped to +- bound.

    Parameters
    ----------
    errors : float32 [V, outputs]
        Gradients d at the outputs of a matrix.
    vectors : float32 [V, inputs]
        Inputs x.
    bound : float
        Largest norm of d x^T, or largest |d|.
    clipping : GradientClipping
        Which of both.
    arithmetic : Arithmetic
        What scales.
    """
    if clipping.by == "value":
        return np.clip(errors, np.float32(-bound), np.float32(bound))
    norms = np.sqrt(_squares(errors) * _squares(vectors))
    factors = np.divide(bound, norms, out=np.ones_like(norms), where=norms > bound)
    return arithmetic.multiply(errors, factors.astype(np.float32)[:, None])


def clip_operations(clipping: GradientClipping, inputs: int, outputs: int) -> int:
    """Return the operations for a vector: a comparison of each error; or squares of both sides, and scaled errors."""
    return outputs if clipping.by == "value" else inputs + 2 * outputs


def clipped_as_a_whole(gradient: Array, bound: float, clipping: GradientClipping, arithmetic: Arithmetic) -> Array:
    """Return the gradient of a parameter within a bound, by its norm or by the magnitude of each element."""
    if clipping.by == "value":
        return np.clip(gradient, np.float32(-bound), np.float32(bound))
    norm = math.sqrt(float(np.add.reduce(np.square(gradient, dtype=np.float64), axis=None)))
    return arithmetic.multiply(gradient, np.float32(bound / norm)) if norm > bound else gradient


def clip_operations_of_whole(clipping: GradientClipping, size: int) -> int:
    """Return the operations for a gradient of so many elements: a comparison of each; or its square and scaling."""
    return size if clipping.by == "value" else 2 * size


def _squares(block: Array) -> np.ndarray:
    wide = np.ascontiguousarray(block, np.float64)
    squares: np.ndarray = np.add.reduce(wide * wide, axis=1)
    return squares
