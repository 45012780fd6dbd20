# The converters at a crossbar's edge: the chain of Rasch et al. 2021 (doi:10.1109/AICAS51828.2021.9458494) before and
# after the product. Draws of a line; those of outputs have a second one for the pass of negative inputs.

from libc.math cimport INFINITY, fabsf

cdef enum:
    OUTPUT_DRAW = 0  # normals: noise of an output
    INPUT_DRAW = 1  # normals: noise of an input
    ROUND_DRAW = 2  # uniform numbers: rounding of an input
    WEIGHT_DRAW = 3  # normals: noise of the weights, seen at an output
    SECOND_PASS = 4  # added to a draw in the pass of negative inputs
    GROUP = 4 * WIDEST  # lines that share the counters of one vector of lanes, four to a counter

cdef enum:
    # which numbers belong to a line that is read, in their order
    NONLINEARITY = 0
    SLOPE = 1
    NOISE = 2
    V_OFFSET = 3
    GAIN = 4
    OFFSET = 5
    INVERSE_GAIN = 6
    KNOWN_OFFSET = 7
    LINE_NUMBERS = 8

cdef enum:
    # kinds of noise management
    UNSCALED = 0
    ABS_MAX = 1
    MAXIMUM = 2
    CONSTANT = 3
    GIVEN = 4
    ABS_MAX_NP_SUM = 5

cdef enum:
    # passes of a read
    ONE_PASS = 0
    ANALOG_SUM = 1
    DIGITAL_SUM = 2


@cython.final
cdef class Converters:
    """The numbers of a read chain, fixed for a crossbar and direction (see `archsim.analog.converters`)."""

    cdef bint perfect, stochastic_rounding, worst_case, negative_bound, pcm_read, voltages, shaped, uneven
    cdef int scaling, passes
    cdef float inp_bound, inp_step, inp_noise, inp_asymmetry, out_bound, out_step, out_noise, out_asymmetry, out_scale
    cdef float w_noise, nm_thres, ir_drop, ir_drop_g_ratio, v_offset_w_min, r_series, r_series_max_total
    cdef double nm_assumed_wmax, max_bm_factor
    cdef readonly double max_bm_scale
    cdef const float[:, ::1] lines

    def __init__(
        self, *, bint perfect, int scaling, float nm_thres, double nm_assumed_wmax, bint worst_case,
        bint negative_bound, double max_bm_factor, double max_bm_scale, float inp_bound, float inp_step,
        bint stochastic_rounding, float inp_noise, float inp_asymmetry, int passes, float ir_drop,
        float ir_drop_g_ratio, bint voltages, float v_offset_w_min, float r_series, float r_series_max_total,
        bint pcm_read, float w_noise, bint shaped, float out_asymmetry, float out_noise, bint uneven, float out_bound,
        float out_step, float out_scale, const float[:, ::1] lines not None
    ):
        if lines.shape[0] != LINE_NUMBERS:
            raise ValueError("lines must have eight rows")
        self.perfect = perfect
        self.scaling = scaling
        self.nm_thres = nm_thres
        self.nm_assumed_wmax = nm_assumed_wmax
        self.worst_case = worst_case
        self.negative_bound = negative_bound
        self.max_bm_factor = max_bm_factor
        self.max_bm_scale = max_bm_scale
        self.inp_bound = inp_bound
        self.inp_step = inp_step
        self.stochastic_rounding = stochastic_rounding
        self.inp_noise = inp_noise
        self.inp_asymmetry = inp_asymmetry
        self.passes = passes
        self.ir_drop = ir_drop
        self.ir_drop_g_ratio = ir_drop_g_ratio
        self.voltages = voltages
        self.v_offset_w_min = v_offset_w_min
        self.r_series = r_series
        self.r_series_max_total = r_series_max_total
        self.pcm_read = pcm_read
        self.w_noise = w_noise
        self.shaped = shaped
        self.out_asymmetry = out_asymmetry
        self.out_noise = out_noise
        self.uneven = uneven
        self.out_bound = out_bound
        self.out_step = out_step
        self.out_scale = out_scale
        self.lines = lines


cdef inline Py_ssize_t grouped(Py_ssize_t n) noexcept nogil:
    return (n + GROUP - 1) // GROUP * GROUP


cdef inline int draw_lines(
    Words *words, Py_ssize_t n, Py_ssize_t begin, const Stream *stream, uint32_t draw, uint32_t attempt, int64_t vector
) noexcept nogil:
    # The words of lines from `begin` on; returns the groups of lines that they are for.
    cdef Py_ssize_t groups = grouped(n - begin) // GROUP
    if groups > CHUNK // WIDEST:
        groups = CHUNK // WIDEST
    line_words(words, <int> groups * WIDEST, stream, <uint32_t> (begin // 4), draw, attempt, vector)
    return <int> groups


cdef void line_normals(
    float *normals, Py_ssize_t n, const Stream *stream, uint32_t draw, uint32_t attempt, int64_t vector
) noexcept nogil:
    # Standard normal numbers of n lines of one vector; writes whole groups.
    cdef Words words
    cdef Pair low, high
    cdef Py_ssize_t begin = 0
    cdef int g, k, groups
    while begin < n:
        groups = draw_lines(&words, n, begin, stream, draw, attempt, vector)
        box_muller(&words, 0, &low, groups * WIDEST)
        if n - begin > GROUP // 2:
            box_muller(&words, 2, &high, groups * WIDEST)
        for g in range(groups):
            for k in range(WIDEST):
                normals[begin + k] = low.first[g * WIDEST + k]
                normals[begin + WIDEST + k] = low.second[g * WIDEST + k]
            if n - begin > GROUP // 2:
                for k in range(WIDEST):
                    normals[begin + 2 * WIDEST + k] = high.first[g * WIDEST + k]
                    normals[begin + 3 * WIDEST + k] = high.second[g * WIDEST + k]
            begin += GROUP


cdef void line_uniforms(
    float *numbers, Py_ssize_t n, const Stream *stream, uint32_t draw, uint32_t attempt, int64_t vector
) noexcept nogil:
    # Uniform numbers of n lines of one vector; writes whole groups.
    cdef Words words
    cdef Py_ssize_t begin = 0
    cdef int g, k, part, groups
    while begin < n:
        groups = draw_lines(&words, n, begin, stream, draw, attempt, vector)
        for g in range(groups):
            for part in range(4):
                for k in range(WIDEST):
                    numbers[begin + part * WIDEST + k] = uniform(words.w[part][g * WIDEST + k])
            begin += GROUP


cdef inline float clipped(float v, float bound) noexcept nogil:
    v = bound if v > bound else v
    return -bound if v < -bound else v


cdef void convert_inputs(
    Converters c, const float *x, float *v, float *numbers, Py_ssize_t n, float inverse, const Stream *stream,
    int64_t vector, uint32_t attempt
) noexcept nogil:
    # Scale, quantise, clip, add input noise, weaken what is negative.
    cdef Py_ssize_t i
    cdef float bound = c.inp_bound, step = c.inp_step, noise = c.inp_noise, levels
    cdef float weakened = <float> 1.0 - c.inp_asymmetry
    if step <= 0.0:
        for i in range(n):
            v[i] = clipped(x[i] * inverse, bound)
    else:
        levels = <float> 1.0 / step
        if c.stochastic_rounding:
            line_uniforms(numbers, n, stream, ROUND_DRAW, attempt, vector)
            for i in range(n):
                v[i] = clipped(
                    step * round_even(x[i] * inverse * levels + (numbers[i] - <float> 0.5)), bound)
        else:
            for i in range(n):
                v[i] = clipped(step * round_even(x[i] * inverse * levels), bound)
    if noise > 0.0:
        line_normals(numbers, n, stream, INPUT_DRAW, attempt, vector)
        for i in range(n):
            v[i] = v[i] + noise * numbers[i]
    if c.inp_asymmetry != 0.0:
        for i in range(n):
            v[i] = v[i] * weakened if v[i] < 0.0 else v[i]


cdef void shape_outputs(Converters c, float *y, Py_ssize_t n) noexcept nogil:
    # What precedes an ADC's noise: an S-shaped response with the slope that was calibrated, weak negative outputs.
    cdef Py_ssize_t i
    cdef const float *curve = &c.lines[NONLINEARITY, 0]
    cdef const float *slope = &c.lines[SLOPE, 0]
    cdef float weakened = <float> 1.0 - c.out_asymmetry
    for i in range(n):
        y[i] = slope[i] * y[i] / (<float> 1.0 + fabsf(curve[i] * y[i]))
        y[i] = y[i] * weakened if y[i] < 0.0 else y[i]


cdef bint uneven_outputs(
    Converters c, const float *y, float *values, const float *normals, Py_ssize_t n, float scale
) noexcept nogil:
    # ADCs that differ from line to line in noise, gain and offset, and what a calibration knows about them.
    cdef Py_ssize_t i
    cdef float bound = c.out_bound, step = c.out_step, levels = <float> 1.0 / step if step > 0.0 else <float> 0.0, q
    cdef float lowest = -bound if c.negative_bound else -INFINITY
    cdef int hit = 0
    for i in range(n):
        q = (y[i] + c.lines[NOISE, i] * normals[i]) * c.lines[GAIN, i] + c.lines[OFFSET, i]
        if step > 0.0:
            q = step * round_even(q * levels)
        hit |= (q > bound) | (q < lowest)
        values[i] = (clipped(q, bound) - c.lines[KNOWN_OFFSET, i]) * c.lines[INVERSE_GAIN, i] * scale
    return hit != 0


cdef bint convert_outputs(
    Converters c, float *y, float *values, float *normals, Py_ssize_t n, float scale, const Stream *stream,
    int64_t vector, uint32_t attempt, uint32_t second
) noexcept nogil:
    # Output noise, quantise, clip, scale back. Returns whether a bound was exceeded.
    cdef Py_ssize_t i
    cdef float bound = c.out_bound, step = c.out_step, noise = c.out_noise, levels, q
    cdef float lowest = -bound if c.negative_bound else -INFINITY
    cdef int hit = 0
    scale = scale * c.out_scale
    if c.shaped:
        shape_outputs(c, y, n)
    if noise > 0.0:
        line_normals(normals, n, stream, OUTPUT_DRAW + second, attempt, vector)
    elif c.uneven:
        for i in range(n):
            normals[i] = 0.0
    if c.uneven:
        return uneven_outputs(c, y, values, normals, n, scale)
    if noise > 0.0:
        for i in range(n):
            y[i] = y[i] + noise * normals[i]
    if step > 0.0:
        levels = <float> 1.0 / step
        for i in range(n):
            q = step * round_even(y[i] * levels)
            hit |= (q > bound) | (q < lowest)
            values[i] = clipped(q, bound) * scale
    else:
        for i in range(n):
            hit |= (y[i] > bound) | (y[i] < lowest)
            values[i] = clipped(y[i], bound) * scale
    return hit != 0
