# cython: boundscheck=False, wraparound=False, cdivision=True
"""The time of a block of vectors in a chain of units: a recurrence on integers."""

import numpy as np

from libc.stdint cimport int64_t


def last_completion(const int64_t[:, ::1] service):
    """Return when the last of V vectors leaves a chain of S units.

    C[v, s] = max(C[v - 1, s], C[v, s - 1]) + service[v, s], with C = 0 before the first vector and
    before the first unit.
    """
    cdef Py_ssize_t vectors = service.shape[0], units = service.shape[1], v, s
    cdef int64_t[::1] done = np.zeros(max(units, 1), dtype=np.int64)
    cdef int64_t before
    with nogil:
        for v in range(vectors):
            before = 0
            for s in range(units):
                if done[s] > before:
                    before = done[s]
                before = before + service[v, s]
                done[s] = before
    return done[max(units, 1) - 1]
