# Memory for kernels.

cdef enum:
    LINE = 64  # bytes of a cache line


cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)


cdef void *cache_lines(size_t size) noexcept nogil:
    # Memory that begins at a cache line, to be freed; NULL if there is none. What lies across two lines takes a
    # register of 512 bits twice the time to load.
    return aligned_alloc(LINE, (size + LINE - 1) // LINE * LINE)


cdef int no_memory() except -1 nogil:
    with gil:
        raise MemoryError()


cdef inline const float *first_of(const float[:, ::1] values) noexcept nogil:
    # The first of the numbers; NULL where there are none.
    return &values[0, 0] if values.shape[0] and values.shape[1] else NULL
