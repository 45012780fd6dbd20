"""Analog SGD is one crossbar, and fulfils what the engine relies on."""

import numpy as np

from archsim import plugins
from archsim.analog.algorithms import TrainingArray, make_training_array
from tests.analog.crossbars import make


def test_it_does_what_its_crossbar_does():
    asked = []

    def make_crossbar(index, device=None, update=None, transfer_io=None, transfer_update=None):
        asked.append((index, device, update, transfer_io, transfer_update))
        return make(12, 8)

    settings = plugins.load("archsim.algorithms", "analog-sgd")()
    array: TrainingArray = make_training_array(settings, make_crossbar, 8, 12, mini_batch=1, seed=2, identity=0)
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
