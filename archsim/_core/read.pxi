# A noisy read (matrix-vector product) of a block of vectors: the converter chain of Rasch et al. 2021
# (doi:10.1109/AICAS51828.2021.9458494) around one exact product.

cdef extern from "product.h" nogil:
    void product_forward(
        const float *w, const float *x, float *y, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors,
        ptrdiff_t stride)
    void product_transposed(
        const float *w, const float *d, float *g, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors,
        ptrdiff_t stride)
    void descend_row(
        float *w, const float *x, const float *d, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, float rate)

cdef enum:
    INPUT_DRAW = 1  # input line: normals (noise, -), word 2 rounds
    OUTPUT_DRAW = 0  # output line: normals (output noise, weight noise)
    LINE = 64  # bytes of a cache line


cdef extern from *:
    """
    #define SMALLEST 1.17549435e-38f
    """
    float SMALLEST  # normal float32: what is below counts as zero, its inverse may be infinite


@cython.final
cdef class Converters:
    """The numbers of a read chain, fixed for a crossbar and direction (see `archsim.analog.converters`)."""

    cdef readonly bint perfect, abs_max, stochastic_rounding
    cdef readonly float inp_bound, inp_step, inp_noise, out_bound, out_step, out_noise, w_noise
    cdef readonly double max_bm_factor, max_bm_scale

    def __init__(
        self, *, bint perfect, bint abs_max, float inp_bound, float inp_step, float inp_noise, bint stochastic_rounding,
        float out_bound, float out_step, float out_noise, float w_noise, double max_bm_factor, double max_bm_scale
    ):
        self.perfect = perfect
        self.abs_max = abs_max
        self.inp_bound = inp_bound
        self.inp_step = inp_step
        self.inp_noise = inp_noise
        self.stochastic_rounding = stochastic_rounding
        self.out_bound = out_bound
        self.out_step = out_step
        self.out_noise = out_noise
        self.w_noise = w_noise
        self.max_bm_factor = max_bm_factor
        self.max_bm_scale = max_bm_scale


cdef inline int32_t magnitude_bits(const float *x, Py_ssize_t n) noexcept nogil:
    # The largest |x| as bits: for non-negative floats the order of bits is that of the numbers, NaN above infinity.
    cdef Bits bits
    cdef int32_t magnitude, largest = 0
    cdef Py_ssize_t i
    for i in range(n):
        bits.f = x[i]
        magnitude = bits.i & 0x7FFFFFFF
        largest = magnitude if magnitude > largest else largest
    return largest


cdef inline double norm2(const float *v, Py_ssize_t n) noexcept nogil:
    # The 2-norm with eight partial sums, in an order that no instruction set changes.
    cdef double part[8]
    cdef double total = 0.0
    cdef Py_ssize_t i, k, whole = n - n % 8
    for k in range(8):
        part[k] = 0.0
    for i in range(0, whole, 8):
        for k in range(8):
            part[k] += <double> v[i + k] * <double> v[i + k]
    for i in range(whole, n):
        part[i - whole] += <double> v[i] * <double> v[i]
    for k in range(8):
        total += part[k]
    return sqrt(total)


cdef inline float clipped(float v, float bound) noexcept nogil:
    v = bound if v > bound else v
    return -bound if v < -bound else v


cdef void convert_inputs(
    Converters c, const float *x, float *v, Py_ssize_t n, float scale, const Stream *stream, int64_t vector,
    uint32_t attempt
) noexcept nogil:
    # Scale, quantise, clip, add input noise.
    cdef Py_ssize_t i, block, begin, m
    cdef Words words
    cdef Pair pair
    cdef float bound = c.inp_bound, step = c.inp_step, noise = c.inp_noise
    if not c.stochastic_rounding or step <= 0.0:
        if step > 0.0:
            for i in range(n):
                v[i] = clipped(step * round_even(x[i] * scale / step), bound)
        else:
            for i in range(n):
                v[i] = clipped(x[i] * scale, bound)
        if noise <= 0.0:
            return
    for block in range((n + CHUNK - 1) // CHUNK):
        begin = block * CHUNK
        m = min(CHUNK, n - begin)
        line_words(&words, <int> m, stream, <uint32_t> begin, INPUT_DRAW, attempt, vector)
        if c.stochastic_rounding and step > 0.0:
            for i in range(m):
                v[begin + i] = clipped(
                    step * round_even(x[begin + i] * scale / step + (uniform(words.w[2][i]) - <float> 0.5)), bound
                )
        if noise > 0.0:
            box_muller(&words, 0, &pair, <int> m)
            for i in range(m):
                v[begin + i] = v[begin + i] + noise * pair.first[i]


cdef bint convert_outputs(
    Converters c, float *y, Py_ssize_t n, double norm, float scale, const Stream *stream, int64_t vector,
    uint32_t attempt
) noexcept nogil:
    # Weight noise, output noise, quantise, clip, scale back; in place. Returns whether a bound was exceeded.
    cdef Py_ssize_t i, block, begin, m
    cdef Words words
    cdef Pair pair
    cdef float bound = c.out_bound, step = c.out_step, noise = c.out_noise, w_noise = <float> (c.w_noise * norm)
    cdef float q
    cdef int hit = 0
    for block in range((n + CHUNK - 1) // CHUNK):
        begin = block * CHUNK
        m = min(CHUNK, n - begin)
        if noise > 0.0 or w_noise > 0.0:
            line_words(&words, <int> m, stream, <uint32_t> begin, OUTPUT_DRAW, attempt, vector)
            box_muller(&words, 0, &pair, <int> m)
            if w_noise > 0.0:
                for i in range(m):
                    y[begin + i] = y[begin + i] + w_noise * pair.second[i]
            if noise > 0.0:
                for i in range(m):
                    y[begin + i] = y[begin + i] + noise * pair.first[i]
        if step > 0.0:
            for i in range(m):
                y[begin + i] = step * round_even(y[begin + i] / step)
        for i in range(m):
            q = y[begin + i]
            hit |= (q > bound) | (q < -bound)
            y[begin + i] = clipped(q, bound) * scale
    return hit != 0


cdef inline void product(
    const float *w, const float *v, float *y, int outputs, int inputs, int vectors, Py_ssize_t stride, bint transposed
) noexcept nogil:
    if transposed:
        product_transposed(w, v, y, outputs, inputs, vectors, stride)
    else:
        product_forward(w, v, y, outputs, inputs, vectors, stride)


cdef int64_t noisy_reads(
    Converters c, const float *w, const float *x, float *values, int outputs, int inputs, int vectors, bint transposed,
    bint managed, const Stream *stream, const float *largest, float *v, float *y, int *pending, float *scales
) noexcept nogil:
    # Read every vector; while a bound is hit, read the vectors concerned again at half the scale.
    cdef int n_in = outputs if transposed else inputs, n_out = inputs if transposed else outputs
    cdef Py_ssize_t stride = padded(n_in)
    cdef int waiting = 0, again, i, k
    cdef int64_t reads = 0
    cdef uint32_t attempt = 0
    cdef double factor = 1.0
    cdef bint last, hit
    for i in range(vectors):
        reads += 1
        if c.abs_max and largest[i] < SMALLEST:
            for k in range(n_out):
                values[<Py_ssize_t> i * n_out + k] = 0.0
        else:
            pending[waiting] = i
            waiting += 1
    while waiting:
        for i in range(waiting):
            scales[i] = <float> (factor * (largest[pending[i]] if c.abs_max else 1.0))
            convert_inputs(c, x + <Py_ssize_t> pending[i] * n_in, v + i * stride, n_in,
                           <float> 1.0 / scales[i], stream, pending[i], attempt)
        product(w, v, y, outputs, inputs, waiting, stride, transposed)
        last = not managed or <double> <int64_t> factor > c.max_bm_factor or factor > c.max_bm_scale
        again = 0
        for i in range(waiting):
            hit = convert_outputs(c, y + <Py_ssize_t> i * n_out, n_out,
                                  norm2(v + i * stride, n_in) if c.w_noise > 0.0 else 0.0,
                                  scales[i], stream, pending[i], attempt)
            if hit and not last:
                pending[again] = pending[i]
                again += 1
            else:
                for k in range(n_out):
                    values[<Py_ssize_t> pending[i] * n_out + k] = y[<Py_ssize_t> i * n_out + k]
        reads += again
        waiting = again
        attempt += 1
        factor *= 2.0
    return reads


def read(
    Converters converters not None, const float[:, ::1] weights not None, const float[:, ::1] inputs not None,
    float[:, ::1] values not None, bint transposed, bint managed, uint64_t key, uint32_t crossbar, uint32_t purpose,
    uint64_t first_vector
):
    """Read inputs [V, lines] through the chain into values [V, lines]; return the number of vector reads.

    weights are [outputs, inputs]; transposed reads enter at the outputs. With managed, a vector that exceeds the output
    bound is read again at half the scale. Raises ValueError if shapes do not fit or an input is not finite.
    """
    cdef Stream stream = make_stream(key, crossbar, purpose, first_vector)
    cdef int n_out = <int> weights.shape[0], n_in = <int> weights.shape[1], vectors = <int> inputs.shape[0]
    cdef int lines_in = n_out if transposed else n_in, lines_out = n_in if transposed else n_out
    cdef int64_t reads = 0
    cdef int32_t bits
    cdef Bits magnitude
    cdef bint finite = True
    cdef int i
    cdef void *memory
    cdef float *largest
    cdef float *v
    cdef float *y
    cdef float *scales
    cdef int *pending
    if inputs.shape[1] != lines_in or values.shape[0] != vectors or values.shape[1] != lines_out:
        raise ValueError("the shapes of weights, inputs and values do not fit")
    if vectors == 0 or n_out == 0 or n_in == 0:
        values[:, :] = 0.0
        return vectors
    memory = malloc(
        LINE + <size_t> vectors * ((<size_t> padded(lines_in) + lines_out + 2) * sizeof(float) + sizeof(int)))
    if memory == NULL:
        raise MemoryError()
    v = <float *> ((<size_t> memory + LINE - 1) // LINE * LINE)
    y = v + <Py_ssize_t> vectors * padded(lines_in)
    largest = y + <Py_ssize_t> vectors * lines_out
    scales = largest + vectors
    pending = <int *> (scales + vectors)
    with nogil:
        for i in range(vectors):
            bits = magnitude_bits(&inputs[i, 0], lines_in)
            finite = finite and bits < 0x7F800000
            magnitude.i = bits
            largest[i] = magnitude.f
        if finite:
            if converters.perfect:
                product(&weights[0, 0], &inputs[0, 0], &values[0, 0], n_out, n_in, vectors, lines_in, transposed)
                reads = vectors
            else:
                reads = noisy_reads(converters, &weights[0, 0], &inputs[0, 0], &values[0, 0], n_out, n_in, vectors,
                                    transposed, managed, &stream, largest, v, y, pending, scales)
    free(memory)
    if not finite:
        raise ValueError("an input of a read is not a finite number")
    return reads
