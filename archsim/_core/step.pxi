# What pulses do to cells. A row of `cells` is
# (up step at weight 0, its slope, down step at weight 0, its slope, w_min, w_max, -, -): eight numbers, so that one
# cache line holds all that a cell needs. Down steps are stored as what they add, below zero.

cdef enum:
    CELL = 8
    EVENTS = 1024
    MOST_PULSES = 32


ctypedef struct Events:
    int n
    uint32_t cell[EVENTS]
    uint32_t slots[EVENTS]  # coincidences; the top bit is set where the signs of x and d differ
    uint32_t vector[EVENTS]


ctypedef struct Noise:
    float z[MOST_PULSES][CHUNK]


cdef inline void cycle_noise(const Events *events, int begin, int n, int most, const Stream *stream, Noise *noise) noexcept nogil:
    # Pulse k of an event gets normal number k % 4 of draw k // 4.
    cdef Words words
    cdef Pair pair
    cdef uint64_t index
    cdef int i, m = padded(n)
    cdef uint32_t draw
    for draw in range(<uint32_t> (most + 3) // 4):
        for i in range(m):
            # lanes beyond the events repeat the first one; nobody looks at them
            index = stream.first_vector + events.vector[begin + i if i < n else begin]
            words.w[0][i] = events.cell[begin + i if i < n else begin]
            words.w[1][i] = draw | stream.purpose << 24
            words.w[2][i] = <uint32_t> index
            words.w[3][i] = (<uint32_t> (index >> 32) & 0xFFF) | stream.crossbar << 12
        philox_rounds(words.w[0], words.w[1], words.w[2], words.w[3], m, stream.key0, stream.key1)
        box_muller(&words, 0, &pair, n)
        for i in range(m):
            noise.z[4 * draw][i] = pair.first[i]
            noise.z[4 * draw + 1][i] = pair.second[i]
        if most > 4 * <int> draw + 2:
            box_muller(&words, 2, &pair, n)
            for i in range(m):
                noise.z[4 * draw + 2][i] = pair.first[i]
                noise.z[4 * draw + 3][i] = pair.second[i]


cdef inline float pulsed(
    float w, const float *cell, uint32_t slots, const Noise *noise, int lane, float deviation, bint multiplicative
) noexcept nogil:
    # One event: as many pulses as coincidences, the weight clipped after each.
    cdef const float *side = cell if slots & SIGN else cell + 2
    cdef float step = side[0], slope = side[1], low = cell[4], high = cell[5], dw, z
    cdef int k
    for k in range(popcount(slots & ~SIGN)):
        if deviation > 0.0:
            z = <float> 1.0 + deviation * noise.z[k][lane]
            dw = (slope * w + step) * z if multiplicative else slope * w + step * z
        else:
            dw = slope * w + step
        w = w + dw
        w = high if w > high else w
        w = low if w < low else w
    return w


cdef int64_t apply_events(
    Events *events, float *weights, const float *cells, float deviation, bint multiplicative, const Stream *stream
) noexcept nogil:
    cdef Noise noise
    cdef int block, begin, n, i, count, most
    cdef int64_t pulses = 0
    for block in range((events.n + CHUNK - 1) // CHUNK):
        begin = block * CHUNK
        n = min(CHUNK, events.n - begin)
        most = 0
        for i in range(n):
            count = popcount(events.slots[begin + i] & ~SIGN)
            pulses += count
            most = max(most, count)
        if deviation > 0.0:
            cycle_noise(events, begin, n, most, stream, &noise)
        for i in range(n):
            weights[events.cell[begin + i]] = pulsed(
                weights[events.cell[begin + i]], cells + <size_t> events.cell[begin + i] * CELL,
                events.slots[begin + i], &noise, i, deviation, multiplicative)
    events.n = 0
    return pulses


def apply_trains(
    float[:, ::1] weights not None, const float[:, ::1] cells not None, float deviation, bint multiplicative,
    const uint32_t[:, ::1] x_lines not None, const uint32_t[:, ::1] x_trains not None, const int32_t[::1] x_count not None,
    const uint32_t[:, ::1] d_lines not None, const uint32_t[:, ::1] d_trains not None, const int32_t[::1] d_count not None,
    int vectors, int first_output, int last_output, uint64_t key, uint32_t crossbar, uint32_t purpose,
    uint64_t first_vector
):
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
                        events.vector[n] = <uint32_t> v
                        n += both != 0
                    events.n = n
                    j = end
        pulses += apply_events(&events, &weights[0, 0], &cells[0, 0], deviation, multiplicative, &stream)
    return pulses


def exact_update(
    float[:, ::1] weights not None, const float[:, ::1] x not None, const float[:, ::1] d not None,
    float learning_rate, int first_output, int last_output
):
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
    cdef int32_t largest = 0
    if values.shape[0] and values.shape[1]:
        with nogil:
            largest = magnitude_bits(&values[0, 0], values.shape[0] * values.shape[1])
    return largest < 0x7F800000
