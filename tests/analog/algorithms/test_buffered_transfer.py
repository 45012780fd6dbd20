"""Tiki-Taka, version 2, in its first form: the buffer's thresholds against plain loops."""

import numpy as np
import pytest

from archsim.analog.algorithms.buffer import Release
from archsim.analog.specification import Ideal
from archsim.analog.specification.algorithms import BufferedTransferSettings
from archsim.errors import InputError
from tests.analog.algorithms.exact import DEVICE, STEP
from tests.analog.algorithms.tiles import tile


def expected(settings, x, d, rate, shape):
    """Return A, H and W after the vectors, as loops; a transfer of one line after every vector, single pulses."""
    outputs, inputs = shape
    a, h, w = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    threshold = settings.thres_scale * STEP
    for t in range(len(x)):
        a -= rate * np.outer(d[t], x[t])
        line = t % inputs
        h[:, line] += a[:, line] * rate * (settings.gamma or 1)
        for i in range(outputs):
            n = int(np.clip(np.trunc(h[i, line] / threshold), -1, 1))
            if n:
                w[i, line] += n * STEP
                if settings.forget_buffer:
                    h[i, line] *= settings.momentum
                else:
                    h[i, line] -= (1 - settings.momentum) * n * threshold
    return a, h, w


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"forget_buffer": False},
        {"forget_buffer": False, "momentum": 0.0},
        {"momentum": 0.5, "thres_scale": 3.0},
        {"gamma": 0.25, "forget_buffer": False},
    ],
    ids=str,
)
def test_it_follows_plain_loops(changes):
    settings = BufferedTransferSettings(units_in_mbatch=False, fast_device=Ideal(), **changes)
    rng = np.random.default_rng(4)
    x, d = rng.uniform(-0.5, 1, (300, 4)), rng.uniform(-0.3, 0.2, (300, 3))
    array = tile(settings, 3, 4, DEVICE)
    work = array.update(x, d, 0.03, 0)
    a, h, w = expected(settings, x, d, 0.03, (3, 4))
    assert np.abs(w).max() > 20 * STEP
    state = array.state()
    np.testing.assert_allclose(state["0.weights"], a, atol=1e-5)
    # The buffer is float32: at a threshold it may let go a visit earlier or later.
    np.testing.assert_allclose(state["1.weights"], w, atol=1.01 * STEP)
    np.testing.assert_allclose(array.weights, w + settings.gamma * a, atol=1.01 * STEP)
    if not settings.forget_buffer and settings.momentum == 0.0:
        np.testing.assert_allclose(state["hidden"][0].T + state["1.weights"], h + w, atol=1e-5)
    assert work.transfer_reads == work.transfer_slots == 300
    assert work.digital_operations == 300 * 2 * 3
    assert work.memory_bits == 300 * 16 * 3


def test_a_chain_of_three_arrays_hands_on():
    settings = BufferedTransferSettings(n_devices=3, units_in_mbatch=False, fast_device=Ideal())
    array = tile(settings, 2, 2, DEVICE)
    work = array.update(np.ones((400, 2)), -np.full((400, 2), 0.1), 0.1, 0)
    assert work.transfer_reads == 400 + 200
    state = array.state()
    assert (state["1.weights"] > 50 * STEP).all()
    assert (state["2.weights"] > STEP).all()
    np.testing.assert_array_equal(array.weights, state["2.weights"])


def test_whole_pulses_need_pulses():
    with pytest.raises(InputError, match="pulses"):
        tile(BufferedTransferSettings(), 2, 2, Ideal())


@pytest.mark.parametrize(
    ("release", "left", "counts"),
    [
        (Release(5, 0.0, True), [0.9, 0.0, 0.0, -0.5, 0.0], [0, 1, 5, 0, -2]),
        (Release(1, 0.1, True), [0.9, 0.1, 0.77, -0.5, -0.24], [0, 1, 1, 0, -1]),
        (Release(5, 0.0, False), [0.9, 0.0, 2.7, -0.5, -0.4], [0, 1, 5, 0, -2]),
        (Release(5, 0.5, False), [0.9, 0.5, 5.2, -0.5, -1.4], [0, 1, 5, 0, -2]),
        (Release(1, 0.0, False, cap=2.0), [0.9, 0.0, 2.0, -0.5, -1.4], [0, 1, 1, 0, -1]),
    ],
)
@pytest.mark.parametrize("threshold", [1.0, 0.25])
def test_what_a_buffer_lets_go(release, left, counts, threshold):
    quiet = np.full(5, 0.99)
    values = np.array([[0.9, 1.0, 7.7, -0.5, -2.4], quiet], np.float32) * np.float32(threshold)
    found, lines = release(values, threshold)
    np.testing.assert_array_equal(found, [counts, [0] * 5])
    np.testing.assert_allclose(values, np.array([left, quiet]) * threshold, rtol=1e-5)
    assert lines == 1
