# cython: boundscheck=False, wraparound=False, cdivision=True
"""Windows that slide over images: what each position sees, and what it gives back to the elements that it saw.

Images are blocks [samples, channels, height, width], vectors [samples * positions, channels * kernel elements]. NumPy's
strided copies of so few numbers in a row, and its reductions over two short axes, take several times as long.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

ctypedef fused number:
    float
    double


cdef extern from *:
    """
    #include <stddef.h>
    #include <string.h>
    #define ALWAYS_INLINE inline __attribute__((always_inline))

    /* Extents, distances and what is added at each border, vertically and horizontally; positions; and the size of an
     * image with its border. */
    typedef struct {
      ptrdiff_t kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
      ptrdiff_t rows, columns, height, width;
    } geometry_t;

    #define NUMBER float
    #include "windows.h"
    #define NUMBER double
    #include "windows.h"
    """
    ctypedef struct geometry_t:
        Py_ssize_t kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x
        Py_ssize_t rows, columns, height, width

    void gather_image_float(
        const geometry_t *g, const float *image, Py_ssize_t channels, float *vectors) noexcept nogil
    void gather_image_double(
        const geometry_t *g, const double *image, Py_ssize_t channels, double *vectors) noexcept nogil
    void add_to_image_float(const geometry_t *g, const float *parts, Py_ssize_t channels, float *image) noexcept nogil
    void add_to_image_double(
        const geometry_t *g, const double *parts, Py_ssize_t channels, double *image) noexcept nogil
    void transpose_float(const float *source, Py_ssize_t rows, Py_ssize_t columns, float *target) noexcept nogil
    void transpose_double(const double *source, Py_ssize_t rows, Py_ssize_t columns, double *target) noexcept nogil


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
    g.height = height + 2 * g.padding_y
    g.width = width + 2 * g.padding_x
    spare_y = g.height - g.dilation_y * (g.kernel_y - 1) - 1
    spare_x = g.width - g.dilation_x * (g.kernel_x - 1) - 1
    g.rows = spare_y // g.stride_y + 1 if spare_y >= 0 else 0
    g.columns = spare_x // g.stride_x + 1 if spare_x >= 0 else 0
    return g


cdef inline bint bordered(const geometry_t *g) noexcept nogil:
    return g.padding_y > 0 or g.padding_x > 0


cdef inline bint is_matrix(const geometry_t *g) noexcept nogil:
    # Whether each position sees one element of each channel, and all of them are seen.
    return g.kernel_y == g.kernel_x == g.stride_y == g.stride_x == 1 and not bordered(g)


cdef void *border_room(const geometry_t *g, Py_ssize_t channels, size_t size) except NULL:
    # Memory for an image with its border, of zeros; to be freed.
    cdef void *memory = calloc(<size_t> max(channels * g.height * g.width, 1), size)
    if memory == NULL:
        raise MemoryError()
    return memory


cdef void copy_within(
    const geometry_t *g, const number *image, number *padded, Py_ssize_t channels
) noexcept nogil:
    # An image into the one with a border.
    cdef Py_ssize_t channel, y, height = g.height - 2 * g.padding_y, width = g.width - 2 * g.padding_x
    for channel in range(channels):
        for y in range(height):
            memcpy(padded + (channel * g.height + y + g.padding_y) * g.width + g.padding_x,
                   image + (channel * height + y) * width, <size_t> width * sizeof(number))


cdef void take_within(
    const geometry_t *g, const number *padded, number *image, Py_ssize_t channels
) noexcept nogil:
    # The other way round.
    cdef Py_ssize_t channel, y, height = g.height - 2 * g.padding_y, width = g.width - 2 * g.padding_x
    for channel in range(channels):
        for y in range(height):
            memcpy(image + (channel * height + y) * width,
                   padded + (channel * g.height + y + g.padding_y) * g.width + g.padding_x,
                   <size_t> width * sizeof(number))


cdef void gather(
    const geometry_t *g, const number *image, number *padded, Py_ssize_t channels, number *vectors
) noexcept nogil:
    cdef const number *seen = image
    if bordered(g):
        copy_within(g, image, padded, channels)
        seen = padded
    if is_matrix(g):
        turn(image, channels, g.rows * g.columns, vectors)
    elif number is float:
        gather_image_float(g, seen, channels, vectors)
    else:
        gather_image_double(g, seen, channels, vectors)


cdef void add_back(
    const geometry_t *g, const number *parts, number *padded, Py_ssize_t channels, number *image
) noexcept nogil:
    # The image is written anew.
    cdef size_t size = <size_t> (channels * g.height * g.width) * sizeof(number)
    cdef number *target = padded if bordered(g) else image
    cdef Py_ssize_t k
    if is_matrix(g):
        turn(parts, g.rows * g.columns, channels, image)
        for k in range(channels * g.height * g.width):
            image[k] = image[k] + <number> 0.0  # as a sum of zero and the part is: never -0
        return
    memset(target, 0, size)
    if number is float:
        add_to_image_float(g, parts, channels, target)
    else:
        add_to_image_double(g, parts, channels, target)
    if bordered(g):
        take_within(g, padded, image, channels)


cdef inline void turn(const number *matrix, Py_ssize_t rows, Py_ssize_t columns, number *turned) noexcept nogil:
    if number is float:
        transpose_float(matrix, rows, columns, turned)
    else:
        transpose_double(matrix, rows, columns, turned)


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
    cdef number *padded
    positions = g.rows * g.columns
    if vectors.shape[0] != samples * positions or vectors.shape[1] != channels * g.kernel_y * g.kernel_x:
        raise ValueError("the vectors do not fit the images")
    if vectors.shape[0] == 0 or vectors.shape[1] == 0:
        return
    padded = <number *> border_room(&g, channels, sizeof(number))
    with nogil:
        for sample in range(samples):
            gather(&g, &images[sample, 0, 0, 0], padded, channels, &vectors[sample * positions, 0])
    free(padded)


def fold(
    const number[:, ::1] vectors not None, number[:, :, :, ::1] images not None, tuple kernel, tuple stride,
    tuple padding, tuple dilation
):
    """Write the images to whose elements the positions that see them add what they give, one element of the kernel
    after the other. As `unfold` takes vectors out of images.
    """
    cdef Py_ssize_t samples = images.shape[0], channels = images.shape[1], sample, positions
    cdef geometry_t g = geometry_of(kernel, stride, padding, dilation, images.shape[2], images.shape[3])
    cdef number *padded
    positions = g.rows * g.columns
    if vectors.shape[0] != samples * positions or vectors.shape[1] != channels * g.kernel_y * g.kernel_x:
        raise ValueError("the vectors do not fit the images")
    if vectors.shape[0] == 0 or vectors.shape[1] == 0:
        images[:, :, :, :] = 0
        return
    padded = <number *> border_room(&g, channels, sizeof(number))
    with nogil:
        for sample in range(samples):
            add_back(&g, &vectors[sample * positions, 0], padded, channels, &images[sample, 0, 0, 0])
    free(padded)


def transpose(const number[:, :, ::1] matrices not None, number[:, :, ::1] turned not None):
    """Write each matrix of a stack [n, rows, columns] with its axes exchanged."""
    cdef Py_ssize_t k, rows = matrices.shape[1], columns = matrices.shape[2]
    if turned.shape[0] != matrices.shape[0] or turned.shape[1] != columns or turned.shape[2] != rows:
        raise ValueError("the shapes of both stacks do not fit")
    if rows == 0 or columns == 0:
        return
    with nogil:
        for k in range(matrices.shape[0]):
            turn(&matrices[k, 0, 0], rows, columns, &turned[k, 0, 0])


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

