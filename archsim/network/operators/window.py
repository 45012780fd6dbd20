"""A window that slides over images: which positions there are, and which elements each of them sees.

Images are arrays of shape (samples, channels, height, width); a sequence (samples, channels, length) is images of one
row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.errors import InputError

__all__ = ["Pair", "Window", "as_image", "as_images", "pair", "require_images"]

Pair = tuple[int, int]


def pair(extent: int | Pair) -> Pair:
    """Return (vertical, horizontal) of what may be one number for both."""
    return extent if isinstance(extent, tuple) else (extent, extent)


def require_images(kind: str, shape: tuple[int, ...]) -> None:
    """Refuse an input that is no image of several channels."""
    if len(shape) != 3:
        raise InputError(
            f"a {kind} layer takes images, but its input has the shape {list(shape)}",
            field="inputs",
            allowed="a shape of three numbers: channels, height, width",
            remedy="give network.input_shape so, or put a layer of kind 'reshape' before it",
        )


def as_image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return channels, height and width; a sequence is an image of one row."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else cast(tuple[int, int, int], shape)


def as_images(x: Array) -> Array:
    """Return a block of images; sequences are images of one row."""
    return x[:, :, None] if x.ndim == 3 else x


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

    def positions(self, height: int, width: int) -> Pair:
        """Return how many positions it has over an image.

        Raises
        ------
        InputError
            If it is larger than the image with its border.
        """
        available = height + 2 * self.padding[0], width + 2 * self.padding[1]
        if self.span[0] > available[0] or self.span[1] > available[1]:
            # A sequence is told as one, not as an image of one row.
            axes = slice(int(self.kernel[0] == available[0] == 1), None)
            spans, have = (" x ".join(map(str, list(extents)[axes])) for extents in (self.span, available))
            raise InputError(
                f"the kernel spans {spans} elements, and the input with its padding has {have}",
                field="kernel",
                value=list(self.kernel)[axes],
                remedy="take a smaller kernel or dilation, or more padding",
            )
        return (available[0] - self.span[0]) // self.stride[0] + 1, (available[1] - self.span[1]) // self.stride[1] + 1

    def views(self, x: Array, border: float) -> Array:
        """Return what it sees at each position: (samples, channels, rows, columns, kernel rows, kernel columns).

        Parameters
        ----------
        x : ndarray, shape (samples, channels, height, width)
            Images.
        border : float
            Value of the padding.
        """
        seen = sliding_window_view(self._padded(x, border), self.span, axis=(2, 3))
        (sy, sx), (dy, dx) = self.stride, self.dilation
        return seen[:, :, ::sy, ::sx, ::dy, ::dx]

    def scatter(self, parts: Array, height: int, width: int, arithmetic: Arithmetic) -> Array:
        """Return the images to which each position adds what it gives to the elements that it sees.

        Parameters
        ----------
        parts : ndarray, shape (samples, channels, rows, columns, kernel rows, kernel columns)
            What is added: as `views` returns it.
        height, width : int
            Size of the images.
        arithmetic : Arithmetic
            What adds, one element of the kernel after the other.
        """
        (py, px) = self.padding
        padded = np.zeros((*parts.shape[:2], height + 2 * py, width + 2 * px), parts.dtype)
        for row, column, slot in self._slots(*parts.shape[2:4]):
            place = (slice(None), slice(None), *slot)
            padded[place] = arithmetic.add(padded[place], parts[..., row, column])
        return np.ascontiguousarray(padded[:, :, py : py + height, px : px + width])

    def _slots(self, rows: int, columns: int) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
        """Yield each element of the kernel with the places in the padded images that it sees."""
        (sy, sx), (dy, dx) = self.stride, self.dilation
        for row in range(self.kernel[0]):
            vertical = slice(row * dy, row * dy + sy * (rows - 1) + 1, sy)
            for column in range(self.kernel[1]):
                yield row, column, (vertical, slice(column * dx, column * dx + sx * (columns - 1) + 1, sx))

    def _padded(self, x: Array, border: float) -> Array:
        (py, px) = self.padding
        if not py and not px:
            return x
        samples, channels, height, width = x.shape
        padded = np.full((samples, channels, height + 2 * py, width + 2 * px), border, x.dtype)
        padded[:, :, py : py + height, px : px + width] = x
        return padded
