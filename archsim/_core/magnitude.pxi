# The largest magnitude of float32 numbers.

ctypedef union Bits:
    float f
    int32_t i
    uint32_t u


cdef inline int32_t magnitude_bits(const float *x, Py_ssize_t n) noexcept nogil:
    # The largest |x| as bits: for non-negative floats the order of bits is that of the numbers, NaN above infinity.
    cdef Bits bits
    cdef int32_t magnitude, largest = 0
    cdef Py_ssize_t i
    for i in range(n):
        bits.f = x[i]
        magnitude = bits.i & 0x7FFFFFFF
        largest = magnitude if magnitude > largest else largest
    return largest
