"""Windows that slide over images: the vectors that their positions see, the largest numbers, and what they give back.

Images are arrays of shape (samples, channels, height, width). `archsim._core.windows` does what is no arithmetic of its
own; `fold_by` adds by any arithmetic, with the same bits where that is float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archsim._core import windows
from archsim.digital.arrays import Array

__all__ = ["Pair", "Window", "fold", "fold_by", "largest", "to_largest", "transposed", "unfold"]

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """A window of (vertical, horizontal) extents.

    Attributes
    ----------
    kernel, stride, padding, dilation : tuple of int
        Its size, the distance of its positions, what is added at each border, and the distance of its elements.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)

    @property
    def span(self) -> Pair:
        """How far its elements reach: dilation * (kernel - 1) + 1."""
        return self.dilation[0] * (self.kernel[0] - 1) + 1, self.dilation[1] * (self.kernel[1] - 1) + 1

    @property
    def elements(self) -> int:
        """How many elements it sees of each channel."""
        return self.kernel[0] * self.kernel[1]

    def over(self, height: int, width: int) -> Pair:
        """Return how many positions it has over an image that is not smaller than it is."""
        free = height + 2 * self.padding[0] - self.span[0], width + 2 * self.padding[1] - self.span[1]
        return free[0] // self.stride[0] + 1, free[1] // self.stride[1] + 1


def unfold(window: Window, images: Array) -> Array:
    """Return what each position sees, the border being zeros: (samples * positions, channels * elements)."""
    samples, channels, *extents = images.shape
    rows, columns = window.over(*extents)
    vectors = np.empty((samples * rows * columns, channels * window.elements), images.dtype)
    whole = np.ascontiguousarray(images)
    windows.unfold(whole, vectors, window.kernel, window.stride, window.padding, window.dilation)
    return vectors


def largest(window: Window, images: Array) -> Array:
    """Return the largest number that each position sees of each channel: (samples, channels, rows, columns)."""
    samples, channels, *extents = images.shape
    values = np.empty((samples, channels, *window.over(*extents)), images.dtype)
    windows.largest(np.ascontiguousarray(images), values, window.kernel, window.stride, window.padding)
    return values


def to_largest(window: Window, images: Array, d: Array) -> Array:
    """Return the gradient `d` of each position at the first of the largest numbers that it sees, and zeros elsewhere.

    Returns
    -------
    ndarray, shape (samples, channels, rows, columns, kernel rows, kernel columns)
        For `fold`.
    """
    parts = np.empty((d.size, window.elements), d.dtype)
    at, given = np.ascontiguousarray(images, d.dtype), np.ascontiguousarray(d)
    windows.to_largest(at, given, parts, window.kernel, window.stride, window.padding)
    return parts.reshape(*d.shape, *window.kernel)


def fold(window: Window, parts: Array, height: int, width: int) -> Array:
    """Return what `fold_by` does where sums are those of the processor."""
    samples, channels = parts.shape[:2]
    by_position = parts.transpose(0, 2, 3, 1, 4, 5)
    images = np.empty((samples, channels, height, width), parts.dtype)
    if by_position.flags.c_contiguous:
        vectors, whole = by_position.reshape(-1, channels * window.elements), images
    else:
        # One channel does not see another: each is an image of its own.
        vectors = np.ascontiguousarray(parts).reshape(-1, window.elements)
        whole = images.reshape(samples * channels, 1, height, width)
    windows.fold(vectors, whole, window.kernel, window.stride, window.padding, window.dilation)
    return images


def fold_by(add: Callable[[Array, Array], Array], window: Window, parts: Array, height: int, width: int) -> Array:
    """Return the images to which each position adds what it gives to the elements that it sees.

    Parameters
    ----------
    add : callable
        The sum of two arrays: of the images so far and of what one element of the kernel gives after the other.
    window : Window
        Which elements a position sees.
    parts : ndarray, shape (samples, channels, rows, columns, kernel rows, kernel columns)
        What is added.
    height, width : int
        Size of the images.
    """
    (py, px), (sy, sx), (dy, dx) = window.padding, window.stride, window.dilation
    rows, columns = parts.shape[2:4]
    padded = np.zeros((*parts.shape[:2], height + 2 * py, width + 2 * px), parts.dtype)
    for row in range(window.kernel[0]):
        vertical = slice(row * dy, row * dy + sy * (rows - 1) + 1, sy)
        for column in range(window.kernel[1]):
            place = (..., vertical, slice(column * dx, column * dx + sx * (columns - 1) + 1, sx))
            padded[place] = add(padded[place], parts[..., row, column])
    return np.ascontiguousarray(padded[:, :, py : py + height, px : px + width])


def transposed(matrices: Array) -> Array:
    """Return a stack of matrices (n, rows, columns) with the last two axes exchanged."""
    turned = np.empty((len(matrices), matrices.shape[2], matrices.shape[1]), matrices.dtype)
    windows.transpose(np.ascontiguousarray(matrices), turned)
    return turned
