# Pulse trains of the stochastic compressed update (Gokmen & Vlasov 2016, doi:10.3389/fnins.2016.00333), with update
# management (Gokmen, Onen & Haensch 2017, doi:10.3389/fnins.2017.00538). A train is a 32-bit word: a bit a slot, and
# the sign of the line's value in the top bit.

cdef extern from *:
    """
    #define SIGN 0x80000000u
    #define CERTAIN 0xFFFFFFFEu
    #if defined(__GNUC__)
    #define popcount(word) __builtin_popcount(word)
    #else
    static inline int popcount(uint32_t word) {
      int bits = 0;
      for (; word; word &= word - 1) bits++;
      return bits;
    }
    #endif
    """
    uint32_t SIGN  # of a line's value, in its train
    int popcount(uint32_t word) noexcept nogil
    uint32_t CERTAIN  # a probability of 1: more than 2**32 times any float32 below 1


@cython.final
cdef class PulseRules:
    """How values become pulse trains, fixed for a crossbar (see `archsim.analog.pulses`)."""

    cdef readonly int desired_bl
    cdef readonly bint management, bl_management
    cdef readonly double granularity, um_grad_scale

    def __init__(
        self, *, int desired_bl, bint management, bint bl_management, double granularity, double um_grad_scale
    ):
        if not 1 <= desired_bl <= 31:
            raise ValueError("a pulse train has 1 to 31 slots")
        self.desired_bl = desired_bl
        self.management = management
        self.bl_management = bl_management
        self.granularity = granularity
        self.um_grad_scale = um_grad_scale


cdef int train_length(
    PulseRules rules, double rate, double x_max, double d_max, float *x_factor, float *d_factor
) noexcept nogil:
    # The number of slots, and what the magnitudes of both sides are multiplied with to become probabilities.
    cdef double wanted = rate * x_max * (rules.um_grad_scale * d_max) / rules.granularity
    cdef double length = rules.desired_bl, base, ratio
    if not wanted > 0.0:
        return 0
    if rules.bl_management:
        length = min(ceil(wanted), length)
    base = sqrt(rate / (rules.granularity * length))
    if not rules.management:
        x_factor[0] = <float> base
        d_factor[0] = <float> base
        return <int> length
    d_max = rules.um_grad_scale * d_max
    if wanted > rules.desired_bl:
        d_max = d_max * rules.desired_bl / wanted
    ratio = sqrt(d_max / x_max)
    x_factor[0] = <float> (base * ratio)
    d_factor[0] = <float> (base / ratio)
    return <int> length


ctypedef struct Slots:
    # Lines whose trains are being drawn.
    uint32_t line[CHUNK]
    uint32_t limit[CHUNK]  # probability * 2**32, less the digits that were compared already
    uint32_t open_[CHUNK]  # slots that are not decided yet
    uint32_t train[CHUNK]


cdef inline void settle(Slots *slots, int n, uint32_t draw, const Stream *stream, uint64_t index) noexcept nogil:
    # Compare the slots' uniform numbers with the lines' probabilities, four more binary digits of each, the highest
    # first. A slot stays open while its number and the probability agree.
    cdef Words words
    cdef int i, k, m = padded(n)
    cdef uint32_t digit, word
    cdef uint32_t c1 = draw | stream.purpose << 24, c2 = <uint32_t> index
    cdef uint32_t c3 = (<uint32_t> (index >> 32) & 0xFFF) | stream.crossbar << 12
    for i in range(n, m):
        slots.line[i] = slots.limit[i] = slots.open_[i] = slots.train[i] = 0
    for i in range(m):
        words.w[0][i] = slots.line[i]
        words.w[1][i] = c1
        words.w[2][i] = c2
        words.w[3][i] = c3
    philox_rounds(words.w[0], words.w[1], words.w[2], words.w[3], m, stream.key0, stream.key1)
    for k in range(4):
        for i in range(m):
            word = words.w[k][i]
            digit = <uint32_t> (<int32_t> slots.limit[i] >> 31)
            slots.train[i] |= slots.open_[i] & digit & ~word
            slots.open_[i] &= ~(word ^ digit)
            slots.limit[i] <<= 1
    for i in range(m):
        slots.open_[i] = slots.open_[i] if slots.limit[i] else 0


cdef void draw_trains(
    const uint32_t *lines, uint32_t *trains, int n, uint32_t mask, const Stream *stream, int64_t vector
) noexcept nogil:
    # The trains of n (at most CHUNK) lines, of the slots in mask, in the place of their probability words.
    cdef Slots slots, few
    cdef int at[CHUNK]
    cdef uint64_t index = stream.first_vector + <uint64_t> vector
    cdef uint32_t draw = 0, certain
    cdef int i, k, kept, left = 0
    for i in range(n):
        certain = mask if trains[i] >= CERTAIN else 0
        slots.line[i] = lines[i]
        slots.limit[i] = trains[i] & ~1u
        slots.train[i] = certain
        slots.open_[i] = mask & ~certain
    settle(&slots, n, draw, stream, index)
    for i in range(n):
        at[left] = i
        left += slots.open_[i] != 0
    while left:
        draw += 1
        for k in range(left):
            i = at[k]
            few.line[k] = slots.line[i]
            few.limit[k] = slots.limit[i]
            few.open_[k] = slots.open_[i]
            few.train[k] = slots.train[i]
        settle(&few, left, draw, stream, index)
        kept = 0
        for k in range(left):
            i = at[k]
            slots.limit[i] = few.limit[k]
            slots.open_[i] = few.open_[k]
            slots.train[i] = few.train[k]
            at[kept] = i
            kept += few.open_[k] != 0
        left = kept
    for i in range(n):
        trains[i] = trains[i] << 31 | slots.train[i]


cdef int candidates(
    const float *values, int n, float factor, uint32_t sign, uint32_t *lines, uint32_t *chances
) noexcept nogil:
    # The lines that may pulse, in order, with probability * 2**31 in the upper bits and the sign in the lowest one.
    cdef uint32_t chance[CHUNK]
    cdef Bits bits
    cdef float p
    cdef int block, begin, i, m, found = 0
    for block in range((n + CHUNK - 1) // CHUNK):
        begin = block * CHUNK
        m = min(CHUNK, n - begin)
        for i in range(m):
            bits.f = values[begin + i]
            chance[i] = (bits.u ^ sign) >> 31
            bits.u = bits.u & ~SIGN
            p = factor * bits.f
            bits.f = p if p < 1.0 else <float> 0.0
            chance[i] |= <uint32_t> <int32_t> (bits.f * <float> 2147483648.0) << 1
            chance[i] = chance[i] | CERTAIN if p >= 1.0 else chance[i]
        for i in range(m):
            lines[found] = <uint32_t> (begin + i)
            chances[found] = chance[i]
            found += chance[i] > 1
    return found


cdef int64_t line_trains(
    const float *values, int n, float factor, uint32_t sign, uint32_t mask, const Stream *stream, int64_t vector,
    uint32_t *lines, uint32_t *trains, int32_t *count
) noexcept nogil:
    # The lines with at least one pulse, in order, and their trains. Returns the number of pulses.
    cdef int block, begin, i, total = 0, found = candidates(values, n, factor, sign, lines, trains)
    cdef int64_t pulses = 0
    for block in range((found + CHUNK - 1) // CHUNK):
        begin = block * CHUNK
        draw_trains(lines + begin, trains + begin, min(CHUNK, found - begin), mask, stream, vector)
    for i in range(found):
        lines[total] = lines[i]
        trains[total] = trains[i]
        pulses += popcount(trains[i] & ~SIGN)
        total += (trains[i] & ~SIGN) != 0
    count[0] = total
    return pulses


def pulse_trains(
    PulseRules rules not None, const float[:, ::1] x not None, const float[:, ::1] d not None, double learning_rate,
    uint64_t key, uint32_t crossbar, uint32_t x_purpose, uint32_t d_purpose, uint64_t first_vector,
    uint32_t[:, ::1] x_lines not None, uint32_t[:, ::1] x_trains not None, int32_t[::1] x_count not None,
    uint32_t[:, ::1] d_lines not None, uint32_t[:, ::1] d_trains not None, int32_t[::1] d_count not None
):
    """Write the active lines of each vector, their trains and their number, for inputs x and errors d.

    Returns slots over all vectors, pulses on input lines, pulses on output lines and pairs of active lines. Raises
    ValueError if shapes do not fit or a number is not finite.
    """
    cdef Stream x_stream = make_stream(key, crossbar, x_purpose, first_vector)
    cdef Stream d_stream = make_stream(key, crossbar, d_purpose, first_vector)
    cdef int vectors = <int> x.shape[0], inputs = <int> x.shape[1], outputs = <int> d.shape[1]
    cdef uint32_t sign = SIGN if learning_rate < 0.0 else 0u, mask
    cdef double rate = -learning_rate if learning_rate < 0.0 else learning_rate
    cdef int64_t slots = 0, x_pulses = 0, d_pulses = 0, meetings = 0
    cdef int32_t x_bits, d_bits
    cdef float x_factor = 0.0, d_factor = 0.0
    cdef Bits x_max, d_max
    cdef int v, length
    cdef bint finite = rate <= 1.7976931348623157e308
    if d.shape[0] != vectors:
        raise ValueError("x and d must hold the same number of vectors")
    if (x_lines.shape[0] < vectors or x_trains.shape[0] < vectors or x_count.shape[0] < vectors
            or d_lines.shape[0] < vectors or d_trains.shape[0] < vectors or d_count.shape[0] < vectors
            or x_lines.shape[1] != inputs or x_trains.shape[1] != inputs
            or d_lines.shape[1] != outputs or d_trains.shape[1] != outputs):
        raise ValueError("the room for the trains does not fit x and d")
    if vectors == 0 or inputs == 0 or outputs == 0:
        x_count[:] = 0
        d_count[:] = 0
        return 0, 0, 0, 0
    with nogil:
        for v in range(vectors):
            x_bits = magnitude_bits(&x[v, 0], inputs)
            d_bits = magnitude_bits(&d[v, 0], outputs)
            if x_bits >= 0x7F800000 or d_bits >= 0x7F800000 or not finite:
                finite = False
                break
            x_max.i = x_bits
            d_max.i = d_bits
            length = train_length(rules, rate, x_max.f, d_max.f, &x_factor, &d_factor)
            x_count[v] = 0
            d_count[v] = 0
            if length == 0:
                continue
            slots += length
            mask = (1u << length) - 1u
            x_pulses += line_trains(&x[v, 0], inputs, x_factor, 0u, mask, &x_stream, v, &x_lines[v, 0],
                                    &x_trains[v, 0], &x_count[v])
            d_pulses += line_trains(&d[v, 0], outputs, d_factor, sign, mask, &d_stream, v, &d_lines[v, 0],
                                    &d_trains[v, 0], &d_count[v])
            meetings += <int64_t> x_count[v] * d_count[v]
    if not finite:
        raise ValueError("x, d or the learning rate of an update is not a finite number")
    return slots, x_pulses, d_pulses, meetings
