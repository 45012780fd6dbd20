"""What each non-ideality of a read does, against closed forms; noise is off unless it is the subject."""

import numpy as np
import pytest

from archsim._core import EVALUATE
from archsim.analog import Crossbar
from archsim.analog import read_chain as chain_module
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Ideal, IOParameters
from archsim.analog.threads import Workers
from archsim.errors import InputError

RNG = np.random.default_rng(12)
W = RNG.uniform(-0.4, 0.4, (7, 20)).astype(np.float32)
X = RNG.uniform(-1, 1, (5, 20)).astype(np.float32)
D = RNG.uniform(-1, 1, (5, 7)).astype(np.float32)
SCALED = X.astype(np.float64) / np.abs(X).max(axis=1, keepdims=True)
PEAKS = np.abs(X).max(axis=1, keepdims=True)


def make(weights, *, bits=(None, None), device_seed=3, workers=None, **io):
    chain = IOParameters(**{"out_noise": 0.0, **io})
    outputs, inputs = np.shape(weights)
    crossbar = Crossbar(
        inputs,
        outputs,
        Ideal(),
        Periphery(io=chain, dac_bits=bits[0], adc_bits=bits[1]),
        Streams(2, device_seed, noise_seed=4),
        workers,
    )
    crossbar.program(weights)
    return crossbar


def read(weights, x, **settings):
    done = make(weights, **settings).forward(x, 0)
    return done.values, done.reads


@pytest.mark.parametrize(
    ("settings", "x", "seen"),
    [
        ({"noise_management": "none"}, [2.0, 0.5], [1.0, 0.5]),
        ({"noise_management": "abs-max"}, [2.0, 0.5], [2.0, 0.5]),
        ({"noise_management": "abs-max", "nm_thres": 1.5}, [2.0, 0.5], [1.5, 0.5]),
        ({"noise_management": "max"}, [-2.0, 0.5], [-0.5, 0.5]),
        ({"noise_management": "max"}, [-2.0, -0.5], [0.0, 0.0]),
        ({"noise_management": "max", "nm_thres": 0.25}, [-2.0, 0.5], [-0.25, 0.25]),
        ({"noise_management": "constant"}, [2.0, 0.5], [1.0, 0.5]),
        ({"noise_management": "constant", "nm_thres": 3.0}, [4.0, 0.5], [3.0, 0.5]),
        ({"noise_management": "average-abs-max"}, [2.0, 0.5], [2.0, 0.5]),
        ({"noise_management": "abs-max-np-sum"}, [2.0, 0.5], [2.0, 0.5]),
    ],
    ids=str,
)
def test_inputs_are_clipped_at_the_scale_that_noise_management_chooses(settings, x, seen):
    values, _ = read(np.eye(2), [x], **settings)
    np.testing.assert_allclose(values[0], seen, rtol=1e-6)


def test_a_sum_of_one_sign_sets_a_scale_that_fits_the_outputs():
    ones = np.ones((1, 100), np.float32)
    sums = {"noise_management": "abs-max-np-sum", "bound_management": "none"}
    assert read(0.6 * ones, ones, bound_management="none")[0] == pytest.approx(12.0)
    assert read(0.6 * ones, ones, **sums)[0] == pytest.approx(60.0, rel=1e-5)
    # the scale is 100 * 0.6 / 12 = 5: an input of 2 bits (step 1) is 1 / 5 and rounds to nothing
    assert read(0.6 * ones, ones, bits=(2, None), max_bm_res=100.0, **sums)[0] == 0.0
    # at most max_bm_res / step = 0.25, so that the scale stays at the largest magnitude
    assert read(0.6 * ones, ones, bits=(2, None), **sums)[0] == pytest.approx(12.0)


def test_the_worst_case_takes_one_repeat_where_doubling_takes_three():
    ones = np.ones((1, 100), np.float32)
    for kind, reads in [("none", 1), ("iterative", 4), ("iterative-worst-case", 2)]:
        values, done = read(0.6 * ones, ones, bound_management=kind)
        assert done == reads
        assert values[0, 0] == pytest.approx(12.0 if kind == "none" else 60.0, rel=1e-5)
    # and then doubles as well: the sum expects weights of 0.6
    values, done = read(1.8 * ones, ones, bound_management="iterative-worst-case")
    assert (done, values[0, 0]) == (4, pytest.approx(180.0, rel=1e-5))


def test_the_lower_bound_can_be_left_alone():
    x = np.ones((1, 1), np.float32)
    for weight, value, reads in [(20.0, 20.0, 2), (-20.0, -12.0, 1)]:
        values, done = read([[weight]], x, bm_test_negative_bound=False)
        assert (values[0, 0], done) == (value, reads)
    assert read([[-20.0]], x) == (-20.0, 2)
    # an excess on one line is not forgotten over another line
    values, done = read([[20.0], [-20.0]], x, bm_test_negative_bound=False)
    assert done == 2
    np.testing.assert_allclose(values[0], [20.0, -20.0])


def test_asymmetries_weaken_what_is_negative():
    values, _ = read(np.eye(2), [[-1.0, 1.0]], inp_asymmetry=0.25)
    np.testing.assert_allclose(values[0], [-0.75, 1.0])
    values, _ = read([[1.0], [-1.0]], [[1.0]], out_asymmetry=0.25)
    np.testing.assert_allclose(values[0], [1.0, -0.75])


def test_the_response_is_s_shaped_and_its_slope_calibrated():
    for slope in (0.0, 0.5):
        values, _ = read(W, X, out_nonlinearity=0.6, slope_calibration=slope, out_bound=2.0, bound_management="none")
        y = SCALED @ W.T
        expected = (1 + 0.3 * slope * 2.0) ** 2 * y / (1 + 0.3 * np.abs(y))
        np.testing.assert_allclose(values, PEAKS * np.clip(expected, -2, 2), rtol=1e-5, atol=1e-6)
    # At half the output range the calibrated response has the slope 1.
    inside = {"out_nonlinearity": 0.6, "slope_calibration": 0.5, "out_bound": 4.0, "bound_management": "none"}
    below, above = (read([[w]], [[1.0]], **inside)[0][0, 0] for w in (1.99, 2.01))
    assert (above - below) / 0.02 == pytest.approx(1.0, abs=1e-3)


def test_wires_lose_voltage_towards_the_far_end():
    n, ratio, strength = 20, 1e3, 0.7
    place = 1 - (1 - np.arange(n) / n) ** 2
    a = n / ratio * (np.abs(SCALED) @ np.abs(W.T))
    drop = strength * a * (a * (0.05 * a - 0.2) + 0.5) * ((SCALED * place) @ W.T)
    values, _ = read(W, X, ir_drop=strength, ir_drop_g_ratio=ratio)
    assert np.abs(drop).max() > 0.01
    np.testing.assert_allclose(values, PEAKS * (SCALED @ W.T - drop), rtol=1e-5, atol=1e-6)
    # the default ratio is that of 0.35 ohm and 5 microsiemens
    assert IOParameters().ir_drop_g_ratio == pytest.approx(5.714e5, rel=1e-4)


@pytest.mark.parametrize("r", [0.0, 0.3])
@pytest.mark.parametrize("w_min", [-0.5, 0.0])
def test_offset_voltages_act_on_both_devices_of_a_pair(r, w_min):
    crossbar = make(W, v_offset_std=0.1, r_series=r, r_series_max_total=0.6, v_offset_w_min=w_min)
    offset = crossbar.state()["forward_lines"][3].astype(np.float64)
    assert (offset > 0).any()
    reference = -w_min * SCALED.sum(axis=1, keepdims=True)
    coded = SCALED @ W.T + reference

    def through(z):
        return z / (1 + np.minimum(r * np.abs(z), 0.6))

    expected = (1 - offset) * through(coded) - (1 + offset) * through(reference)
    np.testing.assert_allclose(crossbar.forward(X, 0).values, PEAKS * expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["pos-neg-separate", "pos-neg-separate-digital-sum"])
def test_two_passes_add_up_and_count_twice(kind):
    one, reads = read(W, X)
    two, more = read(W, X, mv_type=kind)
    np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-6)
    assert (reads, more) == (5, 10)
    assert make(W, mv_type=kind).backward(D, 0).reads == 10


def test_passes_are_added_before_or_after_the_converters():
    # +3 and -2.5 on an output that is clipped at 2
    weights, x = [[3.0, 2.5]], [[1.0, -1.0]]
    settings = {"bound_management": "none", "out_bound": 2.0}
    assert read(weights, x, mv_type="pos-neg-separate", **settings)[0] == pytest.approx(0.5)
    assert read(weights, x, mv_type="pos-neg-separate-digital-sum", **settings)[0] == 0.0
    # the bound is hit in both passes: one repeat, of two reads each
    managed = {"out_bound": 2.0, "mv_type": "pos-neg-separate-digital-sum"}
    values, reads = read(weights, x, **managed)
    assert (values[0, 0], reads) == (pytest.approx(0.5), 4)
    assert read(weights, x, out_bound=2.0, mv_type="pos-neg-separate") == (pytest.approx(0.5), 2)


def test_gain_and_offset_belong_to_a_line_and_a_calibration_removes_them():
    spread = {"out_gain_std": 0.1, "out_offset_std": 0.2, "noise_management": "none"}
    crossbar = make(W, **spread)
    lines = crossbar.state()["forward_lines"].astype(np.float64)
    raw = crossbar.forward(X, 0).values
    np.testing.assert_allclose(raw, X @ W.T * lines[4] + lines[5], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(read(W, X, **spread, out_calibration=True)[0], X @ W.T, rtol=1e-4, atol=1e-5)
    # digital correction cannot undo rounding: it is within half a step of the true value over the gain
    rounded, _ = read(W, X, **spread, out_calibration=True, bits=(None, 8))
    off = np.abs(rounded - X @ W.T)
    assert off.max() <= 12 / 254 / lines[4].min() / 2 * 2.001
    assert off.max() > 1e-3


def test_forward_and_transposed_reads_have_lines_of_their_own():
    crossbar = make(np.eye(4), out_gain_std=0.3)
    state = crossbar.state()
    assert state["forward_lines"].shape == state["backward_lines"].shape == (8, 4)
    one = np.ones((1, 4), np.float32)
    forward, backward = crossbar.forward(one, 0).values, crossbar.backward(one, 0).values
    np.testing.assert_allclose(forward[0], state["forward_lines"][4], rtol=1e-6)
    np.testing.assert_allclose(backward[0], state["backward_lines"][4], rtol=1e-6)
    np.testing.assert_allclose(crossbar.transfer(one, 0).values, forward)


def test_lines_are_restored():
    one, other = make(W, out_gain_std=0.1), make(W, out_gain_std=0.1, device_seed=99)
    assert (one.forward(X, 0).values != other.forward(X, 0).values).all()
    other.restore(one.state())
    np.testing.assert_array_equal(one.forward(X, 0).values, other.forward(X, 0).values)
    with pytest.raises(InputError, match="another array"):
        make(W).restore(one.state())


def test_a_scale_of_results_changes_nothing_else():
    plain = read(W, X, out_noise=0.06, bits=(7, 9))[0]
    np.testing.assert_array_equal(read(W, X, out_noise=0.06, bits=(7, 9), out_scale=2.0)[0], 2 * plain)
    exact = read(W, X, is_perfect=True)[0]
    np.testing.assert_array_equal(read(W, X, is_perfect=True, out_scale=2.0)[0], 2 * exact)


AVERAGE = {"noise_management": "average-abs-max", "nm_decay": 0.25, "out_noise": 0.06, "bits": (7, 9)}


def test_the_average_follows_reads_and_survives_a_resume():
    whole = make(W, **AVERAGE)
    expected = [whole.forward(X, 0).values, whole.forward(2 * X, 5).values]
    assert whole.state()["forward_average"][0] > 0
    assert whole.state()["backward_average"][0] == 0
    cut = make(W, **AVERAGE)
    parts = [cut.forward(X[:2], 0).values, cut.forward(X[2:], 2).values]
    np.testing.assert_array_equal(np.concatenate(parts), expected[0])
    resumed = make(W, **AVERAGE)
    resumed.restore(cut.state())
    np.testing.assert_array_equal(resumed.forward(2 * X, 5).values, expected[1])


def test_evaluations_and_refused_blocks_leave_the_average_alone():
    crossbar = make(W, **AVERAGE)
    crossbar.forward(X, 0, purpose=EVALUATE)
    assert crossbar.state()["forward_average"][0] == 0
    crossbar.forward(X, 0)
    before = crossbar.state()["forward_average"][0]
    crossbar.forward(100 * X, 5, purpose=EVALUATE)
    broken = X.copy()
    broken[1, 1] = np.nan
    with pytest.raises(InputError, match="not finite"):
        crossbar.forward(broken, 5)
    assert crossbar.state()["forward_average"][0] == before


@pytest.mark.parametrize("settings", [{"out_noise": 0.06, "bits": (7, 9)}, AVERAGE], ids=["default", "average"])
def test_threads_change_nothing(monkeypatch, settings):
    x = np.random.default_rng(1).uniform(-1, 1, (301, 20)).astype(np.float32)
    expected = make(W, **settings).forward(x, 9)
    monkeypatch.setattr(chain_module, "SHARED_PRODUCTS", 1)
    with Workers(3) as workers:
        shared = make(W, **settings, workers=workers)
        done = shared.forward(x, 9)
        assert shared.forward(x[:0], 9).values.shape == (0, 7)
    np.testing.assert_array_equal(done.values, expected.values)
    assert done.reads == expected.reads


@pytest.mark.parametrize("largest", [3e38, 1e-37])
def test_numbers_at_the_ends_of_the_range_stay_finite(largest):
    x = np.full((1, 20), largest, np.float32)
    for kind in ("abs-max", "average-abs-max", "constant", "none"):
        values, reads = read(W, x, noise_management=kind, out_bound=1e-3, bits=(7, 9))
        assert np.isfinite(values).all()
        assert 1 <= reads <= 6
