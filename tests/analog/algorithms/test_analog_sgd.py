"""Analog SGD is one crossbar, and fulfils what the engine relies on."""

import numpy as np
import pytest

from archsim import plugins
from archsim.analog.algorithms import TileSite, TrainingArray, kind_of
from archsim.analog.specification import SoftBounds
from tests.analog.algorithms.tiles import preset, tile
from tests.analog.crossbars import make, quiet


def test_it_does_what_its_crossbar_does():
    asked = []

    def make_crossbar(index, device=None, update=None, transfer_io=None, transfer_update=None):
        asked.append((index, device, update, transfer_io, transfer_update))
        return make(12, 8)

    settings = plugins.load("archsim.algorithms", "analog-sgd")()
    array: TrainingArray = kind_of(settings)(settings, TileSite(8, 12, 1, make_crossbar, seed=2, identity=0))
    assert asked == [(0, None, None, None, None)]
    alone = make(12, 8)
    rng = np.random.default_rng(1)
    w, x, d = rng.uniform(-0.3, 0.3, (8, 12)), rng.uniform(-1, 1, (3, 12)), rng.uniform(-1, 1, (3, 8))
    for one in (array, alone):
        one.program(w)
    assert array.update(x, d, 0.1, 0) == alone.update(x, d, 0.1, 0)
    np.testing.assert_array_equal(array.weights, alone.weights)
    np.testing.assert_array_equal(array.forward(x, 0).values, alone.forward(x, 0).values)
    np.testing.assert_array_equal(
        array.forward(x, 0, purpose=6, weights=w).values, alone.forward(x, 0, purpose=6, weights=w).values
    )
    np.testing.assert_array_equal(array.backward(d, 0).values, alone.backward(d, 0).values)
    assert array.saturated() == alone.saturated()
    state = array.state()
    array.update(x, d, 0.1, 3)
    array.restore(state)
    np.testing.assert_array_equal(array.weights, alone.weights)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_noise_pulls_weights_to_the_symmetric_point(tau):
    """E w_k = w_0 (1 - lr mu / tau)^k for zero-mean gradients of mean magnitude mu (arXiv:2406.12774).

    After 300 vectors the mean over 2,000 cells has a standard deviation of about lr sigma sqrt(300 / 2000) = 0.0005.
    """
    rate, sigma, start, steps = 0.005, 0.25, 0.4, 300
    array = tile(preset("analog-sgd"), 2000, 1, quiet(SoftBounds, dw_min=1e-4, w_max=tau, w_min=-tau))
    array.program(np.full((2000, 1), start))
    d = sigma * np.random.default_rng(5).normal(size=(steps, 2000))
    array.update(np.ones((steps, 1)), d, rate, 0)
    law = start * (1 - rate * sigma * np.sqrt(2 / np.pi) / tau) ** steps
    assert start - law > 0.1
    assert abs(array.weights.mean() - law) < 0.004
