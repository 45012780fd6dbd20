# A digital buffer that lets go whole pulses.

ctypedef struct release_t:
    # What a pulse stands for, how many go at once, and what stays: kept * value - taken * count, within +-limit.
    float threshold, most, kept, taken, limit


cdef void release_cells(const release_t *rule, float *values, float *counts, Py_ssize_t n) noexcept nogil:
    # Take whole thresholds out of cells.
    cdef Py_ssize_t i
    cdef float value, count, left, threshold = rule.threshold, most = rule.most, limit = rule.limit
    cdef float kept = rule.kept, taken = rule.taken
    for i in range(n):
        value = values[i]
        count = min(max(value / threshold, -most), most)
        # What is no number stays so: the write that follows says it.
        count = <float> (<int> count) if count == count else count
        left = min(max(kept * value - taken * count, -limit), limit)
        counts[i] = count
        values[i] = left if count != 0.0 else value


cdef inline bint any_taken(const float *counts, Py_ssize_t n) noexcept nogil:
    # Whether any thresholds were taken out of the cells of a line.
    cdef Py_ssize_t i
    cdef int taken = 0
    for i in range(n):
        taken |= counts[i] != 0.0
    return taken != 0
