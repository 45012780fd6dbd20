"""Programmed arrays: time, compensation, state. All is seeded; where noise is averaged the margin is stated."""

import numpy as np
import pytest

from archsim.analog import EVALUATE
from archsim.analog.inference import InferenceArray, PairMapping
from archsim.analog.specification import IOParameters
from archsim.analog.specification.inference import DriftCompensation, PCMLike, ProgramAndVerify, ReRAMWan2022
from archsim.errors import InputError

from .programmed import crossbar, matrix, programmed

YEAR = 31_536_000.0
QUIET = PCMLike(prog_noise_scale=0, read_noise_scale=0, drift_std_scale=0)
EXACT = PCMLike(prog_noise_scale=0, read_noise_scale=0, drift_scale=0)
CHAIN = {"io": IOParameters(out_noise=0.01), "dac_bits": 8, "adc_bits": 10}


def test_weights_without_noise_are_the_written_ones():
    weights = matrix(7, 9)
    array = programmed(weights, EXACT)
    assert np.allclose(array.weights(YEAR, 0), weights, atol=1e-6)
    x = np.random.default_rng(1).uniform(-1, 1, (5, 9)).astype(np.float32)
    assert np.allclose(array.forward(x, 0, array.snapshot(YEAR, 0)).values, x @ weights.T, atol=1e-5)


def test_reads_pass_the_converters_of_the_crossbar():
    x = np.ones((3, 9), np.float32)
    array = programmed(matrix(7, 9), EXACT, **CHAIN)
    snapshot = array.snapshot(0.0, 0)
    seen = crossbar(9, 7, **CHAIN).forward(x, 4, purpose=EVALUATE, weights=snapshot.weights)
    read = array.forward(x, 4, snapshot)
    assert np.array_equal(read.values, seen.values)
    assert read.reads == seen.reads


def test_read_noise_is_fresh_and_drift_is_not():
    array = programmed(matrix(7, 9), PCMLike(read_noise_scale=0))
    assert np.array_equal(array.weights(YEAR, 0), array.weights(YEAR, 1))
    array = programmed(matrix(7, 9))
    assert np.array_equal(array.weights(YEAR, 0), array.weights(YEAR, 0))
    assert (array.weights(YEAR, 0) != array.weights(YEAR, 1)).mean() > 0.9


def test_programming_again_draws_new_errors():
    weights = matrix(7, 9)
    array = programmed(weights)
    before = array.weights(0.0, 0)
    array.program(weights)
    assert (array.weights(0.0, 0) != before).mean() > 0.9, "two conductances that were clipped at 0 may agree"


@pytest.mark.parametrize(("readout", "tolerance"), [("chain", 5e-3), ("ideal", 1e-6)])
def test_compensation_undoes_what_is_common_to_all(readout, tolerance):
    # Full conductances only, so all drift as (t / t_0)^-0.049, and one factor undoes it. Through the chain a read-out
    # is the mean of 64 x 64 values near 1 or 0.5 with noise 0.01 and ADC steps of 0.023: its error is below 1e-3, 5e-3
    # is a bound on both read-outs together.
    weights = np.where(matrix(64, 64) > 0, 1.0, -1.0)
    array = programmed(weights, QUIET, None, DriftCompensation(readout=readout), **CHAIN)
    drift = ((YEAR + 20) / 20) ** -0.049
    snapshot = array.snapshot(YEAR, 0)
    assert np.allclose(np.abs(snapshot.weights), drift)
    assert snapshot.compensation == pytest.approx(1 / drift, rel=tolerance)
    assert np.abs(array.weights(YEAR, 0) / weights - 1).max() < tolerance


def test_compensation_restores_the_mean_of_noisy_weights():
    weights = matrix(64, 64)
    plain = programmed(weights)
    compensated = programmed(weights, compensation=DriftCompensation(readout="ideal"))
    mean = np.abs(plain.weights(0.0, 5)).mean()
    assert np.abs(plain.weights(YEAR, 0)).mean() < 0.6 * mean
    assert np.abs(compensated.weights(YEAR, 0)).mean() == pytest.approx(mean, rel=0.02)


def test_compensation_by_given_inputs():
    inputs = 0.5 * np.eye(2, 9, dtype=np.float32)
    compensation = DriftCompensation(readout="ideal")
    array = InferenceArray(crossbar(9, 7), 7, 9, QUIET, None, compensation, seed=1, identity=0, readout_inputs=inputs)
    array.program(np.ones((7, 9), np.float32))
    assert array.snapshot(YEAR, 0).compensation == pytest.approx(((YEAR + 20) / 20) ** 0.049)


def test_a_closed_loop_is_more_exact_than_one_draw():
    weights = matrix(32, 32)
    loop = ProgramAndVerify(tolerance=0.01, verify_std=0.001)
    noise = PCMLike(read_noise_scale=0)
    once, closed = (np.std(programmed(weights, noise, how).weights(0.0, 0) - weights) for how in (None, loop))
    assert closed < 0.5 * once


def test_a_smaller_input_range_clips_and_scales():
    array = programmed(np.eye(3), EXACT, io=IOParameters(noise_management="none", out_noise=0.0))
    array.input_range = 0.5
    x = np.array([[0.25, -0.5, 2.0]], np.float32)
    assert np.allclose(array.forward(x, 0, array.snapshot(0.0, 0)).values, [[0.25, -0.5, 0.5]], atol=0.03)
    for wrong in (0.0, -1.0, np.inf):
        with pytest.raises(InputError, match="finite and above 0"):
            array.input_range = wrong


def test_every_line_of_its_own_gets_its_scale_back():
    weights = matrix(4, 6) * np.array([[1.0], [0.1], [0.01], [0.3]], np.float32)
    array = programmed(weights, EXACT)
    array.program(weights, PairMapping.columnwise(weights, 0.0, 25.0))
    assert np.allclose(array.weights(0.0, 0), weights, atol=1e-6)
    with pytest.raises(InputError, match="belongs to other devices"):
        array.program(weights, PairMapping.columnwise(weights, 0.0, 40.0))


@pytest.mark.parametrize("noise", [PCMLike(), ReRAMWan2022(), PCMLike(g_min=1.0)], ids=["pcm", "reram", "g_min"])
def test_a_restored_array_goes_on_bit_by_bit(noise):
    weights, x = matrix(7, 9), np.random.default_rng(1).uniform(-1, 1, (5, 9)).astype(np.float32)
    array = programmed(weights, noise, None, DriftCompensation(), **CHAIN)
    array.input_range = 0.7
    other = programmed(2 * weights, noise, None, DriftCompensation(), **CHAIN)
    other.program(weights)
    other.restore(array.state())
    for _ in range(2):
        one, two = (a.snapshot(86_400.0, 3) for a in (array, other))
        assert one.compensation == two.compensation
        assert np.array_equal(array.forward(x, 10, one).values, other.forward(x, 10, two).values)
        array.program(weights / 2)
        other.program(weights / 2)


def test_a_state_of_another_size_is_refused():
    with pytest.raises(InputError, match="belongs to another array"):
        programmed(matrix(7, 9)).restore(programmed(matrix(9, 7)).state())


@pytest.mark.parametrize("shape", [(1, 1), (0, 3), (3, 0)])
def test_small_and_empty_matrices(shape):
    array = programmed(np.full(shape, 0.5, np.float32), compensation=DriftCompensation())
    assert array.forward(np.ones((2, shape[1]), np.float32), 0, array.snapshot(1.0, 0)).values.shape == (2, shape[0])
    assert np.isfinite(array.weights(1.0, 0)).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(wrong):
    with pytest.raises(InputError, match="not finite"):
        programmed(np.array([[1.0, wrong]]))


def test_without_compensation_there_is_none():
    weights = np.full((4, 6), 0.5, np.float32)
    array = InferenceArray(crossbar(6, 4), 4, 6, QUIET, None, None, seed=1, identity=0)
    array.program(weights)
    assert array.snapshot(86_400.0, 0).compensation == 1.0
    assert np.allclose(array.weights(86_400.0, 0), 0.5 * ((86_400 + 20) / 20) ** -0.049)


def test_programming_that_the_noise_would_ignore_is_refused():
    with pytest.raises(InputError, match="contain the errors of programming"):
        InferenceArray(crossbar(6, 4), 4, 6, ReRAMWan2022(), ProgramAndVerify(), seed=1, identity=0)


def test_noise_of_the_converters_does_not_hide_drift_from_the_compensation():
    # Weights of 0.03 under an output noise of 0.06 and ADC steps of 0.05: with the same drift exponent everywhere the
    # right factor is known. 100 x 80 read-outs leave a standard error of 3.5 % of it; 4 of them miss once in 16,000.
    random = np.random.default_rng(4)
    weights = (0.03 * random.choice([-1.0, 1.0], (80, 100))).astype(np.float32)
    same = PCMLike(prog_noise_scale=0, read_noise_scale=0, drift_std_scale=0)
    io = {"io": IOParameters(), "dac_bits": 8, "adc_bits": 9}
    right = ((YEAR + 20) / 20) ** 0.049
    found = programmed(weights, same, None, DriftCompensation(), **io).snapshot(YEAR, 0).compensation
    assert abs(found / right - 1) < 4 * 0.035
    of_magnitudes = DriftCompensation(measure="mean-magnitude")
    assert programmed(weights, same, None, of_magnitudes, **io).snapshot(YEAR, 0).compensation < 1.2


def test_a_projection_that_is_only_noise_compensates_nothing():
    io = {"io": IOParameters(), "dac_bits": 8, "adc_bits": 9}
    array = programmed(np.zeros((8, 10), np.float32), QUIET, None, DriftCompensation(), **io)
    assert [array.snapshot(YEAR, k).compensation for k in range(5)] == [1.0] * 5
