"""Noise of reads. Seeds are fixed; every check states its false-alarm rate."""

import numpy as np
import pytest
from scipy import stats

from archsim.analog import Crossbar
from archsim.analog.converters import FORWARD_LINES, draw_lines
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Ideal, IOParameters

VECTORS = 3000


def errors(io, x, w, *, dac_bits=None, adc_bits=None):
    """Return what many reads of one vector add to the exact product, [VECTORS, outputs]."""
    crossbar = Crossbar(
        w.shape[1],
        w.shape[0],
        Ideal(),
        Periphery(io=io, dac_bits=dac_bits, adc_bits=adc_bits),
        Streams(noise_seed=5),
    )
    crossbar.program(w)
    return crossbar.forward(np.repeat(x[None], VECTORS, axis=0), 0).values - w @ x


RNG = np.random.default_rng(2)
W = RNG.uniform(-0.3, 0.3, (10, 25)).astype(np.float32)
X = RNG.uniform(-2, 2, 25).astype(np.float32)
PEAK = np.abs(X).max()


@pytest.mark.parametrize(
    ("io", "deviation"),
    [
        (IOParameters(out_noise=0.06), np.full(10, 0.06 * PEAK)),
        (IOParameters(out_noise=0.0, w_noise=0.05), np.full(10, 0.05 * np.linalg.norm(X))),
        (IOParameters(out_noise=0.0, inp_noise=0.1), 0.1 * PEAK * np.linalg.norm(W, axis=1)),
        (IOParameters(out_noise=0.06, noise_management="none", inp_bound=10.0), np.full(10, 0.06)),
        (
            IOParameters(out_noise=0.0, w_noise=0.05, w_noise_type="pcm-read"),
            0.05 * np.sqrt(np.abs(W).astype(np.float64) @ X.astype(np.float64) ** 2),
        ),
        # one draw for both passes' sum, or one for each pass
        (IOParameters(out_noise=0.06, mv_type="pos-neg-separate"), np.full(10, 0.06 * PEAK)),
        (IOParameters(out_noise=0.06, mv_type="pos-neg-separate-digital-sum"), np.full(10, 0.06 * PEAK * np.sqrt(2))),
        (
            IOParameters(out_noise=0.0, w_noise=0.05, mv_type="pos-neg-separate"),
            np.full(10, 0.05 * np.linalg.norm(X)),
        ),
    ],
    ids=["output", "weights", "input", "output, unscaled", "cells", "two passes", "two converters", "weights twice"],
)
def test_noise_is_normal_with_its_deviation(io, deviation):
    # Kolmogorov-Smirnov for each of 10 outputs, 1e-4 in all
    noise = errors(io, X, W)
    for line, sigma in zip(noise.T, deviation, strict=True):
        assert stats.kstest(line, "norm", (0.0, sigma)).pvalue > 1e-5


def test_outputs_and_vectors_are_independent():
    # 45 correlations between outputs and 10 between successive vectors, 1e-4 in all
    noise = errors(IOParameters(), X, W)
    between = np.corrcoef(noise.T)[np.triu_indices(10, 1)]
    after = [np.corrcoef(line[1:], line[:-1])[0, 1] for line in noise.T]
    assert np.abs([*between, *after]).max() < stats.norm.isf(0.5e-4 / 55) / np.sqrt(VECTORS)


def test_lines_that_share_a_counter_are_independent():
    # Four lines take the four normal numbers of a counter: 9,045 correlations of 135 lines, of their magnitudes and of
    # the ranks of these, 1e-4 in all
    w = np.zeros((135, 25), np.float32)
    noise = errors(IOParameters(noise_management="none"), X, w)
    bound = stats.norm.isf(0.5e-4 / (3 * 9045)) / np.sqrt(VECTORS)
    for numbers in (noise, np.abs(noise)):
        assert np.abs(np.corrcoef(numbers.T)[np.triu_indices(135, 1)]).max() < bound
    ranks = stats.rankdata(np.abs(noise), axis=0)
    assert np.abs(np.corrcoef(ranks.T)[np.triu_indices(135, 1)]).max() < bound


def test_every_line_of_a_wide_output_has_normal_noise():
    # Kolmogorov-Smirnov for each of 300 lines, 1e-4 in all
    noise = errors(IOParameters(noise_management="none"), X, np.zeros((300, 25), np.float32)) / 0.06
    assert min(stats.kstest(line, "norm").pvalue for line in noise.T) > 1e-4 / 300


def test_the_noise_of_a_line_has_its_own_strength():
    # Kolmogorov-Smirnov for each of 10 outputs, 1e-4 in all
    io = IOParameters(out_noise=0.06, out_noise_std=0.4)
    deviation = draw_lines(io, 10, 0, 1, FORWARD_LINES)[2]
    assert np.ptp(deviation) > 0.02
    for line, sigma in zip(errors(io, X, W).T, deviation, strict=True):
        assert stats.kstest(line, "norm", (0.0, sigma * PEAK)).pvalue > 1e-5


def test_transposed_reads_have_their_own_noise_of_the_cells():
    # Kolmogorov-Smirnov for each of 25 outputs, 1e-4 in all
    io = IOParameters(out_noise=0.0, w_noise=0.05, w_noise_type="pcm-read")
    crossbar = Crossbar(
        25,
        10,
        Ideal(),
        Periphery(io=io, dac_bits=None, adc_bits=None),
        Streams(noise_seed=5),
    )
    crossbar.program(W)
    d = X[:10]
    noise = crossbar.backward(np.repeat(d[None], VECTORS, axis=0), 0).values - d @ W
    deviation = 0.05 * np.sqrt(d.astype(np.float64) ** 2 @ np.abs(W).astype(np.float64))
    for line, sigma in zip(noise.T, deviation, strict=True):
        assert stats.kstest(line, "norm", (0.0, sigma)).pvalue > 4e-6


def test_stochastic_rounding_is_right_on_average():
    # 10 outputs, 1e-4 in all; plain rounding is off by more than ten standard errors
    io = IOParameters(out_noise=0.0, inp_sto_round=True)
    noise = errors(io, X, W, dac_bits=4)
    z = noise.mean(axis=0) / (noise.std(axis=0, ddof=1) / np.sqrt(VECTORS))
    assert np.abs(z).max() < stats.norm.isf(0.5e-5)
    plain = errors(io.model_copy(update={"inp_sto_round": False}), X, W, dac_bits=4)
    assert (np.abs(plain.mean(axis=0)) / (noise.std(axis=0) / np.sqrt(VECTORS))).max() > 10
