# Random words and normal numbers that belong to a counter, not to the order of the calls.

cdef extern from "philox.h" nogil:
    void philox_rounds(uint32_t *w0, uint32_t *w1, uint32_t *w2, uint32_t *w3, int n, uint32_t key0, uint32_t key1)

cdef enum:
    CHUNK = 64  # counters worked on at a time: they stay in the first-level cache
    WIDEST = 16  # lanes of the widest instruction set; counts of counters are rounded up to it

ctypedef struct Words:
    uint32_t w[4][CHUNK]

ctypedef struct Pair:
    float first[CHUNK]
    float second[CHUNK]

ctypedef struct Stream:
    # What the counters of one kernel call have in common.
    uint32_t key0
    uint32_t key1
    uint32_t crossbar
    uint32_t purpose
    uint64_t first_vector


cdef inline Stream make_stream(uint64_t key, uint32_t crossbar, uint32_t purpose, uint64_t first_vector) noexcept nogil:
    cdef Stream stream
    stream.key0 = <uint32_t> key
    stream.key1 = <uint32_t> (key >> 32)
    stream.crossbar = crossbar
    stream.purpose = purpose
    stream.first_vector = first_vector
    return stream


cdef inline int padded(int n) noexcept nogil:
    return (n + WIDEST - 1) // WIDEST * WIDEST


cdef inline void line_words(
    Words *words, int n, const Stream *stream, uint32_t element, uint32_t draw, uint32_t attempt, int64_t vector
) noexcept nogil:
    # The words of n (at most CHUNK) consecutive elements for one vector of the block.
    cdef uint64_t index = stream.first_vector + <uint64_t> vector
    cdef uint32_t c1 = draw | attempt << 16 | stream.purpose << 24
    cdef uint32_t c2 = <uint32_t> index
    cdef uint32_t c3 = (<uint32_t> (index >> 32) & 0xFFF) | stream.crossbar << 12
    cdef int i, m = padded(n)
    for i in range(m):
        words.w[0][i] = element + <uint32_t> i
        words.w[1][i] = c1
        words.w[2][i] = c2
        words.w[3][i] = c3
    philox_rounds(words.w[0], words.w[1], words.w[2], words.w[3], m, stream.key0, stream.key1)


cdef inline float round_even(float v) noexcept nogil:
    # Adding and subtracting 1.5 * 2**23 rounds to the nearest even integer for |v| < 2**22. Beyond, a quantised value
    # lies far outside every bound, so that clipping hides the difference.
    return (v + <float> 12582912.0) - <float> 12582912.0


cdef inline float uniform(uint32_t word) noexcept nogil:
    # The middle of one of 2**24 equal parts of [0, 1); the last one rounds to 1.
    return <float> <int32_t> (word >> 8) * <float> 5.9604644775390625e-08 + <float> 2.98023223876953125e-08


cdef inline void box_muller(const Words *words, int a, Pair *normals, int n) noexcept nogil:
    # Box and Muller 1958, doi:10.1214/aoms/1177706645: words a and a + 1 give the normal numbers (cosine, sine).
    # Plain float32 arithmetic in a fixed order, so that every instruction set gives the same bits.
    cdef int i, turn, exponent
    cdef Bits bits
    cdef float t, f, s, q, p, radius, k, y, z, sine, cosine, c, d
    for i in range(padded(n)):
        # ln u = e ln 2 + 2 artanh(f / (2 + f)) with u = 2**e (1 + f), 1 + f between sqrt(1/2) and sqrt(2)
        bits.f = uniform(words.w[a][i])
        exponent = (bits.i - 0x3F3504F3) >> 23
        bits.i = bits.i - exponent * 0x800000
        f = bits.f - <float> 1.0
        s = f / (<float> 2.0 + f)
        q = s * s
        p = ((q * <float> 0.11111111 + <float> 0.14285715) * q + <float> 0.2) * q + <float> 0.33333334
        radius = sqrtf(<float> -2.0 * (<float> exponent * <float> 0.6931472 + <float> 2.0 * (s + s * q * p)))
        # sine and cosine of 2 pi t, t in [-1/2, 1/2), from the nearest quarter turn
        t = <float> (<int32_t> words.w[a + 1][i] >> 8) * <float> 5.9604644775390625e-08
        k = round_even(<float> 4.0 * t)
        y = (t - k * <float> 0.25) * <float> 6.2831855
        z = y * y
        p = ((z * <float> 2.7557319e-06 - <float> 1.984127e-04) * z + <float> 8.3333338e-03) * z - <float> 0.16666667
        sine = y + y * z * p
        p = ((z * <float> 2.4801588e-05 - <float> 1.3888889e-03) * z + <float> 4.1666668e-02) * z - <float> 0.5
        cosine = <float> 1.0 + z * p
        turn = <int> k
        c = sine if turn & 1 else cosine
        d = cosine if turn & 1 else sine
        normals.first[i] = radius * (c * <float> (1 - ((turn + 1) & 2)))
        normals.second[i] = radius * (d * <float> (1 - (turn & 2)))


def philox(uint32_t[:, ::1] counters not None, uint64_t key):
    """Replace counters [n, 4] by their random words."""
    if counters.shape[1] != 4:
        raise ValueError("a counter has four words: counters must have the shape [n, 4]")
    cdef Words words
    cdef Py_ssize_t block, begin, i, n
    cdef int k
    for block in range((counters.shape[0] + CHUNK - 1) // CHUNK):
        begin = block * CHUNK
        n = min(CHUNK, counters.shape[0] - begin)
        for k in range(4):
            for i in range(CHUNK):
                words.w[k][i] = counters[begin + i, k] if i < n else 0
        philox_rounds(words.w[0], words.w[1], words.w[2], words.w[3], CHUNK, <uint32_t> key, <uint32_t> (key >> 32))
        for k in range(4):
            for i in range(n):
                counters[begin + i, k] = words.w[k][i]


def normals(
    float[:, ::1] out not None, uint64_t key, uint32_t crossbar, uint32_t purpose, uint64_t vector,
    uint32_t first_element, uint32_t draw, uint32_t attempt
):
    """Fill out [elements, 4] with the four standard normal numbers of each element's counter."""
    cdef Stream stream = make_stream(key, crossbar, purpose, vector)
    cdef Words words
    cdef Pair pair
    cdef Py_ssize_t block, begin, n, i, total = out.shape[0]
    if out.shape[1] != 4:
        raise ValueError("normals come in fours: out must have the shape [elements, 4]")
    with nogil:
        for block in range((total + CHUNK - 1) // CHUNK):
            begin = block * CHUNK
            n = min(CHUNK, total - begin)
            line_words(&words, <int> n, &stream, first_element + <uint32_t> begin, draw, attempt, 0)
            box_muller(&words, 0, &pair, <int> n)
            for i in range(n):
                out[begin + i, 0] = pair.first[i]
                out[begin + i, 1] = pair.second[i]
            box_muller(&words, 2, &pair, <int> n)
            for i in range(n):
                out[begin + i, 2] = pair.first[i]
                out[begin + i, 3] = pair.second[i]
