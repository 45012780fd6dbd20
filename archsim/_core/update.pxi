# What coinciding pulses do to cells (walk.h).

cdef extern from "walk.h" nogil:
    ctypedef struct response_t:
        int family, exact
        float deviation, noise_add, noise_slope, write_noise
        int nodes
        float *up_at
        float *up_climb
        float *down_at
        float *down_climb
        float sharpest

    ctypedef struct walk_t:
        const response_t *response
        const trains_t *trains
        const float *cells
        float *persistent
        float *visible
        uint32_t inputs
        int numbers

    ctypedef struct columns_t:
        pass

    ctypedef struct progress_t:
        int64_t pulses
        columns_t *columns

    ctypedef struct series_t:
        philox_keys keys
        uint32_t c2, c3
        int at
        float *number

    void begin_series(series_t *series, uint32_t c1)
    void provide(series_t *series, int n)

    int64_t walk_outputs(
        const walk_t *walk, progress_t *p, uint32_t begin, uint32_t end, uint64_t key, uint32_t c1, uint32_t c2,
        uint32_t c3)
    enum: STRAIGHT, AFFINE, ADDITIVE, EXPONENTIAL, POWER, PIECEWISE, NODES, SHORT_CELL, CELL, SERIES_COLUMNS
    enum: BOTH, ONLY_UP, DOWN_AS_UP

cdef dict FAMILIES = {
    "constant": STRAIGHT, "soft": AFFINE, "affine": AFFINE, "additive": ADDITIVE, "exponential": EXPONENTIAL,
    "power": POWER, "piecewise": PIECEWISE,
}
cdef dict DIRECTIONS = {"both": BOTH, "up": ONLY_UP, "down-as-up": DOWN_AS_UP}


@cython.final
cdef class Response:
    """What all cells of an array have in common: the family of their steps, and the noise of a pulse."""

    cdef response_t response
    cdef int numbers

    def __init__(
        self, str family, *, bint exact, float deviation, float noise_add=0.0, float noise_slope=0.0,
        float write_noise=0.0, const float[::1] nodes_up=None, const float[::1] nodes_down=None
    ):
        cdef int k
        self.response.family = FAMILIES[family]
        self.numbers = SHORT_CELL if family in ("constant", "soft") else CELL
        self.response.exact = exact
        self.response.deviation = deviation
        self.response.noise_add = noise_add
        self.response.noise_slope = noise_slope
        self.response.write_noise = write_noise
        self.response.nodes = 0
        if self.response.family == PIECEWISE:
            if nodes_up is None or nodes_down is None or not 2 <= nodes_up.shape[0] <= NODES:
                raise ValueError("a piecewise step has 2 to 32 nodes for each direction")
            if nodes_up.shape[0] != nodes_down.shape[0]:
                raise ValueError("both directions of a piecewise step have the same number of nodes")
            self.response.nodes = <int> nodes_up.shape[0]
            self.response.sharpest = max(
                fill_nodes(nodes_up, self.response.up_at, self.response.up_climb),
                fill_nodes(nodes_down, self.response.down_at, self.response.down_climb),
            )


cdef float fill_nodes(const float[::1] nodes, float *at, float *climb) noexcept:
    # Values and differences, with zeros behind; returns the largest change of the differences.
    cdef int k, n = <int> nodes.shape[0]
    cdef float sharpest = 0.0
    for k in range(NODES):
        at[k] = nodes[k] if k < n else 0.0
        climb[k] = nodes[k + 1] - nodes[k] if k + 1 < n else 0.0
    for k in range(n - 2):
        sharpest = max(sharpest, abs(climb[k + 1] - climb[k]))
    return sharpest


def series(
    float[::1] out not None, uint64_t key, uint32_t crossbar, uint32_t purpose, uint64_t vector, uint32_t block
):
    """Fill out with the first normal numbers of the series that a block of 64 outputs draws from."""
    cdef series_t numbers
    cdef Py_ssize_t i
    numbers.keys = expand_key(key)
    numbers.c2 = <uint32_t> vector
    numbers.c3 = (<uint32_t> (vector >> 32) & 0xFFF) | crossbar << 12
    begin_series(&numbers, purpose << 24 | block)
    for i in range(out.shape[0]):
        provide(&numbers, 1)
        out[i] = numbers.number[numbers.at]
        numbers.at += 1


cdef int check_cells(
    Response response, float[:, ::1] weights, float[:, ::1] visible, const float[:, ::1] cells
) except -1:
    if cells.shape[0] != weights.shape[0] * weights.shape[1] or cells.shape[1] != response.numbers:
        raise ValueError(f"cells must have the shape [outputs * inputs, {response.numbers}]")
    if visible is not None and (visible.shape[0] != weights.shape[0] or visible.shape[1] != weights.shape[1]):
        raise ValueError("visible must have the shape of the weights")
    return 0


cdef progress_t *make_progress() except NULL nogil:
    # Room to send trains, to be freed by `free_progress`.
    cdef progress_t *progress = <progress_t *> cache_lines(sizeof(progress_t))
    if progress == NULL:
        no_memory()
    progress.columns = NULL
    return progress


cdef int begin_progress(progress_t *progress, int pieces) except -1 nogil:
    # Set what begins a walk with so many pieces to its beginning.
    cdef size_t size = <size_t> max(pieces, 1) * sizeof(columns_t)
    cdef void *columns = realloc(progress.columns, size)
    if columns == NULL:
        no_memory()
    progress.columns = <columns_t *> columns
    memset(columns, 0, size)
    return 0


cdef void free_progress(progress_t *progress) noexcept nogil:
    if progress != NULL:
        free(progress.columns)
    free(progress)


cdef int64_t send(
    Trains trains, Response response, float *weights, float *visible, const float *cells, int direction,
    int first_output, int last_output, uint64_t key, uint32_t crossbar, uint32_t purpose, uint64_t first_vector,
    progress_t *progress
) noexcept nogil:
    # Send trains that are not empty; see `apply_trains`.
    cdef walk_t walk
    cdef trains_t view = trains.view()
    view.direction = direction
    walk.response = &response.response
    walk.trains = &view
    walk.cells = cells
    walk.persistent = weights
    walk.visible = visible
    walk.inputs = <uint32_t> trains.inputs
    walk.numbers = response.numbers
    return walk_outputs(&walk, progress, <uint32_t> first_output, <uint32_t> last_output, key, purpose << 24,
                        <uint32_t> first_vector, (<uint32_t> (first_vector >> 32) & 0xFFF) | crossbar << 12)


def apply_trains(
    Trains trains not None, Response response not None, float[:, ::1] weights not None, float[:, ::1] visible,
    const float[:, ::1] cells not None, str direction, int first_output, int last_output, uint64_t key,
    uint32_t crossbar, uint32_t purpose, uint64_t first_vector
):
    """Apply trains to the cells of a range of outputs, in place; return the number of device pulses.

    weights [outputs, inputs] is what pulses change; visible, if not None, what reads see around it. A range begins and
    ends at a multiple of 64 or at the last output; ranges are independent of each other, so threads may share an
    update.
    """
    cdef int outputs = <int> weights.shape[0]
    cdef int64_t pulses
    cdef progress_t *progress
    cdef int way = DIRECTIONS[direction]
    if outputs != trains.outputs or weights.shape[1] != trains.inputs:
        raise ValueError("the trains do not fit the weights")
    check_cells(response, weights, visible, cells)
    if not 0 <= first_output <= last_output <= outputs or first_output % SERIES_COLUMNS or (
            last_output % SERIES_COLUMNS and last_output != outputs):
        raise ValueError("the range of outputs does not fit the weights")
    if trains.trains.words == 0 or outputs == 0 or trains.inputs == 0:
        return 0
    progress = make_progress()
    try:
        with nogil:
            begin_progress(progress, trains.trains.pieces)
            pulses = send(trains, response, &weights[0, 0], NULL if visible is None else &visible[0, 0], &cells[0, 0],
                          way, first_output, last_output, key, crossbar, purpose, first_vector, progress)
    finally:
        free_progress(progress)
    return pulses


def exact_update(
    float[:, ::1] weights not None, const float[:, ::1] x not None, const float[:, ::1] d not None,
    float learning_rate, int first_output, int last_output
):
    """Make weights -= learning_rate d^T x for a range of outputs, one vector after the other, in place."""
    cdef int outputs = <int> weights.shape[0], inputs = <int> weights.shape[1], vectors = <int> x.shape[0]
    cdef int i
    if x.shape[1] != inputs or d.shape[1] != outputs or d.shape[0] != vectors:
        raise ValueError("the shapes of weights, x and d do not fit")
    if not 0 <= first_output <= last_output <= outputs:
        raise ValueError("the range of outputs does not fit the weights")
    if vectors == 0 or inputs == 0:
        return
    with nogil:
        for i in range(first_output, last_output):
            descend_column(&weights[i, 0], &x[0, 0], &d[0, i], outputs, inputs, vectors, learning_rate)


def all_finite(const float[:, ::1] values not None):
    """Return whether no value is NaN or infinite."""
    cdef int32_t largest = 0
    if values.shape[0] and values.shape[1]:
        with nogil:
            largest = magnitude_bits(&values[0, 0], values.shape[0] * values.shape[1])
    return largest < 0x7F800000
