"""Any chain of converters and non-idealities reads what its NumPy twin reads."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from archsim.analog import Crossbar, reference
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Ideal, IOParameters

small = st.just(0.0) | st.floats(1e-3, 0.5)
fractions = st.just(0.0) | st.floats(-0.5, 0.5)
bits = st.none() | st.integers(2, 12)

chains = st.builds(
    IOParameters,
    mv_type=st.sampled_from(["one-pass", "pos-neg-separate", "pos-neg-separate-digital-sum"]),
    inp_bound=st.floats(0.1, 2.0),
    inp_noise=small,
    inp_sto_round=st.booleans(),
    inp_asymmetry=fractions,
    out_bound=st.floats(0.05, 20.0),
    out_noise=small,
    out_noise_std=small,
    out_asymmetry=fractions,
    out_nonlinearity=small,
    out_nonlinearity_std=small,
    slope_calibration=small,
    out_gain_std=st.just(0.0) | st.floats(1e-3, 0.1),
    out_offset_std=small,
    out_calibration=st.booleans(),
    out_scale=st.floats(0.1, 10.0),
    w_noise=small,
    w_noise_type=st.sampled_from(["additive-constant", "pcm-read"]),
    ir_drop=small,
    ir_drop_g_ratio=st.floats(1e2, 1e6),
    v_offset_std=small,
    v_offset_w_min=st.floats(-1.0, 0.0),
    r_series=small,
    r_series_max_total=st.floats(0.0, 1.0),
    noise_management=st.sampled_from(["none", "abs-max", "max", "constant", "abs-max-np-sum"]),
    nm_thres=small,
    nm_assumed_wmax=st.floats(0.1, 1.0),
    bound_management=st.sampled_from(["none", "iterative", "iterative-worst-case"]),
    bm_test_negative_bound=st.booleans(),
    max_bm_factor=st.floats(1.0, 100.0),
)


@given(
    inputs=st.integers(1, 150),
    outputs=st.integers(1, 150),
    vectors=st.integers(0, 4),
    copies=st.sampled_from([1, 20]),
    first=st.integers(0, 2**40),
    io=chains,
    dac_bits=bits,
    adc_bits=bits,
    sparse=st.booleans(),
)
@example(
    inputs=2,
    outputs=4,
    vectors=3,
    copies=1,
    first=0,
    io=IOParameters(
        mv_type="pos-neg-separate",
        out_bound=0.5,
        out_noise=0.0,
        out_offset_std=0.5,
        noise_management="none",
        bound_management="iterative-worst-case",
        max_bm_factor=1.0,
    ),
    dac_bits=None,
    adc_bits=None,
    sparse=True,  # a vector of zeros, and an offset that hits the bound
)
def test_reads_equal_the_twin(inputs, outputs, vectors, copies, first, io, dac_bits, adc_bits, sparse):
    """Of a long block, the twin reads the beginning."""
    rng = np.random.default_rng(inputs + 200 * outputs)
    periphery = Periphery(io=io, dac_bits=dac_bits, adc_bits=adc_bits)
    crossbar = Crossbar(inputs, outputs, Ideal(), periphery, Streams(3, device_seed=1, noise_seed=2))
    crossbar.program(rng.uniform(-0.3, 0.3, (outputs, inputs)))
    state = crossbar.state()
    for transposed, lines in [(False, inputs), (True, outputs)]:
        x = rng.standard_normal((vectors * copies, lines)) * rng.exponential(1.0, (vectors * copies, 1))
        x = (x * (rng.random(x.shape) < (1 / lines if sparse else 0.7))).astype(np.float32)
        done = crossbar.backward(x, first) if transposed else crossbar.forward(x, first)
        values, reads = reference.read(
            io,
            dac_bits,
            adc_bits,
            crossbar.weights,
            x[:vectors],
            transposed=transposed,
            managed=io.bound_management != "none" and not transposed,
            key=2,
            crossbar=3,
            purpose=2 if transposed else 1,
            first_vector=first,
            lines=state.get("backward_lines" if transposed else "forward_lines"),
        )
        np.testing.assert_array_equal(done.values[:vectors], values)
        assert done.reads >= reads
        assert copies > 1 or done.reads == reads
