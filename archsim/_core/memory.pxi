# Memory for kernels.

cdef enum:
    LINE = 64  # bytes of a cache line


cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)


cdef void *cache_lines(size_t size) noexcept nogil:
    # Memory that begins at a cache line, to be freed; NULL if there is none. What lies across two lines takes a
    # register of 512 bits twice the time to load.
    return aligned_alloc(LINE, (size + LINE - 1) // LINE * LINE)
