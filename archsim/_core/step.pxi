# What pulses do to cells. A row of `cells` is
# (up step at weight 0, its slope, down step at weight 0, its slope, w_min, w_max, -, -): eight numbers, so that one
# cache line holds all that a cell needs. Down steps are stored as what they add, below zero.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define PREFETCH(p) __builtin_prefetch(p)
    #else
    #define PREFETCH(p)
    #endif
    """
    void PREFETCH(const void *p) noexcept nogil

cdef enum:
    CELL = 8
    EVENTS = 512
    MOST_PULSES = 32


ctypedef struct Events:
    # Cells of one vector with at least one coincidence; no cell twice.
    int n
    int64_t vector
    uint32_t cell[EVENTS]
    uint32_t slots[EVENTS]  # coincidences; the top bit is set where the signs of x and d differ


ctypedef struct Lanes:
    int count[CHUNK]
    float w[CHUNK]
    float step[CHUNK]
    float slope[CHUNK]
    float low[CHUNK]
    float high[CHUNK]
    float noise[MOST_PULSES][CHUNK]


cdef inline void cycle_noise(
    const uint32_t *cell, int n, int most, const Stream *stream, int64_t vector, Lanes *lanes
) noexcept nogil:
    # Pulse k of a cell gets normal number k % 4 of draw k // 4.
    cdef Words words
    cdef Pair pair
    cdef uint64_t index = stream.first_vector + <uint64_t> vector
    cdef uint32_t c1, c2 = <uint32_t> index, c3 = (<uint32_t> (index >> 32) & 0xFFF) | stream.crossbar << 12
    cdef int i, draw, m = padded(n)
    for draw in range((most + 3) // 4):
        c1 = <uint32_t> draw | stream.purpose << 24
        for i in range(n):
            words.w[0][i] = cell[i]
        for i in range(n, m):
            words.w[0][i] = 0
        for i in range(m):
            words.w[1][i] = c1
            words.w[2][i] = c2
            words.w[3][i] = c3
        philox_rounds(words.w[0], words.w[1], words.w[2], words.w[3], m, stream.key0, stream.key1)
        box_muller(&words, 0, &pair, n)
        for i in range(m):
            lanes.noise[4 * draw][i] = pair.first[i]
            lanes.noise[4 * draw + 1][i] = pair.second[i]
        if most > 4 * draw + 2:
            box_muller(&words, 2, &pair, n)
            for i in range(m):
                lanes.noise[4 * draw + 2][i] = pair.first[i]
                lanes.noise[4 * draw + 3][i] = pair.second[i]


cdef inline void pulse(Lanes *lanes, int n, int k, float deviation, bint multiplicative) noexcept nogil:
    # Pulse k of every cell that has so many, clipped.
    cdef int i
    cdef float w, z, dw
    for i in range(padded(n)):
        w = lanes.w[i]
        z = <float> 1.0 + deviation * lanes.noise[k][i]
        dw = lanes.slope[i] * w
        dw = (dw + lanes.step[i]) * z if multiplicative else dw + lanes.step[i] * z
        w = w + dw
        w = lanes.high[i] if w > lanes.high[i] else w
        w = lanes.low[i] if w < lanes.low[i] else w
        lanes.w[i] = w if k < lanes.count[i] else lanes.w[i]


cdef int64_t apply_events(
    Events *events, float *weights, const float *cells, float deviation, bint multiplicative, const Stream *stream
) noexcept nogil:
    cdef Lanes lanes
    cdef const uint32_t *cell
    cdef const float *numbers
    cdef const float *side
    cdef int block, n, i, k, most
    cdef int64_t pulses = 0
    for block in range((events.n + CHUNK - 1) // CHUNK):
        cell = events.cell + block * CHUNK
        n = min(CHUNK, events.n - block * CHUNK)
        most = 0
        for i in range(n):
            # what a cell needs is on its way while its noise is drawn
            PREFETCH(cells + <size_t> cell[i] * CELL)
            PREFETCH(weights + cell[i])
            lanes.count[i] = popcount(events.slots[block * CHUNK + i] & ~SIGN)
            pulses += lanes.count[i]
            most = max(most, lanes.count[i])
        if deviation > 0.0:
            cycle_noise(cell, n, most, stream, events.vector, &lanes)
        else:
            for k in range(most):
                for i in range(n):
                    lanes.noise[k][i] = 0.0
        for i in range(n):
            numbers = cells + <size_t> cell[i] * CELL
            side = numbers if events.slots[block * CHUNK + i] & SIGN else numbers + 2
            lanes.w[i] = weights[cell[i]]
            lanes.step[i] = side[0]
            lanes.slope[i] = side[1]
            lanes.low[i] = numbers[4]
            lanes.high[i] = numbers[5]
        for i in range(n, padded(n)):
            lanes.count[i] = 0
            lanes.w[i] = lanes.step[i] = lanes.slope[i] = lanes.low[i] = lanes.high[i] = 0.0
            for k in range(most):
                lanes.noise[k][i] = 0.0
        for k in range(most):
            pulse(&lanes, n, k, deviation, multiplicative)
        for i in range(n):
            weights[cell[i]] = lanes.w[i]
    events.n = 0
    return pulses


def apply_trains(
    float[:, ::1] weights not None, const float[:, ::1] cells not None, float deviation, bint multiplicative,
    const uint32_t[:, ::1] x_lines not None, const uint32_t[:, ::1] x_trains not None,
    const int32_t[::1] x_count not None, const uint32_t[:, ::1] d_lines not None,
    const uint32_t[:, ::1] d_trains not None, const int32_t[::1] d_count not None,
    int vectors, int first_output, int last_output, uint64_t key, uint32_t crossbar, uint32_t purpose,
    uint64_t first_vector
):
    """Apply the trains of a block to the cells of a range of outputs, in place; return the number of device pulses.

    Ranges are independent of each other: threads may share an update.
    """
    cdef Stream stream = make_stream(key, crossbar, purpose, first_vector)
    cdef int outputs = <int> weights.shape[0], inputs = <int> weights.shape[1]
    cdef Events events
    cdef const uint32_t *lines
    cdef const uint32_t *trains
    cdef uint32_t row, train, both
    cdef int v, i, j, end, n
    cdef int64_t pulses = 0
    if cells.shape[0] != <Py_ssize_t> outputs * inputs or cells.shape[1] != CELL:
        raise ValueError("cells must have the shape [outputs * inputs, 8]")
    if not 0 <= first_output <= last_output <= outputs:
        raise ValueError("the range of outputs does not fit the weights")
    if (vectors > x_count.shape[0] or vectors > d_count.shape[0] or x_lines.shape[1] != inputs
            or x_trains.shape[1] != inputs or d_lines.shape[1] != outputs or d_trains.shape[1] != outputs
            or vectors > x_lines.shape[0] or vectors > x_trains.shape[0]
            or vectors > d_lines.shape[0] or vectors > d_trains.shape[0]):
        raise ValueError("the trains do not fit the weights")
    if vectors == 0 or outputs == 0 or inputs == 0:
        return 0
    with nogil:
        events.n = 0
        for v in range(vectors):
            events.vector = v
            lines = &x_lines[v, 0]
            trains = &x_trains[v, 0]
            for i in range(d_count[v]):
                row = d_lines[v, i]
                if <int> row < first_output or <int> row >= last_output:
                    continue
                train = d_trains[v, i]
                j = 0
                while j < x_count[v]:
                    if events.n == EVENTS:
                        pulses += apply_events(&events, &weights[0, 0], &cells[0, 0], deviation, multiplicative,
                                               &stream)
                    end = min(x_count[v], j + EVENTS - events.n)
                    n = events.n
                    for j in range(j, end):
                        both = train & trains[j] & ~SIGN
                        events.cell[n] = row * <uint32_t> inputs + lines[j]
                        events.slots[n] = both | ((train ^ trains[j]) & SIGN)
                        n += both != 0
                    events.n = n
                    j = end
            pulses += apply_events(&events, &weights[0, 0], &cells[0, 0], deviation, multiplicative, &stream)
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
            descend_row(&weights[i, 0], &x[0, 0], &d[0, i], outputs, inputs, vectors, learning_rate)


def all_finite(const float[:, ::1] values not None):
    """Return whether no value is NaN or infinite."""
    cdef int32_t largest = 0
    if values.shape[0] and values.shape[1]:
        with nogil:
            largest = magnitude_bits(&values[0, 0], values.shape[0] * values.shape[1])
    return largest < 0x7F800000
