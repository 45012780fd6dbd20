"""Digital SGD is what NumPy says it is."""

import numpy as np
import pytest

from archsim.errors import InputError
from tests.analog.algorithms.tiles import preset, tile
from tests.analog.crossbars import DEFAULTS


def test_products_and_updates_are_exact():
    array = tile(preset("digital-sgd"), 3, 4, io=DEFAULTS["io"])
    rng = np.random.default_rng(1)
    w, x, d = rng.normal(0, 5, (3, 4)), rng.normal(0, 5, (20, 4)), rng.normal(0, 5, (20, 3))
    array.program(w)
    np.testing.assert_allclose(array.forward(x, 0).values, x @ w.T, rtol=1e-4, atol=1e-4)
    assert array.forward(x, 0).reads == array.backward(d, 0).reads == 20
    np.testing.assert_allclose(array.backward(d, 0).values, d @ w, rtol=1e-4, atol=1e-4)
    work = array.update(x, d, 0.3, 0)
    np.testing.assert_allclose(array.weights, w - 0.3 * d.T @ x, rtol=1e-4, atol=1e-3)
    assert (work.digital_operations, work.memory_bits) == (2 * 20 * 12, 64 * 20 * 12)
    assert work.slots == work.pulses == 0
    np.testing.assert_allclose(array.forward(x, 0, purpose=6, weights=w).values, x @ w.T, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="finite"):
        array.forward(np.full((1, 4), np.nan), 0)
