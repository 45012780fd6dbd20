"""The digital correction behind a crossbar: one scale and one bias per output."""

from __future__ import annotations

import numpy as np

from archsim.digital.arrays import Array

__all__ = ["Affine"]


class Affine:
    """y = scale * a + bias, both optional, trained by plain gradient descent.

    Parameters
    ----------
    scale : ndarray of float32, shape (n,), optional
        Output scales (training of scales: aihwkit ``learn_out_scaling``).
    bias : ndarray of float32, shape (n,), optional
        Biases.
    learn_scale : bool
        Whether gradient descent also trains the scales.
    """

    def __init__(self, scale: Array | None, bias: Array | None, *, learn_scale: bool) -> None:
        self.scale = scale
        self.bias = bias
        self.learn_scale = learn_scale

    def forward(self, a: Array, scale: Array | None, bias: Array | None) -> Array:
        """Apply given scales and biases (its own, or those of a snapshot) to a block of shape (V, n)."""
        y = a if scale is None else a * scale
        return y if bias is None else y + bias

    def gradient(self, d: Array) -> Array:
        """Return the gradient at the crossbar's output from the gradient `d` at the scaled one."""
        return d if self.scale is None else d * self.scale

    def parameter_gradients(self, a: Array, d: Array) -> tuple[Array | None, Array | None]:
        """Return the gradients of scale and bias, summed over a block."""
        scale: Array | None = np.add.reduce(a * d, axis=0) if self.learn_scale else None
        bias: Array | None = None if self.bias is None else np.add.reduce(d, axis=0)
        return scale, bias

    def update(self, gradients: tuple[Array | None, Array | None], learning_rate: float) -> None:
        """Take one step of gradient descent."""
        rate = np.float32(learning_rate)
        scale, bias = gradients
        if scale is not None and self.scale is not None:
            self.scale = self.scale - scale * rate
        if bias is not None and self.bias is not None:
            self.bias = self.bias - bias * rate
