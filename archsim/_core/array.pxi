# What an array makes of voltages on its lines: exact products, and how wires, amplifiers and noisy cells change them.

cdef extern from "product.h" nogil:
    ptrdiff_t FORWARD_ROOM(ptrdiff_t inputs)
    void product_forward(
        const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t outputs,
        ptrdiff_t inputs, ptrdiff_t vectors, float *room)
    void magnitudes_forward(
        const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t outputs,
        ptrdiff_t inputs, ptrdiff_t vectors, float *room)
    void product_transposed(
        const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride, ptrdiff_t outputs,
        ptrdiff_t inputs, ptrdiff_t vectors)
    void magnitudes_transposed(
        const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride, ptrdiff_t outputs,
        ptrdiff_t inputs, ptrdiff_t vectors)


cdef extern from "descend.h" nogil:
    void descend_column(
        float *w, const float *x, const float *d, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, float rate)


ctypedef struct Matrix:
    # A crossbar's weights as a read sees them, and the strides of vectors on both sides.
    const float *w
    Py_ssize_t outputs
    Py_ssize_t inputs
    bint transposed
    Py_ssize_t lines_in
    Py_ssize_t lines_out
    Py_ssize_t in_stride
    Py_ssize_t out_stride
    float *room


cdef inline Py_ssize_t only_line(const float *v, Py_ssize_t n) noexcept nogil:
    # The line that alone is not zero; -1 where there are more of them, 0 where there is none. Without branches, for
    # registers of lines; most blocks have a first vector that ends the search.
    cdef int32_t i, line = 0, found = 0
    for i in range(<int32_t> n):
        found += v[i] != 0.0
        line += i if v[i] != 0.0 else 0
    return line if found <= 1 else -1


cdef void single_products(
    const Matrix *m, const float *v, float *y, Py_ssize_t line, bint absolute
) noexcept nogil:
    # The product with a vector of one line: the sums of the general product have one term that is not zero.
    cdef Py_ssize_t i
    cdef Py_ssize_t begin = line * m.inputs if m.transposed else line, step = 1 if m.transposed else m.inputs
    cdef float w
    for i in range(m.lines_out):
        w = m.w[begin + i * step]
        y[i] = (fabsf(w) if absolute else w) * v[line] + <float> 0.0


cdef void product(const Matrix *m, const float *v, float *y, Py_ssize_t vectors, bint absolute) noexcept nogil:
    # Vectors of y are the products of the vectors of v and the weights or their magnitudes.
    cdef Py_ssize_t i, line
    for i in range(vectors):
        line = only_line(v + i * m.in_stride, m.lines_in)
        if line < 0:
            break
        single_products(m, v + i * m.in_stride, y + i * m.out_stride, line, absolute)
    else:
        return
    if m.transposed:
        if absolute:
            magnitudes_transposed(m.w, v, m.in_stride, y, m.out_stride, m.outputs, m.inputs, vectors)
        else:
            product_transposed(m.w, v, m.in_stride, y, m.out_stride, m.outputs, m.inputs, vectors)
    elif absolute:
        magnitudes_forward(m.w, v, m.in_stride, y, m.out_stride, m.outputs, m.inputs, vectors, m.room)
    else:
        product_forward(m.w, v, m.in_stride, y, m.out_stride, m.outputs, m.inputs, vectors, m.room)


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


cdef void drop_voltages(
    Converters c, const Matrix *m, const float *v, float *y, float *u, float *t, Py_ssize_t vectors
) noexcept nogil:
    # Currents through the wires lower the voltages at the far end: the polynomial fit of aihwkit's ``ir_drop``.
    cdef Py_ssize_t i, j, n = m.lines_in
    cdef float far, current, factor = <float> n / c.ir_drop_g_ratio
    for i in range(vectors):
        for j in range(n):
            u[i * m.in_stride + j] = fabsf(v[i * m.in_stride + j])
    product(m, u, t, vectors, True)
    for i in range(vectors):
        for j in range(m.lines_out):
            current = factor * t[i * m.out_stride + j]
            t[i * m.out_stride + j] = c.ir_drop * (
                current * (current * (<float> 0.05 * current - <float> 0.2) + <float> 0.5))
        for j in range(n):
            far = <float> 1.0 - <float> j / <float> n
            u[i * m.in_stride + j] = v[i * m.in_stride + j] * (<float> 1.0 - far * far)
    product(m, u, t + vectors * m.out_stride, vectors, False)
    for i in range(vectors):
        for j in range(m.lines_out):
            y[i * m.out_stride + j] = (
                y[i * m.out_stride + j] - t[i * m.out_stride + j] * t[(vectors + i) * m.out_stride + j])


cdef void offset_voltages(Converters c, const Matrix *m, const float *v, float *y) noexcept nogil:
    # Offsets of the amplifiers that hold the output lines, seen by a differential pair whose reference is w_min, and
    # the series resistance of both lines.
    cdef Py_ssize_t i
    cdef double total = 0.0
    cdef const float *offset = &c.lines[V_OFFSET, 0]
    cdef float one = 1.0, reference, r = c.r_series, most = c.r_series_max_total, coded, drop
    for i in range(m.lines_in):
        total += v[i]
    reference = -c.v_offset_w_min * <float> total
    if r <= 0.0:
        for i in range(m.lines_out):
            y[i] = y[i] * (one - offset[i]) - offset[i] * (reference * <float> 2.0)
        return
    drop = one + min(r * fabsf(reference), most)
    for i in range(m.lines_out):
        coded = y[i] + reference
        y[i] = (one - offset[i]) * coded / (one + min(r * fabsf(coded), most)) - (
            (one + offset[i]) * reference / drop)


cdef void weight_noise(
    Converters c, const Matrix *m, const float *v, float *y, float *u, float *t, float *normals, Py_ssize_t vectors,
    const Stream *stream, const int *indices, uint32_t attempt, uint32_t second
) noexcept nogil:
    # Gaussian noise of the weights, drawn anew for each read, in its equal distribution at the outputs.
    cdef Py_ssize_t i, j
    cdef float deviation
    if c.pcm_read:
        for i in range(vectors):
            for j in range(m.lines_in):
                u[i * m.in_stride + j] = v[i * m.in_stride + j] * v[i * m.in_stride + j]
        product(m, u, t, vectors, True)
    for i in range(vectors):
        line_normals(normals, m.lines_out, stream, WEIGHT_DRAW + second, attempt, indices[i])
        if c.pcm_read:
            for j in range(m.lines_out):
                y[i * m.out_stride + j] = (
                    y[i * m.out_stride + j] + c.w_noise * sqrtf(t[i * m.out_stride + j]) * normals[j])
        else:
            deviation = <float> (c.w_noise * norm2(v + i * m.in_stride, m.lines_in))
            for j in range(m.lines_out):
                y[i * m.out_stride + j] = y[i * m.out_stride + j] + deviation * normals[j]


cdef void array_outputs(
    Converters c, const Matrix *m, const float *v, float *y, float *u, float *t, float *normals, Py_ssize_t vectors,
    const Stream *stream, const int *indices, uint32_t attempt, uint32_t second
) noexcept nogil:
    # What arrives at the ADCs. u and t are room for vectors of inputs and for twice as many of outputs.
    cdef Py_ssize_t i
    product(m, v, y, vectors, False)
    if c.ir_drop > 0.0:
        drop_voltages(c, m, v, y, u, t, vectors)
    if c.voltages:
        for i in range(vectors):
            offset_voltages(c, m, v + i * m.in_stride, y + i * m.out_stride)
    if c.w_noise > 0.0:
        weight_noise(c, m, v, y, u, t, normals, vectors, stream, indices, attempt, second)
