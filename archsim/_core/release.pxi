# A digital buffer that lets go whole pulses.

ctypedef struct release_t:
    # What a pulse stands for, how many go at once, and what stays: kept * value - taken * count, within +-limit.
    float threshold, most, kept, taken, limit


cdef inline bint release_line(
    const release_t *rule, float *values, float *counts, Py_ssize_t n
) noexcept nogil:
    # Take whole thresholds out of the cells of a line; returns whether any were taken.
    cdef Py_ssize_t i
    cdef float value, count, left
    cdef bint any_taken = False
    for i in range(n):
        value = values[i]
        count = min(max(value / rule.threshold, -rule.most), rule.most)
        # What is no number stays so: the write that follows says it.
        count = <float> (<int> count) if count == count else count
        left = min(max(rule.kept * value - rule.taken * count, -rule.limit), rule.limit)
        counts[i] = count
        values[i] = left if count != 0.0 else value
        any_taken |= count != 0.0
    return any_taken
