"""A window that slides over images: what a layer says about it, and what does not fit.

Images are arrays of shape (samples, channels, height, width); a sequence (samples, channels, length) is images of one
row.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from archsim.digital.arrays import Array
from archsim.digital.windows import Pair, Window
from archsim.errors import InputError

__all__ = ["Pair", "Window", "as_image", "as_images", "pair", "positions", "require_images", "views"]


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


def positions(window: Window, height: int, width: int) -> Pair:
    """Return how many positions a window has over an image.

    Raises
    ------
    InputError
        If it is larger than the image with its border.
    """
    available = height + 2 * window.padding[0], width + 2 * window.padding[1]
    if window.span[0] > available[0] or window.span[1] > available[1]:
        # A sequence is told as one, not as an image of one row.
        axes = slice(int(window.kernel[0] == available[0] == 1), None)
        spans, have = (" x ".join(map(str, list(extents)[axes])) for extents in (window.span, available))
        raise InputError(
            f"the kernel spans {spans} elements, and the input with its padding has {have}",
            field="kernel",
            value=list(window.kernel)[axes],
            remedy="take a smaller kernel or dilation, or more padding",
        )
    return window.over(height, width)


def views(window: Window, x: Array, border: float) -> Array:
    """Return what a window sees at each position: (samples, channels, rows, columns, kernel rows, kernel columns).

    Parameters
    ----------
    window : Window
        One that is not larger than the images.
    x : ndarray, shape (samples, channels, height, width)
        Images.
    border : float
        Value of the padding.
    """
    seen = sliding_window_view(_padded(x, window.padding, border), window.span, axis=(2, 3))
    (sy, sx), (dy, dx) = window.stride, window.dilation
    return seen[:, :, ::sy, ::sx, ::dy, ::dx]


def _padded(x: Array, padding: Pair, border: float) -> Array:
    (py, px) = padding
    if not py and not px:
        return x
    samples, channels, height, width = x.shape
    padded = np.full((samples, channels, height + 2 * py, width + 2 * px), border, x.dtype)
    padded[:, :, py : py + height, px : px + width] = x
    return padded
