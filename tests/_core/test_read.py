"""Noisy reads against the twin, to the last bit, on every instruction set."""

import importlib

import numpy as np
import pytest

from archsim._core.cpu import supported
from archsim.analog import reference
from archsim.analog.converters import FORWARD_LINES, draw_lines, make_converters, needs_lines, running_average
from archsim.analog.specification import IOParameters

KEY, CROSSBAR, FIRST = 2**50 + 3, 17, 2**32 - 2


@pytest.fixture(params=supported())
def kernels(request):
    return importlib.import_module(f"archsim._core.{request.param}")


def converters(kernels, io, dac_bits, adc_bits, lines=0, draw=FORWARD_LINES):
    """Return a chain and what was drawn for its output lines."""
    drawn = draw_lines(io, lines if needs_lines(io) else 0, CROSSBAR, 5, draw)
    return make_converters(io, dac_bits, adc_bits, drawn, kernels), drawn


def expected_values(io, weights, inputs, transposed, first):
    stream = {"key": KEY, "crossbar": CROSSBAR, "purpose": 1, "first_vector": first}
    return reference.read(io, 7, 9, weights, inputs, transposed=transposed, managed=True, **stream)[0]


def both(kernels, io, weights, inputs, *, dac_bits=7, adc_bits=9, transposed=False, managed=True, purpose=1):
    values = np.full((len(inputs), weights.shape[1 if transposed else 0]), np.nan, np.float32)
    chain, lines = converters(kernels, io, dac_bits, adc_bits, values.shape[1])
    scales = running_average(io, inputs, 0.0) if io.noise_management == "average-abs-max" else None
    reads = kernels.read(chain, weights, inputs, values, transposed, managed, KEY, CROSSBAR, purpose, FIRST, scales)
    expected, expected_reads = reference.read(
        io,
        dac_bits,
        adc_bits,
        weights,
        inputs,
        transposed=transposed,
        managed=managed,
        key=KEY,
        crossbar=CROSSBAR,
        purpose=purpose,
        first_vector=FIRST,
        lines=lines,
        scales=scales,
    )
    np.testing.assert_array_equal(values, expected)  # the twin keeps the sign of a zero, the core does not
    assert reads == expected_reads
    return values, reads


def some(rng, *shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


SHAPES = [(1, 1, 1), (3, 2, 5), (4, 16, 16), (7, 33, 65), (10, 130, 67), (2, 64, 200)]
CHAINS = {
    "perfect": IOParameters(is_perfect=True),
    "default": IOParameters(),
    "everything": IOParameters(inp_noise=0.03, inp_sto_round=True, out_noise=0.1, w_noise=0.02, out_bound=2.0),
    "input noise": IOParameters(inp_noise=0.1, out_noise=0.0),
    "silent": IOParameters(out_noise=0.0),
    "unscaled": IOParameters(noise_management="none", inp_bound=0.7, out_bound=1.5),
    "threshold": IOParameters(nm_thres=0.6),
    "max": IOParameters(noise_management="max"),
    "constant": IOParameters(noise_management="constant", nm_thres=1.5),
    "average": IOParameters(noise_management="average-abs-max", nm_decay=0.25),
    "sums": IOParameters(noise_management="abs-max-np-sum", out_bound=1.0),
    "worst case": IOParameters(bound_management="iterative-worst-case", out_bound=0.5),
    "positive bound": IOParameters(bm_test_negative_bound=False, out_bound=0.5),
    "asymmetries": IOParameters(inp_asymmetry=0.2, out_asymmetry=0.3),
    "uneven noise": IOParameters(out_noise_std=0.5),
    "curve": IOParameters(out_nonlinearity=0.5, out_nonlinearity_std=0.3, slope_calibration=0.5, r_series=0.01),
    "wires": IOParameters(ir_drop=1.0, ir_drop_g_ratio=1e3),
    "offsets": IOParameters(v_offset_std=0.05),
    "series resistance": IOParameters(v_offset_std=0.05, r_series=0.02, v_offset_w_min=-0.5, r_series_max_total=0.05),
    "series resistance alone": IOParameters(r_series=0.1, v_offset_w_min=0.0),
    "cells": IOParameters(w_noise=0.1, w_noise_type="pcm-read"),
    "converters": IOParameters(out_gain_std=0.1, out_offset_std=0.2),
    "calibrated": IOParameters(out_gain_std=0.1, out_offset_std=0.2, out_calibration=True, out_scale=1.5),
    "two passes": IOParameters(mv_type="pos-neg-separate", w_noise=0.02, ir_drop=1.0, ir_drop_g_ratio=1e3),
    "digital sum": IOParameters(mv_type="pos-neg-separate-digital-sum", out_bound=0.5, w_noise=0.02),
    "all of it": IOParameters(
        mv_type="pos-neg-separate-digital-sum",
        inp_noise=0.02,
        inp_sto_round=True,
        inp_asymmetry=0.1,
        out_asymmetry=0.1,
        out_noise_std=0.2,
        out_nonlinearity=0.1,
        out_gain_std=0.1,
        out_offset_std=0.1,
        w_noise=0.05,
        w_noise_type="pcm-read",
        ir_drop=0.5,
        v_offset_std=0.02,
        r_series=0.01,
        out_bound=0.7,
        out_scale=0.5,
    ),
}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("chain", CHAINS)
def test_equals_the_twin(kernels, chain, shape, transposed):
    vectors, outputs, inputs = shape
    rng = np.random.default_rng(outputs)
    x = some(rng, vectors, outputs if transposed else inputs)
    both(kernels, CHAINS[chain], some(rng, outputs, inputs), x, transposed=transposed, managed=not transposed)


@pytest.mark.parametrize(("dac_bits", "adc_bits"), [(None, None), (2, 2), (8, None), (None, 6), (16, 16)])
def test_equals_the_twin_at_any_resolution(kernels, dac_bits, adc_bits):
    rng = np.random.default_rng(1)
    io = IOParameters(out_bound=3.0)
    both(kernels, io, some(rng, 20, 40), some(rng, 5, 40), dac_bits=dac_bits, adc_bits=adc_bits)


def test_products_are_right(kernels):
    rng = np.random.default_rng(5)
    for vectors, outputs, inputs in SHAPES:
        w = some(rng, outputs, inputs)
        for transposed in (False, True):
            x = some(rng, vectors, outputs if transposed else inputs)
            values, _ = both(kernels, CHAINS["perfect"], w, x, transposed=transposed)
            exact = x.astype(np.float64) @ (w if transposed else w.T).astype(np.float64)
            np.testing.assert_allclose(values, exact, rtol=0, atol=1e-5)


def test_zero_vectors_read_as_zero_and_count(kernels):
    rng = np.random.default_rng(2)
    x = some(rng, 4, 8)
    x[1] = x[3] = 0.0
    values, reads = both(kernels, IOParameters(), some(rng, 5, 8), x)
    assert reads == 4
    assert not values[[1, 3]].any()
    assert values[[0, 2]].any()


def test_vanishing_vectors_read_as_zero(kernels):
    x = np.zeros((2, 8), np.float32)
    x[:, 3] = 1e-40, 2e-38
    values, reads = both(kernels, IOParameters(), some(np.random.default_rng(2), 5, 8), x)
    assert reads == 2
    assert np.isfinite(values).all()
    assert not values[0].any()
    assert values[1].any()


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_nothing_to_read(kernels, shape):
    vectors, outputs, inputs = shape
    values = np.full((vectors, outputs), np.nan, np.float32)
    chain, _ = converters(kernels, IOParameters(), 7, 9)
    zeros = np.zeros((outputs, inputs), np.float32), np.zeros((vectors, inputs), np.float32)
    assert kernels.read(chain, *zeros, values, False, True, 1, 0, 1, 0) == vectors
    assert not values.any()


def test_bound_management_doubles_until_the_output_fits(kernels):
    # One cell of weight w: the output is w at scale 1, w / b at scale 1 / b.
    io = IOParameters(out_noise=0.0, out_bound=1.0)
    for weight, reads in [(0.9, 1), (1.0, 1), (1.9, 2), (3.9, 3), (7.9, 4), (15.9, 5)]:
        w = np.array([[weight]], np.float32)
        values, done = both(kernels, io, w, np.ones((1, 1), np.float32), adc_bits=None, dac_bits=None)
        assert done == reads
        assert values[0, 0] == pytest.approx(weight, rel=1e-6)


def test_bound_management_gives_up_where_inputs_would_be_too_coarse(kernels):
    # 7 bits: step 1/63, 0.25 * 63 = 15.75, so that the last try has the scale 1/16 (five reads).
    io = IOParameters(out_noise=0.0, out_bound=1.0)
    w, x = np.full((1, 1), 100.0, np.float32), np.ones((1, 1), np.float32)
    values, reads = both(kernels, io, w, x, adc_bits=None)
    assert (reads, values[0, 0]) == (5, 16.0)
    # max_bm_factor = 2: tries at 1, 2 and 4.
    values, reads = both(kernels, io.model_copy(update={"max_bm_factor": 2.0}), w, x, adc_bits=None)
    assert (reads, values[0, 0]) == (3, 4.0)
    values, reads = both(kernels, io, w, x, managed=False)
    assert (reads, values[0, 0]) == (1, 1.0)


def test_outputs_are_quantised_before_they_are_clipped(kernels):
    # 1.004 with step 1/63 rounds to 1 and is within the bound; 1.01 rounds to 64/63 and is not.
    io = IOParameters(out_noise=0.0, out_bound=1.0)
    x = np.ones((1, 1), np.float32)
    for weight, reads in [(1.004, 1), (1.01, 2)]:
        values, done = both(kernels, io, np.full((1, 1), weight, np.float32), x, adc_bits=7, dac_bits=None)
        assert done == reads
        assert values[0, 0] == pytest.approx(weight, abs=0.02)


def test_a_repeat_leaves_the_other_vectors_alone(kernels):
    rng = np.random.default_rng(3)
    w, x = some(rng, 6, 12), some(rng, 5, 12)
    w[0] = x[2] = 1.0  # an output of 12
    x[[0, 1, 3, 4], 0] = 0.01
    after, reads = both(kernels, IOParameters(out_bound=8.0), w, x)
    assert reads == 6
    others, reads = both(kernels, IOParameters(out_bound=8.0), w, x, managed=False)
    assert reads == 5
    np.testing.assert_array_equal(np.delete(after, 2, axis=0), np.delete(others, 2, axis=0))
    assert (after[2] != others[2]).all()


def test_noise_management_makes_the_chain_scale_invariant(kernels):
    rng = np.random.default_rng(4)
    w, x = some(rng, 9, 21), some(rng, 3, 21)
    one, _ = both(kernels, IOParameters(), w, x)
    many, _ = both(kernels, IOParameters(), w, x * np.float32(2.0**-20))
    np.testing.assert_array_equal(many, one * np.float32(2.0**-20))


#: Vectors, outputs and inputs for every way that the core has to multiply, with whole and broken strips.
BLOCKS = [(1, 9, 40), (3, 70, 17), (11, 33, 96), (40, 70, 100), (131, 66, 67), (300, 40, 24)]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("chain", ["everything", "cells", "wires"])
@pytest.mark.parametrize("shape", BLOCKS, ids=str)
def test_values_do_not_depend_on_how_a_block_is_cut(kernels, shape, chain, transposed):
    vectors, outputs, inputs = shape
    rng = np.random.default_rng(6)
    w, x = some(rng, outputs, inputs), some(rng, vectors, outputs if transposed else inputs)
    numbers = converters(kernels, CHAINS[chain], 7, 9)[0]
    whole = np.empty((vectors, inputs if transposed else outputs), np.float32)
    kernels.read(numbers, w, x, whole, transposed, True, KEY, CROSSBAR, 1, FIRST)
    singles = np.empty_like(whole)
    for k in range(vectors):
        kernels.read(numbers, w, x[k : k + 1], singles[k : k + 1], transposed, True, KEY, CROSSBAR, 1, FIRST + k)
    np.testing.assert_array_equal(whole, singles)
    last = expected_values(CHAINS[chain], w, x[-1:], transposed, FIRST + vectors - 1)
    np.testing.assert_array_equal(whole[-1:], last)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_single_line_reads_as_any_vector(kernels, chain, transposed):
    # The block with one more vector that is not of one line takes the general product.
    rng = np.random.default_rng(8)
    w = some(rng, 20, 37)
    x = np.zeros((4, 20 if transposed else 37), np.float32)
    x[0, 3] = x[2, 0] = 0.7
    x[1, 5] = -1.3
    mixed = np.concatenate([x, some(rng, 1, x.shape[1])])
    alone, _ = both(kernels, CHAINS[chain], w, x, transposed=transposed)
    together, _ = both(kernels, CHAINS[chain], w, mixed, transposed=transposed)
    np.testing.assert_array_equal(alone, together[:4])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("chain", ["default", "all of it"])
def test_nothing_outside_the_arrays_is_read_or_written(kernels, chain, transposed):
    rng = np.random.default_rng(9)
    for vectors, outputs, inputs in [*SHAPES, *BLOCKS]:
        w, x = some(rng, outputs, inputs), some(rng, vectors, outputs if transposed else inputs)
        room = np.full((vectors + 2, inputs if transposed else outputs), np.nan, np.float32)
        numbers = converters(kernels, CHAINS[chain], 7, 9, room.shape[1])[0]
        arguments = transposed, True, KEY, CROSSBAR, 1, FIRST
        kernels.read(numbers, w, x, room[1:-1], *arguments)
        assert np.isnan(room[[0, -1]]).all()
        assert np.isfinite(room[1:-1]).all()
        around_w, around_x = (np.full((len(a) + 2, a.shape[1]), np.nan, np.float32) for a in (w, x))
        around_w[1:-1], around_x[1:-1] = w, x
        again = np.empty_like(room[1:-1])
        kernels.read(numbers, around_w[1:-1], around_x[1:-1], again, *arguments)
        np.testing.assert_array_equal(again, room[1:-1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(kernels, bad):
    x = np.ones((2, 3), np.float32)
    x[1, 2] = bad
    chain, _ = converters(kernels, IOParameters(), 7, 9)
    with pytest.raises(ValueError, match="finite"):
        kernels.read(chain, np.ones((2, 3), np.float32), x, np.empty((2, 2), np.float32), False, True, 1, 0, 1, 0)


def test_shapes_that_do_not_fit_are_refused(kernels):
    chain, _ = converters(kernels, IOParameters(), 7, 9)
    w, x = np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match="shapes"):
        kernels.read(chain, w, x, np.empty((2, 2), np.float32), False, True, 1, 0, 1, 0)
    with pytest.raises(ValueError, match="shapes"):
        kernels.read(chain, w, x, np.empty((1, 3), np.float32), True, True, 1, 0, 1, 0)
