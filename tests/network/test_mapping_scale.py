"""A digital scale behind crossbars says in which unit they hold weights, and nothing about what is learned."""

from itertools import product

import numpy as np
import pytest

from archsim import plugins
from archsim.analog.specification import UpdateParameters
from archsim.analog.specification.algorithms import (
    BufferedTransferSettings,
    ChoppedTransferSettings,
    DigitalSGDSettings,
    DynamicTransferSettings,
    TikiTakaSettings,
)
from archsim.digital.affine import Affine
from archsim.network.matrix import AnalogMatrix, PartRange
from tests.analog.algorithms.tiles import STEADY, preset, tile

INPUTS, OUTPUTS = 6, 4
RNG = np.random.default_rng(5)
WEIGHTS = RNG.uniform(-0.2, 0.2, (OUTPUTS, INPUTS)).astype(np.float32)
X = RNG.uniform(0.5, 1.0, (1, INPUTS)).astype(np.float32)
D = (RNG.choice([-1.0, 1.0], (1, OUTPUTS)) * RNG.uniform(0.1, 0.4, (1, OUTPUTS))).astype(np.float32)

#: Bounds that nothing reaches.
WIDE = STEADY.model_copy(update={"dw_min": 1e-3, "w_max": 1e3, "w_min": -1e3})
#: No trains: gradients arrive as they are.
EXACT = UpdateParameters(pulse_type="none-with-device")
#: Up to 31 pulses at once, and nothing that is not written is forgotten.
PULSES = {"transfer_update": UpdateParameters(desired_bl=31), "forget_buffer": False}
CHAIN = {"n_devices": 3, "units_in_mbatch": False, "n_reads_per_transfer": 2}

#: Settings of each kind, and the learning rate and the vectors by which they move weights by many pulses.
ALGORITHMS = {
    "analog-sgd": (preset("analog-sgd"), 1e-3, 300),
    "hardware-aware": (preset("hardware-aware-standard"), 1e-3, 300),
    "tiki-taka": (preset("tiki-taka"), 5e-3, 300),
    "tiki-taka, three arrays": (TikiTakaSettings(**CHAIN), 2e-2, 300),
    "buffered": (BufferedTransferSettings(units_in_mbatch=False, **PULSES), 2e-3, 600),
    "buffered, three arrays": (BufferedTransferSettings(**CHAIN, **PULSES), 2.5e-3, 600),
    "chopped": (ChoppedTransferSettings(in_chop_prob=0.0, **PULSES), 5e-6, 600),
    "chopped, automatic": (ChoppedTransferSettings(in_chop_prob=0.0, auto_scale=True, **PULSES), 5e-5, 600),
    "dynamic, automatic": (DynamicTransferSettings(in_chop_prob=0.5, auto_scale=True, **PULSES), 6e-3, 600),
    "dynamic, corrected": (
        DynamicTransferSettings(
            in_chop_prob=0.5, auto_scale=True, correct_gradient_magnitudes=True, fast_lr=0.1, **PULSES
        ),
        7e-4,
        600,
    ),
    "residual-learning": (preset("residual-learning"), 1e-2, 300),
    "rlv2": (preset("rlv2"), 6e-5, 1500),
    "stochastic-hamiltonian-descent": (preset("stochastic-hamiltonian-descent"), 1e-3, 300),
    "mixed-precision": (preset("mixed-precision"), 1e-3, 300),
}
SCALES = list(product((0.1, 0.4, 2.0), (True, False)))


def test_every_kind_is_compared():
    assert {settings.kind for settings, *_ in ALGORITHMS.values()} == {*plugins.names("archsim.algorithm_kinds")} - {
        "digital-sgd"
    }


def mapping_scale(omega, columnwise):
    largest = np.abs(WEIGHTS).max(axis=1) if columnwise else np.full(OUTPUTS, np.abs(WEIGHTS).max())
    return (largest / omega).astype(np.float32)


def make(settings, scale=None, learn=False, **changes):
    """A matrix of four parts with its weights written, in units of the scale."""
    ranges = [PartRange(i, o) for o in ((0, 1), (1, OUTPUTS)) for i in ((0, 4), (4, INPUTS))]
    arrays = [
        tile(settings, o[1] - o[0], i[1] - i[0], WIDE, trains=EXACT, adc_bits=None, dac_bits=None, **changes)
        for i, o in ((part.inputs, part.outputs) for part in ranges)
    ]
    matrix = AnalogMatrix((INPUTS, OUTPUTS), ranges, arrays, Affine(None, None, learn_scale=learn))
    if learn:
        matrix.affine.begin(np.ones(OUTPUTS, np.float32), None)
    if scale is not None:
        matrix.map_weights(scale)
    matrix.program(WEIGHTS if scale is None else WEIGHTS / scale[:, None])
    return matrix


def weights(matrix):
    """What the layer's outputs are computed with."""
    scale = matrix.affine.scale
    return matrix.weights.astype(np.float64) * (1.0 if scale is None else scale[:, None])


def learn(matrix, vectors, rate=0.02):
    """Descend along one gradient for so many vectors; return by how much the weights changed."""
    before = weights(matrix)
    x, d = np.repeat(X, vectors, axis=0), matrix.affine.gradient(np.repeat(D, vectors, axis=0), matrix.affine.scale)
    for part in range(len(matrix.ranges)):
        matrix.update_part(part, x, d, rate, 0)
    return weights(matrix) - before


@pytest.mark.parametrize(("omega", "columnwise"), SCALES)
def test_a_step_of_exact_descent_is_the_same_in_every_unit(omega, columnwise):
    scaled = make(DigitalSGDSettings(), mapping_scale(omega, columnwise))
    np.testing.assert_allclose(learn(scaled, 1, 0.1), -0.1 * D.T @ X, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_every_algorithm_learns_the_same_in_every_unit(name):
    settings, rate, vectors = ALGORITHMS[name]
    plain = learn(make(settings), vectors, rate)
    assert np.abs(plain).max() > 0.02, "some dozens of pulses"
    for omega, columnwise in SCALES:
        if settings.kind == "rlv2" and omega > 1.0:
            continue  # One pulse a read is all that it ever writes.
        scaled = learn(make(settings, mapping_scale(omega, columnwise)), vectors, rate)
        ratio = (scaled * plain).sum() / (plain * plain).sum()
        assert ratio == pytest.approx(1.0, abs=0.08), (omega, columnwise)


@pytest.mark.parametrize("columnwise", [True, False])
def test_a_trained_scale_and_the_gradient_of_the_inputs_do_not_see_the_unit(columnwise):
    """Plain descent in W = diag(alpha) W_0 and alpha, in double precision, beside matrices in several units."""
    x, d, rate = RNG.uniform(-1, 1, (3, INPUTS)), RNG.normal(0, 1, (3, OUTPUTS)), 0.05
    alpha, w = np.ones(OUTPUTS), WEIGHTS.astype(np.float64)
    matrices = [
        make(DigitalSGDSettings(), None if omega is None else mapping_scale(omega, columnwise), learn=True)
        for omega in (None, 0.1, 1.0, 10.0)
    ]
    for vector in range(3):
        xs, ds = x[vector : vector + 1], d[vector : vector + 1]
        incoming, slope, gradient = ds @ (alpha[:, None] * w), (xs @ w.T * ds)[0], (alpha * ds).T @ xs
        for matrix in matrices:
            parts = range(len(matrix.ranges))
            xf, df = xs.astype(np.float32), ds.astype(np.float32)
            analog = matrix.add_outputs([matrix.forward_part(part, xf, vector).values for part in parts])
            errors = matrix.affine.gradient(df, matrix.affine.scale)
            back = matrix.add_inputs([matrix.backward_part(part, errors, vector).values for part in parts])
            np.testing.assert_allclose(back, incoming, rtol=1e-4, atol=1e-5)
            found = matrix.affine.parameter_gradients(analog, df)
            for part in parts:
                matrix.update_part(part, xf, errors, rate, vector)
            matrix.affine.update(found, rate)
        alpha, w = alpha - rate * slope, w - rate * gradient
        for matrix in matrices:
            np.testing.assert_allclose(weights(matrix), alpha[:, None] * w, rtol=1e-4, atol=1e-5)
