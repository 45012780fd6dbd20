# How values become trains (trains.h): where the trains of a block lie, and what is drawn on each of its two sides.

cdef void lay_out(Length *lengths, int vectors, bint counted, int *words, int *pieces) noexcept nogil:
    # Short trains share words. A long one begins a word, and leaves the rest of its last one empty.
    cdef int v, length, own, used = 0
    for v in range(vectors):
        length = lengths[v].slots
        if length == 0:
            continue
        own = pieces_of(length, counted)
        if used == 0 or used + length > 32 or length > SHARED_SLOTS or counted:
            words[0] += own
            used = 0
        lengths[v].word = words[0] - own
        lengths[v].offset = used
        lengths[v].piece = pieces[0]
        pieces[0] += own
        used += length if length <= SHARED_SLOTS else 32


cdef void describe(trains_t *t, const Length *lengths, int vectors) noexcept nogil:
    # Say of words and pieces what follows from lengths alone.
    cdef const Length *of
    cdef piece_t *piece
    cdef int v, k, own
    for v in range(vectors):
        of = lengths + v
        if of.slots == 0:
            continue
        own = pieces_of(of.slots, t.counted)
        # Alone in its words, or the first one there: others that follow are short.
        if of.offset == 0:
            memset(t.alike + of.word, t.counted or of.slots >= MANY_SLOTS, <size_t> own)
        else:
            t.alike[of.word] = 0
        for k in range(own):
            piece = t.piece + of.piece + k
            piece.word = of.word + k
            piece.mask = slots_mask(of.slots - 32 * k, of.offset)
            piece.x_count = piece.d_count = 0


cdef int64_t count_one(
    trains_t *t, PulseRules rules, side_t *side, const float *values, int n, const Length *of, bint inputs
) noexcept nogil:
    # A vector's numbers on one side, whose products are numbers of coincidences.
    cdef size_t at = <size_t> of.word * <size_t> (t.x_stride if inputs else t.d_stride)
    cdef uint32_t *on = (t.x_on if inputs else t.d_on) + at
    cdef uint32_t *signs = (t.x_sign if inputs else t.d_sign) + at
    cdef float most = <float> of.slots
    if rules.scheme == 2:
        side.factor = side.factor * most
        return <int64_t> count_vector(
            side, values, n, 1, most, <float> 1.0 if inputs else <float> 1.0 / most, on, signs)
    return <int64_t> (most * count_vector(side, values, n, 0, 1.0, most if inputs else <float> 1.0, on, signs))


cdef int64_t draw_one(
    trains_t *t, const chance_t *chance, const side_t *side, const float *values, int n, const Length *of, bint inputs
) noexcept nogil:
    # A vector's trains on one side; single slots are listed at once.
    cdef Py_ssize_t stride = t.x_stride if inputs else t.d_stride
    cdef uint32_t *on = t.x_on if inputs else t.d_on
    cdef uint32_t *sign = t.x_sign if inputs else t.d_sign
    cdef int pulses
    if of.slots > 1:
        return draw_vector(chance, side, values, n, of.slots, of.word, of.offset, on, sign, stride)
    pulses = draw_single(
        chance, side, values, n, of.offset, on + of.word * stride, sign + of.word * stride,
        (t.x_lines if inputs else t.d_lines) + of.piece * stride,
        t.x_slots + of.piece * stride if inputs else NULL, t.x_turns + of.piece * stride if inputs else NULL)
    if inputs:
        t.piece[of.piece].x_count = pulses
    else:
        t.piece[of.piece].d_count = pulses
    return pulses


cdef void draw_side(
    trains_t *t, Length *lengths, int vectors, PulseRules rules, const float *values, int n, uint32_t sign,
    uint64_t key, uint32_t crossbar, uint32_t purpose, uint64_t first_vector, bint inputs
) noexcept nogil:
    # All vectors' trains on one side; t and lengths take what belongs to it.
    cdef chance_t chance
    cdef side_t side
    cdef Length *of
    cdef uint64_t index
    cdef int64_t pulses
    cdef int v
    chance.keys = expand_key(key)
    chance.shared = rules.scheme == 1
    chance.c1 = purpose << 24
    side.sign = sign
    side.step = rules.x_step if inputs else rules.d_step
    for v in range(vectors):
        of = lengths + v
        if of.slots == 0:
            continue
        side.factor = of.x_factor if inputs else of.d_factor
        index = first_vector + <uint64_t> v
        chance.c2 = <uint32_t> index
        chance.c3 = (<uint32_t> (index >> 32) & 0xFFF) | crossbar << 12
        if t.counted:
            pulses = count_one(t, rules, &side, values + <size_t> v * n, n, of, inputs)
        else:
            pulses = draw_one(t, &chance, &side, values + <size_t> v * n, n, of, inputs)
        if inputs:
            of.x_pulses = pulses
        else:
            of.d_pulses = pulses
