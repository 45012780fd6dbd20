# A noisy read (matrix-vector product) of a block of vectors: the scale of each vector, and its repeats.

cdef enum:
    MOST_VECTORS = 128  # read at a time: enough to repay packing the matrix, few enough for the second-level cache


cdef extern from *:
    """
    #define SMALLEST 1.17549435e-38f
    #define GREATEST 1e38
    """
    float SMALLEST  # normal float32: what is below counts as zero, its inverse may be infinite
    double GREATEST  # a scale beyond it is not doubled again


ctypedef struct Room:
    # Memory for a few vectors, each at a cache line of its own.
    float *v  # converted inputs
    float *other  # inputs of the other pass
    float *u  # functions of inputs
    float *y  # outputs
    float *sum  # outputs of the other pass
    float *t  # functions of outputs, twice
    float *normals
    float *scales
    int *indices


cdef float sum_scale(Converters c, const float *x, Py_ssize_t n, float largest) noexcept nogil:
    # A scale at which the sum of one sign's inputs fits the outputs, as far as the inputs keep enough levels.
    cdef double positive = 0.0, negative = 0.0, scale
    cdef Py_ssize_t i
    for i in range(n):
        if x[i] > 0.0:
            positive += x[i]
        else:
            negative -= x[i]
    largest = min(largest, c.nm_thres) if c.nm_thres > 0.0 else largest
    scale = max(positive, negative) * c.nm_assumed_wmax / c.out_bound
    return <float> max(<double> largest, min(<double> largest * c.max_bm_scale, scale))


cdef float input_scale(Converters c, const float *x, Py_ssize_t n, float largest, float given) noexcept nogil:
    # What noise management divides a vector by; not above zero where the vector reads as zero.
    cdef float scale = largest
    cdef Py_ssize_t i
    if c.scaling == UNSCALED:
        return 1.0
    if largest < SMALLEST:
        return 0.0
    if c.scaling == CONSTANT:
        return c.nm_thres if c.nm_thres > 0.0 else <float> 1.0
    if c.scaling == GIVEN:
        return given
    if c.scaling == ABS_MAX_NP_SUM:
        return sum_scale(c, x, n, largest)
    if c.scaling == MAXIMUM:
        scale = x[0]
        for i in range(n):
            scale = x[i] if x[i] > scale else scale
    return min(scale, c.nm_thres) if c.nm_thres > 0.0 else scale


cdef void add_columns(float *values, const float *more, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        values[i] = values[i] + more[i]


cdef void split_signs(float *v, float *negative, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        negative[i] = v[i] if v[i] < 0.0 else <float> 0.0
        v[i] = v[i] if v[i] > 0.0 else <float> 0.0


cdef void array_passes(
    Converters c, const Matrix *m, Room *room, int vectors, const Stream *stream, uint32_t attempt
) noexcept nogil:
    # Outputs of a read in one pass, or in one for each sign of the inputs, which are summed before the ADCs or after.
    cdef Py_ssize_t i
    if c.passes != ONE_PASS:
        for i in range(vectors):
            split_signs(room.v + i * m.in_stride, room.other + i * m.in_stride, m.lines_in)
        array_outputs(c, m, room.other, room.sum, room.u, room.t, room.normals, vectors, stream, room.indices, attempt,
                      SECOND_PASS)
    array_outputs(c, m, room.v, room.y, room.u, room.t, room.normals, vectors, stream, room.indices, attempt, 0)
    if c.passes == ANALOG_SUM:
        for i in range(vectors):
            add_columns(room.y + i * m.out_stride, room.sum + i * m.out_stride, m.lines_out)


cdef bint convert_vector(
    Converters c, const Matrix *m, Room *room, Py_ssize_t i, float *values, float scale, const Stream *stream,
    uint32_t attempt
) noexcept nogil:
    # Values of vector i, from its outputs; returns whether a bound was exceeded.
    cdef bint hit = convert_outputs(c, room.y + i * m.out_stride, values, room.normals, m.lines_out, scale, stream,
                                    room.indices[i], attempt, 0)
    if c.passes == DIGITAL_SUM:
        if convert_outputs(c, room.sum + i * m.out_stride, room.t, room.normals, m.lines_out, scale, stream,
                           room.indices[i], attempt, SECOND_PASS):
            hit = True
        add_columns(values, room.t, m.lines_out)
    return hit


cdef int64_t noisy_reads(
    Converters c, const Matrix *m, const float *x, float *values, int first, int vectors, bint managed,
    const Stream *stream, const float *largest, float *bases, Room *room
) noexcept nogil:
    # Read vectors `first` and following; while a bound is hit, read the vectors concerned again at half the scale.
    cdef int waiting = 0, again, i, index
    cdef int64_t reads = vectors
    cdef uint32_t attempt = 0
    cdef double factor = 1.0
    cdef bint last, hit
    for index in range(first, first + vectors):
        if bases[index] < SMALLEST:
            memset(values + <Py_ssize_t> index * m.lines_out, 0, <size_t> m.lines_out * sizeof(float))
        else:
            room.indices[waiting] = index
            waiting += 1
    while waiting:
        for i in range(waiting):
            index = room.indices[i]
            room.scales[i] = <float> (factor * bases[index])
            convert_inputs(c, x + <Py_ssize_t> index * m.lines_in, room.v + i * m.in_stride, room.normals, m.lines_in,
                           <float> 1.0 / room.scales[i], stream, index, attempt)
        array_passes(c, m, room, waiting, stream, attempt)
        last = not managed or factor > c.max_bm_factor or factor > c.max_bm_scale
        again = 0
        for i in range(waiting):
            index = room.indices[i]
            hit = convert_vector(c, m, room, i, values + <Py_ssize_t> index * m.lines_out, room.scales[i], stream,
                                 attempt)
            if hit and not last and room.scales[i] < GREATEST:
                if attempt == 0 and c.worst_case:
                    bases[index] = sum_scale(c, x + <Py_ssize_t> index * m.lines_in, m.lines_in, largest[index])
                    if bases[index] < SMALLEST:
                        # nothing was put in: what hit the bound was an offset
                        memset(values + <Py_ssize_t> index * m.lines_out, 0, <size_t> m.lines_out * sizeof(float))
                        continue
                room.indices[again] = index
                again += 1
        reads += again
        waiting = again
        if attempt or not c.worst_case:
            factor *= 2.0
        attempt += 1
    return reads if c.passes == ONE_PASS else 2 * reads


cdef void perfect_reads(
    Converters c, const Matrix *m, const float *x, float *values, int first, int vectors, Room *room
) noexcept nogil:
    cdef Py_ssize_t i, k, begin
    for i in range(vectors):
        begin = (first + i) * m.lines_in
        for k in range(m.lines_in):
            room.v[i * m.in_stride + k] = x[begin + k]
    product(m, room.v, room.y, vectors, False)
    for i in range(vectors):
        begin = (first + i) * m.lines_out
        for k in range(m.lines_out):
            values[begin + k] = room.y[i * m.out_stride + k] * c.out_scale


cdef Matrix make_matrix(const float *w, Py_ssize_t outputs, Py_ssize_t inputs, bint transposed) noexcept nogil:
    # Outputs get a stride that is no power of two: lines that share a set of the cache throw each other out.
    cdef Matrix m
    m.w = w
    m.outputs = outputs
    m.inputs = inputs
    m.transposed = transposed
    m.lines_in = outputs if transposed else inputs
    m.lines_out = inputs if transposed else outputs
    m.in_stride = padded(<int> m.lines_in)
    m.out_stride = grouped(max(m.lines_in, m.lines_out)) + WIDEST
    m.room = NULL
    return m


cdef float *make_room(Converters c, Matrix *m, Py_ssize_t vectors, Room *room) noexcept nogil:
    # Returns the memory, to be freed; NULL if there is none. Inputs are padded by zeros.
    cdef bint split = c.passes != ONE_PASS, spare = c.pcm_read or c.ir_drop > 0.0
    cdef Py_ssize_t ins = vectors * m.in_stride, outs = vectors * m.out_stride
    cdef size_t floats = (1 + split + spare) * ins + (1 + split + 2 * spare) * outs
    cdef size_t packing = 0 if m.transposed else FORWARD_ROOM(m.inputs)
    cdef float *memory
    cdef float *p
    cdef Py_ssize_t i, k
    floats += 2 * m.out_stride + packing + 2 * padded(<int> vectors)
    memory = p = <float *> cache_lines(floats * sizeof(float))
    if memory == NULL:
        return NULL
    room.v = p
    room.other = p + split * ins
    room.u = p + (split + spare) * ins
    for i in range((1 + split + spare) * vectors):
        for k in range(m.lines_in, m.in_stride):
            p[i * m.in_stride + k] = 0.0
    p = p + (1 + split + spare) * ins
    room.y = p
    room.sum = p + split * outs
    room.t = p + (1 + split) * outs
    p = p + (1 + split + 2 * spare) * outs + (0 if spare else m.out_stride)
    room.normals = p
    m.room = p + m.out_stride
    room.scales = m.room + packing
    room.indices = <int *> (room.scales + padded(<int> vectors))
    return memory


cdef int64_t read_block(
    Converters c, const Matrix *m, const float *x, float *values, int vectors, int most, bint managed,
    const Stream *stream, const double *scales, float *largest, Room *room
) noexcept nogil:
    # Read vectors in parts of at most `most`, with room for that; `largest` is room for two numbers of each vector.
    # Returns the number of reads, or -1 if an input is not finite.
    cdef float *bases = largest + vectors
    cdef Bits magnitude
    cdef bint finite = True
    cdef int64_t reads = 0
    cdef int i, size, first = 0
    for i in range(vectors):
        magnitude.i = magnitude_bits(x + i * m.lines_in, m.lines_in)
        finite = finite and magnitude.i < 0x7F800000
        largest[i] = magnitude.f
    if not finite:
        return -1
    while first < vectors:
        size = min(most, vectors - first)
        if c.perfect:
            perfect_reads(c, m, x, values, first, size, room)
            reads += size
        else:
            for i in range(first, first + size):
                bases[i] = input_scale(c, x + i * m.lines_in, m.lines_in, largest[i],
                                       <float> scales[i] if c.scaling == GIVEN else <float> 0.0)
            reads += noisy_reads(c, m, x, values, first, size, managed, stream, largest, bases, room)
        first += size
    return reads


cdef int check_lines(Converters converters, const Matrix *m) except -1:
    if not converters.perfect and (converters.voltages or converters.shaped or converters.uneven):
        if converters.lines.shape[1] != m.lines_out:
            raise ValueError("the converters belong to another number of lines")
    return 0


cdef inline int parts_of(int vectors) noexcept nogil:
    # How many vectors are read at a time: parts of equal size.
    cdef int parts = (vectors + MOST_VECTORS - 1) // MOST_VECTORS
    return (vectors + parts - 1) // parts if parts else 0


def read(
    Converters converters not None, const float[:, ::1] weights not None, const float[:, ::1] inputs not None,
    float[:, ::1] values not None, bint transposed, bint managed, uint64_t key, uint32_t crossbar, uint32_t purpose,
    uint64_t first_vector, const double[::1] scales=None
):
    """Read inputs [V, lines] through the chain into values [V, lines]; return the number of vector reads.

    weights are [outputs, inputs]; transposed reads enter at the outputs. With managed, a vector that exceeds the output
    bound is read again at half the scale. scales [V] are what noise management divides the vectors by, where that
    depends on earlier ones. Raises ValueError if shapes do not fit or an input is not finite.
    """
    cdef Stream stream = make_stream(key, crossbar, purpose, first_vector)
    cdef int vectors = <int> inputs.shape[0], most = parts_of(vectors)
    cdef Matrix m = make_matrix(NULL, weights.shape[0], weights.shape[1], transposed)
    cdef Room room
    cdef int64_t reads
    cdef float *memory
    cdef float *largest
    if inputs.shape[1] != m.lines_in or values.shape[0] != vectors or values.shape[1] != m.lines_out:
        raise ValueError("the shapes of weights, inputs and values do not fit")
    check_lines(converters, &m)
    if converters.scaling == GIVEN and not converters.perfect and (scales is None or scales.shape[0] != vectors):
        raise ValueError("this noise management needs a scale for each vector")
    if vectors == 0 or m.lines_in == 0 or m.lines_out == 0:
        values[:, :] = 0.0
        return vectors
    m.w = &weights[0, 0]
    largest = <float *> malloc(2 * <size_t> vectors * sizeof(float))
    memory = make_room(converters, &m, most, &room)
    if memory == NULL or largest == NULL:
        free(memory)
        free(largest)
        raise MemoryError()
    with nogil:
        reads = read_block(converters, &m, &inputs[0, 0], &values[0, 0], vectors, most, managed, &stream,
                           NULL if scales is None else &scales[0], largest, &room)
    free(memory)
    free(largest)
    if reads < 0:
        raise ValueError("an input of a read is not a finite number")
    return reads
