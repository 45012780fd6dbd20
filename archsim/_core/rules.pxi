# How many slots a vector's trains have, and how values become probabilities (see archsim.analog.pulses).

cdef enum:
    LONGEST = 1024  # slots of the longest train

cdef dict SCHEMES = {"stochastic": 0, "shared": 1, "mean-count": 2, "implicit": 3}


@cython.final
cdef class PulseRules:
    """How values become pulse trains, fixed for a crossbar (see `archsim.analog.pulses`)."""

    cdef readonly int desired_bl
    cdef readonly bint management, bl_management
    cdef readonly double granularity, um_grad_scale
    cdef readonly float x_step, d_step
    cdef int scheme

    def __init__(
        self, *, int desired_bl, bint management, bint bl_management, double granularity, double um_grad_scale,
        str scheme="stochastic", float x_step=0.0, float d_step=0.0
    ):
        if not 1 <= desired_bl <= LONGEST:
            raise ValueError("a pulse train has 1 to 1024 slots")
        self.scheme = SCHEMES[scheme]
        if self.scheme > 1 and desired_bl > 31:
            raise ValueError("counted coincidences are at most 31")
        self.desired_bl = desired_bl
        self.management = management
        self.bl_management = bl_management
        self.granularity = granularity
        self.um_grad_scale = um_grad_scale
        self.x_step = x_step
        self.d_step = d_step


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
