# cython: boundscheck=False, wraparound=False, cdivision=True
"""What digital logic does beside arrays: work on the few numbers of a vector or a line, for which a call of NumPy takes
longer than the work, and products that add in the order of their terms. The twins are in
archsim.analog.reference.digital and in the tests of products."""

from libc.stdint cimport int32_t, uint32_t

include "magnitude.pxi"
include "release.pxi"


cdef double largest(const float *values, Py_ssize_t n) noexcept nogil:
    cdef Bits bits
    bits.i = magnitude_bits(values, n)
    return bits.f


cdef double follow(double mean, double new, double rate) noexcept nogil:
    # Begin with the first that is not 0; leave those that are out.
    if mean <= 0.0:
        return new
    return mean if new <= 0.0 else mean + rate * (new - mean)


def follow_maxima(
    const float[:, ::1] x not None, const float[:, ::1] d not None, double rate, double[::1] maxima not None,
    double[::1] products not None
):
    """Follow the largest |x| and |d| of each vector, and write their product after each.

    Parameters
    ----------
    x, d : float32 [V, inputs], [V, outputs]
        Vectors.
    rate : float
        m <- (1 - rate) m + rate max|.|, starting with the first that is not 0; zeros are left out.
    maxima : float64 [2]
        m of x and of d, moved on in place.
    products : float64 [V]
        m_x m_d after each vector.
    """
    cdef Py_ssize_t v
    if d.shape[0] != x.shape[0] or products.shape[0] != x.shape[0] or maxima.shape[0] != 2:
        raise ValueError("the shapes of x, d, maxima and products do not fit")
    with nogil:
        for v in range(x.shape[0]):
            if x.shape[1]:
                maxima[0] = follow(maxima[0], largest(&x[v, 0], x.shape[1]), rate)
            if d.shape[1]:
                maxima[1] = follow(maxima[1], largest(&d[v, 0], d.shape[1]), rate)
            products[v] = maxima[0] * maxima[1]


def let_go(
    float[:, ::1] values not None, float[:, ::1] counts not None, float threshold, int most, float kept, float taken,
    float limit
):
    """Take whole thresholds out of a buffer.

    Parameters
    ----------
    values : float32 [lines, cells]
        The buffer. Where thresholds are taken it becomes kept * value - taken * count, within +-limit.
    counts : float32 [lines, cells]
        Thresholds that are taken: trunc(value / threshold), at most `most` either way; NaN of NaN.
    threshold, most, kept, taken, limit : float
        As said.

    Returns
    -------
    int
        Lines on which any are taken.
    """
    cdef Py_ssize_t line
    cdef int lines = 0
    cdef release_t rule
    rule.threshold, rule.most, rule.kept, rule.taken, rule.limit = threshold, <float> most, kept, taken, limit
    if counts.shape[0] != values.shape[0] or counts.shape[1] != values.shape[1]:
        raise ValueError("the shapes of values and counts do not fit")
    if values.shape[0] == 0 or values.shape[1] == 0:
        return 0
    with nogil:
        release_cells(&rule, &values[0, 0], &counts[0, 0], values.shape[0] * values.shape[1])
        for line in range(values.shape[0]):
            lines += any_taken(&counts[line, 0], values.shape[1])
    return lines


ctypedef fused real:
    float
    double

#: Columns of a product whose sums stay in registers while the terms are added.
cdef enum:
    TILE = 16


cdef inline void add_tile(
    const real *left, const real *right, real *total, Py_ssize_t terms, Py_ssize_t columns
) noexcept nogil:
    cdef real sums[TILE]
    cdef Py_ssize_t j, k
    for j in range(TILE):
        sums[j] = left[0] * right[j]
    for k in range(1, terms):
        for j in range(TILE):
            sums[j] = sums[j] + left[k] * right[k * columns + j]
    for j in range(TILE):
        total[j] = sums[j]


def stacked_product(const real[:, :, ::1] x not None, const real[:, :, ::1] y not None, real[:, :, ::1] total not None):
    """Write x @ y for stacks of matrices, the terms of each sum added in their order.

    Parameters
    ----------
    x, y : float32 or float64 [stacks, n, k], [stacks, k, m]
        Operands, k at least 1.
    total : same type [stacks, n, m]
        Their products.
    """
    cdef Py_ssize_t stacks = x.shape[0], rows = x.shape[1], terms = x.shape[2], columns = y.shape[2]
    cdef Py_ssize_t s, i, j, k
    cdef real one
    if y.shape[0] != stacks or y.shape[1] != terms or terms < 1:
        raise ValueError("the shapes of x and y do not fit")
    if total.shape[0] != stacks or total.shape[1] != rows or total.shape[2] != columns:
        raise ValueError("the shape of total does not fit those of x and y")
    with nogil:
        for s in range(stacks):
            for i in range(rows):
                j = 0
                while j + TILE <= columns:
                    add_tile(&x[s, i, 0], &y[s, 0, j], &total[s, i, j], terms, columns)
                    j += TILE
                while j < columns:
                    one = x[s, i, 0] * y[s, 0, j]
                    for k in range(1, terms):
                        one = one + x[s, i, k] * y[s, k, j]
                    total[s, i, j] = one
                    j += 1
