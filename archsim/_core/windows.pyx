# cython: boundscheck=False, wraparound=False, cdivision=True
"""Windows that slide over images: what each position sees, and what it gives back to the elements that it saw.

Images are blocks [samples, channels, height, width], vectors [samples * positions, channels * kernel elements]. NumPy's
strided copies of so few numbers in a row, and its reductions over two short axes, take several times as long.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t

import numpy as np

ctypedef fused number:
    float
    double


cdef struct geometry_t:
    # Extents, distances and what is added at each border, vertically and horizontally.
    Py_ssize_t kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x
    Py_ssize_t rows, columns


cdef geometry_t geometry_of(
    tuple kernel, tuple stride, tuple padding, tuple dilation, Py_ssize_t height, Py_ssize_t width
) except *:
    # The geometry with its number of positions, which are none where the window is larger than the image.
    cdef geometry_t g
    cdef Py_ssize_t spare_y, spare_x
    g.kernel_y, g.kernel_x = kernel
    g.stride_y, g.stride_x = stride
    g.padding_y, g.padding_x = padding
    g.dilation_y, g.dilation_x = dilation
    if min(g.kernel_y, g.kernel_x, g.stride_y, g.stride_x, g.dilation_y, g.dilation_x) < 1:
        raise ValueError("extents and distances of a window are positive")
    if min(g.padding_y, g.padding_x) < 0:
        raise ValueError("the padding of a window is not negative")
    spare_y = height + 2 * g.padding_y - g.dilation_y * (g.kernel_y - 1) - 1
    spare_x = width + 2 * g.padding_x - g.dilation_x * (g.kernel_x - 1) - 1
    g.rows = spare_y // g.stride_y + 1 if spare_y >= 0 else 0
    g.columns = spare_x // g.stride_x + 1 if spare_x >= 0 else 0
    return g


cdef void seen_part(
    const geometry_t *g, Py_ssize_t at, Py_ssize_t width, Py_ssize_t *first, Py_ssize_t *last
) noexcept nogil:
    # Elements of a kernel's row, the left one of which stands at `at`, that lie within an image's row.
    cdef Py_ssize_t left = 0, right = g.kernel_x
    while left < right and at + left * g.dilation_x < 0:
        left += 1
    while right > left and at + (right - 1) * g.dilation_x >= width:
        right -= 1
    first[0] = left
    last[0] = right


cdef void gather(
    const geometry_t *g, const number *image, Py_ssize_t channels, Py_ssize_t height, Py_ssize_t width, number *out
) noexcept nogil:
    cdef Py_ssize_t row, column, channel, i, k, y, x, first, last
    cdef const number *line
    for row in range(g.rows):
        for column in range(g.columns):
            x = column * g.stride_x - g.padding_x
            seen_part(g, x, width, &first, &last)
            for channel in range(channels):
                y = row * g.stride_y - g.padding_y
                for i in range(g.kernel_y):
                    if not 0 <= y < height:
                        for k in range(g.kernel_x):
                            out[k] = 0
                    else:
                        line = image + (channel * height + y) * width + x
                        for k in range(first):
                            out[k] = 0
                        if g.dilation_x == 1:
                            for k in range(first, last):
                                out[k] = line[k]
                        else:
                            for k in range(first, last):
                                out[k] = line[k * g.dilation_x]
                        for k in range(last, g.kernel_x):
                            out[k] = 0
                    out += g.kernel_x
                    y += g.dilation_y


cdef void add_back(
    const geometry_t *g, const number *parts, Py_ssize_t channels, Py_ssize_t height, Py_ssize_t width, number *image
) noexcept nogil:
    # From the last position to the first: so an element of the image gets its terms in the order of the kernel's elements.
    cdef Py_ssize_t row, column, channel, i, k, y, x, first, last, size = channels * g.kernel_y * g.kernel_x
    cdef const number *part
    cdef number *line
    for row in range(g.rows - 1, -1, -1):
        for column in range(g.columns - 1, -1, -1):
            part = parts + (row * g.columns + column) * size
            x = column * g.stride_x - g.padding_x
            seen_part(g, x, width, &first, &last)
            for channel in range(channels):
                y = row * g.stride_y - g.padding_y
                for i in range(g.kernel_y):
                    if 0 <= y < height:
                        line = image + (channel * height + y) * width + x
                        if g.dilation_x == 1:
                            for k in range(first, last):
                                line[k] = line[k] + part[k]
                        else:
                            for k in range(first, last):
                                line[k * g.dilation_x] = line[k * g.dilation_x] + part[k]
                    part += g.kernel_x
                    y += g.dilation_y


cdef inline void compare(
    const number *line, Py_ssize_t stride, Py_ssize_t columns, int32_t element, number *best, int32_t *found
) noexcept nogil:
    # Take the elements of a line where they are larger, or the first NaN. Which are, no processor foresees: no branches.
    cdef Py_ssize_t column
    cdef number value, before
    cdef bint larger
    for column in range(columns):
        value = line[column * stride]
        before = best[column]
        larger = (not value <= before) & (before == before)
        best[column] = value if larger else before
        found[column] = element if larger else found[column]


cdef void find_largest(
    const geometry_t *g, const number *image, Py_ssize_t height, Py_ssize_t width, Py_ssize_t row, number *best,
    int32_t *found
) noexcept nogil:
    # The largest elements that a row of positions sees, and which of the kernel's they are: of equal ones the first.
    # The border is below all numbers.
    cdef Py_ssize_t i, k, y, x, column, begin, end
    for column in range(g.columns):
        best[column] = <number> -INFINITY
        found[column] = 0
    for i in range(g.kernel_y):
        y = row * g.stride_y - g.padding_y + i * g.dilation_y
        if not 0 <= y < height:
            continue
        for k in range(g.kernel_x):
            x = k * g.dilation_x - g.padding_x
            begin = 0 if x >= 0 else (g.stride_x - 1 - x) // g.stride_x
            end = 0 if x >= width else min(g.columns, (width - 1 - x) // g.stride_x + 1)
            if g.stride_x == 1:
                compare(image + y * width + x + begin, 1, end - begin, <int32_t> (i * g.kernel_x + k), best + begin,
                        found + begin)
            elif g.stride_x == 2:
                compare(image + y * width + x + 2 * begin, 2, end - begin, <int32_t> (i * g.kernel_x + k), best + begin,
                        found + begin)
            else:
                compare(image + y * width + x + begin * g.stride_x, g.stride_x, end - begin,
                        <int32_t> (i * g.kernel_x + k), best + begin, found + begin)


def unfold(
    const number[:, :, :, ::1] images not None, number[:, ::1] vectors not None, tuple kernel, tuple stride,
    tuple padding, tuple dilation
):
    """Write what each position sees, the border being zeros.

    Parameters
    ----------
    images : float [samples, channels, height, width]
        Of float32 or float64, like all others.
    vectors : float [samples * positions, channels * kernel elements]
        Channel after channel, each row by row.
    kernel, stride, padding, dilation : tuple of int
        Vertically and horizontally.
    """
    cdef Py_ssize_t samples = images.shape[0], channels = images.shape[1], sample, positions
    cdef geometry_t g = geometry_of(kernel, stride, padding, dilation, images.shape[2], images.shape[3])
    positions = g.rows * g.columns
    if vectors.shape[0] != samples * positions or vectors.shape[1] != channels * g.kernel_y * g.kernel_x:
        raise ValueError("the vectors do not fit the images")
    if vectors.shape[0] == 0 or vectors.shape[1] == 0:
        return
    with nogil:
        for sample in range(samples):
            gather(&g, &images[sample, 0, 0, 0], channels, images.shape[2], images.shape[3],
                   &vectors[sample * positions, 0])


def fold(
    const number[:, ::1] vectors not None, number[:, :, :, ::1] images not None, tuple kernel, tuple stride,
    tuple padding, tuple dilation
):
    """Add to each element of images what the positions that see it give, one element of the kernel after the other.

    As `unfold` takes vectors out of images.
    """
    cdef Py_ssize_t samples = images.shape[0], channels = images.shape[1], sample, positions
    cdef geometry_t g = geometry_of(kernel, stride, padding, dilation, images.shape[2], images.shape[3])
    positions = g.rows * g.columns
    if vectors.shape[0] != samples * positions or vectors.shape[1] != channels * g.kernel_y * g.kernel_x:
        raise ValueError("the vectors do not fit the images")
    if vectors.shape[0] == 0 or vectors.shape[1] == 0:
        return
    with nogil:
        for sample in range(samples):
            add_back(&g, &vectors[sample * positions, 0], channels, images.shape[2], images.shape[3],
                     &images[sample, 0, 0, 0])


def largest(
    const number[:, :, :, ::1] images not None, number[:, :, :, ::1] values not None, tuple kernel, tuple stride,
    tuple padding
):
    """Write the largest element that each position sees of each channel; NaN where it sees one.

    Parameters
    ----------
    images : float [samples, channels, height, width]
        The border is below all numbers.
    values : float [samples, channels, rows, columns]
        One for each position.
    kernel, stride, padding : tuple of int
        As of `unfold`.
    """
    cdef Py_ssize_t samples = images.shape[0], channels = images.shape[1], sample, channel, row
    cdef geometry_t g = geometry_of(kernel, stride, padding, (1, 1), images.shape[2], images.shape[3])
    cdef int32_t[::1] found = np.empty(max(g.columns, 1), np.int32)
    if values.shape[0] != samples or values.shape[1] != channels or (
            values.shape[2] != g.rows or values.shape[3] != g.columns):
        raise ValueError("the values do not fit the images")
    if values.shape[2] == 0 or values.shape[3] == 0:
        return
    with nogil:
        for sample in range(samples):
            for channel in range(channels):
                for row in range(g.rows):
                    find_largest(&g, &images[sample, channel, 0, 0], images.shape[2], images.shape[3], row,
                                 &values[sample, channel, row, 0], &found[0])


def to_largest(
    const number[:, :, :, ::1] images not None, const number[:, :, :, ::1] d not None, number[:, ::1] parts not None,
    tuple kernel, tuple stride, tuple padding
):
    """Write d of each position at the first of the largest elements that it sees, and zeros at the others.

    Parameters
    ----------
    images : float [samples, channels, height, width]
        The border is below all numbers.
    d : float [samples, channels, rows, columns]
        One for each position.
    parts : float [samples * channels * positions, kernel elements]
        For `fold`, of images of one channel.
    kernel, stride, padding : tuple of int
        As of `unfold`.
    """
    cdef Py_ssize_t samples = images.shape[0], channels = images.shape[1], sample, channel, row, column, k, at = 0
    cdef Py_ssize_t elements = parts.shape[1]
    cdef geometry_t g = geometry_of(kernel, stride, padding, (1, 1), images.shape[2], images.shape[3])
    cdef int32_t[::1] found = np.empty(max(g.columns, 1), np.int32)
    cdef number[::1] best = np.empty(max(g.columns, 1), np.asarray(d).dtype)
    if d.shape[0] != samples or d.shape[1] != channels or d.shape[2] != g.rows or d.shape[3] != g.columns:
        raise ValueError("the gradient does not fit the images")
    if parts.shape[0] != samples * channels * g.rows * g.columns or elements != g.kernel_y * g.kernel_x:
        raise ValueError("the parts do not fit the images")
    with nogil:
        for sample in range(samples):
            for channel in range(channels):
                for row in range(g.rows):
                    find_largest(&g, &images[sample, channel, 0, 0], images.shape[2], images.shape[3], row,
                                 &best[0], &found[0])
                    for column in range(g.columns):
                        for k in range(elements):
                            parts[at, k] = d[sample, channel, row, column] if k == found[column] else <number> 0.0
                        at += 1

