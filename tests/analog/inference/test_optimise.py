"""Ranges chosen after training: less error where there are outliers, and the known optimum for Gaussian inputs."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from archsim.analog.inference import InferenceArray, PairMapping
from archsim.analog.inference.optimise import Calibration, optimise_conductance_ranges, optimise_input_range
from archsim.analog.specification import IOParameters
from archsim.analog.specification.inference import DriftCompensation, PCMLike
from archsim.errors import InputError

from .programmed import NONE, crossbar, matrix

RNG = np.random.default_rng(8)
EXACT = PCMLike(prog_noise_scale=0, read_noise_scale=0, drift_scale=0)
UNSCALED = IOParameters(noise_management="none", bound_management="none", out_noise=0.0)


def maker(outputs, inputs, noise=None, compensation=NONE, **chain):
    def make_array():
        reader = crossbar(inputs, outputs, **chain)
        return InferenceArray(reader, outputs, inputs, noise, None, compensation, seed=3, identity=0)

    return make_array


def fresh_error(make_array, weights, mapping, inputs, time_s):
    """Mean squared error of outputs with random numbers that the optimisation has not seen."""
    array = make_array()
    errors = []
    for repeat in range(12):
        array.program(weights, mapping)
        if repeat >= 4:
            seen = array.forward(inputs, 10_000 + repeat * len(inputs), array.snapshot(time_s, 100 + repeat)).values
            errors.append(np.mean((seen - inputs @ weights.T) ** 2))
    return np.mean(errors)


def test_outliers_no_longer_decide_the_range():
    # Normal weights with one of 8 standard deviations in each line, and lines of very different size. One range for all
    # leaves a mean squared error of 7.4, the largest weight of each line 4.4, the chosen ranges 3.5, over programmings
    # that the choice has not seen; each is known to a few per cent.
    weights = np.clip(RNG.standard_normal((16, 512)), -3, 3)
    weights[:, 7] = 8.0
    weights = (weights * np.linspace(0.05, 1, 16)[:, None]).astype(np.float32)
    inputs = RNG.uniform(-1, 1, (64, 512)).astype(np.float32)
    io = IOParameters(out_noise=0.06, out_bound=100.0)
    compensation = DriftCompensation(readout="ideal")
    make_array = maker(16, 512, PCMLike(), compensation, io=io, dac_bits=8, adc_bits=12)
    day = 86_400.0
    choice = optimise_conductance_ranges(make_array, Calibration(weights, inputs, day))
    common = PairMapping.common(weights, 0.0, 25.0)
    own = PairMapping.columnwise(weights, 0.0, 25.0)
    chosen = PairMapping(0.0, 25.0, choice.ranges, common.full)
    errors = [fresh_error(make_array, weights, m, inputs, day) for m in (common, own, chosen)]
    assert errors[1] < 0.7 * errors[0]
    assert errors[2] < 0.9 * errors[1]
    assert (choice.errors <= choice.candidate_errors).all()
    assert (choice.ranges < 0.9 * own.ranges).mean() > 0.8, "nearly every line clips its outlier"


def test_without_noise_nothing_is_clipped():
    weights = matrix(6, 20)
    choice = optimise_conductance_ranges(maker(6, 20, EXACT), Calibration(weights, RNG.uniform(-1, 1, (8, 20))))
    assert (choice.ranges >= np.abs(weights).max(axis=1) * (1 - 1e-6)).all()
    assert choice.errors.max() < 1e-10


def gaussian_optimum(bits):
    """The range r (in standard deviations) that makes clipping plus rounding of a normal number smallest.

    Mean squared error: step^2 / 12 P(|x| < r) + 2 E[(x - r)^2; x > r] with the step 2 r / (2^bits - 2).
    """

    def error(r):
        step = 2 * r / (2**bits - 2)
        tail = stats.norm.sf(r) * (1 + r * r) - r * stats.norm.pdf(r)
        return step**2 / 12 * (1 - 2 * stats.norm.sf(r)) + 2 * tail

    return minimize_scalar(error, bounds=(1.0, 6.0), method="bounded").x


@pytest.mark.parametrize("bits", [4, 6])
def test_the_dac_range_is_the_optimum_for_gaussian_inputs(bits):
    # 80,000 inputs: the optimum is flat, and the estimate of its place scatters by less than 5 %; candidates lie 3 %
    # apart.
    weights = matrix(10, 40)
    inputs = RNG.normal(0, 0.7, (2000, 40)).astype(np.float32)
    calibration = Calibration(weights, inputs, repeats=1)
    peak = np.abs(inputs).max()
    factors = np.arange(1.5, 5.0, 0.08) * 0.7 / peak
    make_array = maker(10, 40, EXACT, io=UNSCALED, dac_bits=bits)
    choice = optimise_input_range(make_array, calibration, factors=factors)
    assert choice.ranges[0] / 0.7 == pytest.approx(gaussian_optimum(bits), rel=0.08)
    assert choice.errors[0] < 0.8 * choice.candidate_errors[-1, 0]


def test_more_bits_need_less_clipping():
    assert gaussian_optimum(8) > gaussian_optimum(6) > gaussian_optimum(4)


def test_wrong_calibration_is_refused():
    with pytest.raises(InputError, match="at least one input vector"):
        optimise_input_range(maker(2, 3), Calibration(np.ones((2, 3)), np.ones((0, 3))))
    with pytest.raises(InputError, match="wrong shape"):
        optimise_conductance_ranges(maker(2, 3), Calibration(np.ones((2, 3)), np.ones((4, 2))))
