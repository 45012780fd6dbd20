"""Threads change nothing but the time."""

import numpy as np
import pytest

from archsim.analog import Workers
from archsim.analog.blocks import BLOCK_VECTORS
from archsim.analog.specification import Ideal, SoftBounds

from .crossbars import make


@pytest.mark.parametrize("device", [Ideal(), SoftBounds(dw_min=0.001)], ids=["ideal", "soft"])
def test_results_are_the_same_with_any_number_of_threads(device):
    rng = np.random.default_rng(1)
    x, d = rng.uniform(-1, 1, (20, 400)), rng.uniform(-1, 1, (20, 257))
    images = rng.uniform(-1, 1, (2 * BLOCK_VECTORS + 1, 400))
    results = []
    for threads in (1, 2, 3):
        with Workers(threads) as workers:
            crossbar = make(400, 257, device=device, workers=workers)
            updates = [crossbar.update(x, d, 0.02, 20 * k) for k in range(2)]
            results.append((crossbar.weights.copy(), crossbar.forward(images, 0), updates))
    for weights, read, updates in results[1:]:
        np.testing.assert_array_equal(weights, results[0][0])
        np.testing.assert_array_equal(read.values, results[0][1].values)
        assert read.reads == results[0][1].reads
        assert updates == results[0][2]
    assert np.abs(results[0][0]).max() > 0


def test_parts_are_done_in_order_and_errors_come_through():
    with Workers(2) as workers:
        assert workers.map(lambda begin, end: (begin, end), [(0, 2), (2, 3), (3, 9)]) == [(0, 2), (2, 3), (3, 9)]
        with pytest.raises(ZeroDivisionError):
            workers.map(lambda begin, end: begin // 0, [(0, 1), (1, 2)])
    assert Workers().map(lambda begin, end: end, []) == []
