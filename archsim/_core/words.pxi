# Words of slots, and what is done with them in C (trains.h, coincidences.h).

cdef extern from "trains.h" nogil:
    ctypedef struct piece_t:
        int word, x_count, d_count
        uint32_t mask

    ctypedef struct trains_t:
        int words, pieces, crowded, counted, direction, backwards, width
        const uint32_t *rows
        ptrdiff_t x_stride, d_stride
        uint32_t *x_on
        uint32_t *x_sign
        uint32_t *d_on
        uint32_t *d_sign
        uint8_t *alike
        uint8_t *spread
        piece_t *piece
        uint32_t *x_lines
        uint32_t *x_slots
        uint32_t *x_turns
        uint32_t *d_lines

    ctypedef struct philox_keys:
        pass

    ctypedef struct chance_t:
        philox_keys keys
        uint32_t c1, c2, c3
        int shared

    philox_keys expand_key(uint64_t key)

    ctypedef struct side_t:
        float factor
        uint32_t sign
        float step

    int64_t draw_vector(
        const chance_t *source, const side_t *side, const float *values, int n, int length, int word, int offset,
        uint32_t *on, uint32_t *sign, ptrdiff_t stride)
    int draw_single(
        const chance_t *source, const side_t *side, const float *values, int n, int offset, uint32_t *on,
        uint32_t *sign, uint32_t *lines, uint32_t *slots, uint32_t *turns)
    double count_vector(
        const side_t *side, const float *values, int n, int rounded, float most, float scale, uint32_t *on,
        uint32_t *sign)
    int active_lines(const uint32_t *on, int words_of, ptrdiff_t stride, uint32_t mask, int n, uint32_t *lines)
    void pack_words(const trains_t *t, const uint32_t *rows, int n, uint32_t *on, uint32_t *sign)
    void list_piece(trains_t *t, int k, int inputs, int outputs)
    void list_lines(trains_t *t, int inputs, int outputs)
    enum: LINES

cdef extern from "coincidences.h" nogil:
    void spread_slots(trains_t *t)
    enum: SLOTS

cdef extern from *:
    """
    #define SIGN 0x80000000u
    """
    uint32_t SIGN

# Slots of one vector that are worth a closed form of their own; beyond which it shares its word with no other, so that
# a cell's pulses in it go one way.
cdef enum:
    MANY_SLOTS = 5
    SHARED_SLOTS = 10
# In words of a walk over all cells: what that takes besides, and what a listed cell of one vector takes, for a single
# pulse or more.
cdef double WALK = 3.0
cdef double LISTED_PULSE = 3.5
cdef double LISTED_CELL = 8.0


cdef inline uint32_t slots_mask(int length, int offset) noexcept nogil:
    return 0xFFFFFFFFu if length >= 32 else ((1u << length) - 1u) << offset


cdef inline int pieces_of(int slots, bint counted) noexcept nogil:
    # Words that a vector's trains reach.
    return 1 if counted else (slots + 31) // 32


ctypedef struct Length:
    # Of a vector's trains: slots, where the first of them lie, factors of its magnitudes, and what was drawn.
    int slots, word, offset, piece
    float x_factor, d_factor
    int64_t x_pulses, d_pulses
    double coincidences


ctypedef struct totals_t:
    # Of a block's trains: slots and pulses, and the coincidences to be expected.
    int64_t slots, x_pulses, d_pulses
    double coincidences


cdef uint32_t hold_lines(
    uint32_t *on, uint32_t *held, const int32_t *stops, int lines, int vector, uint32_t mask
) noexcept nogil:
    # Move what lines get of a vector beyond their stops; returns the bits that were moved anywhere.
    cdef int k
    cdef uint32_t late, moved = 0
    for k in range(lines):
        late = on[k] & mask if stops[k] <= vector else 0
        on[k] ^= late
        held[k] |= late
        moved |= late
    return moved
