"""Threads change nothing but the time."""

import gc
import threading
import time

import numpy as np
import pytest

from archsim.analog import Workers
from archsim.analog.blocks import BLOCK_VECTORS
from archsim.analog.pulses import WORTH_SHARING
from archsim.analog.specification import Ideal, SoftBounds

from .crossbars import make


@pytest.mark.parametrize("device", [Ideal(), SoftBounds(dw_min=0.001)], ids=["ideal", "soft"])
def test_results_are_the_same_with_any_number_of_threads(device):
    rng = np.random.default_rng(1)
    x, d = rng.uniform(-1, 1, (20, 400)), rng.uniform(-1, 1, (20, 257))
    images, errors = rng.uniform(-1, 1, (2 * BLOCK_VECTORS + 1, 400)), rng.uniform(-1, 1, (2 * BLOCK_VECTORS + 1, 257))
    assert images.size + errors.size > WORTH_SHARING
    results = []
    for threads in (1, 2, 3):
        with Workers(threads) as workers:
            crossbar = make(400, 257, device=device, workers=workers)
            updates = [crossbar.update(x, d, 0.02, 20 * k) for k in range(2)]
            updates.append(crossbar.update(images, errors, 0.001, 40))
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


def test_closed_workers_leave_all_work_to_the_caller():
    workers = Workers(3)
    workers.close()
    here = threading.get_ident()
    assert workers.map(lambda begin, end: threading.get_ident(), [(0, 1), (1, 2)]) == [here, here]
    workers.close()


def test_threads_end_with_an_array_that_is_forgotten():
    before = threading.active_count()
    crossbar = make(400, 257, device=SoftBounds(dw_min=0.001), workers=Workers(3))
    crossbar.forward(np.ones((2 * BLOCK_VECTORS, 400)), 0)
    assert threading.active_count() == before + 2
    del crossbar
    gc.collect()
    deadline = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
