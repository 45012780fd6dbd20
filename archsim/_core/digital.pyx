# cython: boundscheck=False, wraparound=False, cdivision=True
"""What digital logic beside an array does to the few numbers of a vector or a line: a call of NumPy takes longer than
the work. The twins are in archsim.analog.reference.digital."""

from libc.stdint cimport int32_t, uint32_t

include "magnitude.pxi"


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
    cdef Py_ssize_t line, i
    cdef float value, count, left, up = <float> most
    cdef int any_taken
    cdef int lines = 0
    if counts.shape[0] != values.shape[0] or counts.shape[1] != values.shape[1]:
        raise ValueError("the shapes of values and counts do not fit")
    with nogil:
        for line in range(values.shape[0]):
            any_taken = 0
            for i in range(values.shape[1]):
                value = values[line, i]
                count = min(max(value / threshold, -up), up)
                # What is no number stays so: the write that follows says it.
                count = <float> (<int> count) if count == count else count
                left = min(max(kept * value - taken * count, -limit), limit)
                counts[line, i] = count
                values[line, i] = left if count != 0.0 else value
                any_taken |= count != 0.0
            lines += any_taken
    return lines
