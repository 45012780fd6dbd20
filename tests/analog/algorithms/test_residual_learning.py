"""Residual learning and RLv2 against plain loops, and the bias that they do not have."""

import numpy as np
import pytest

from archsim.analog.specification import Ideal, SoftBounds
from archsim.analog.specification.algorithms import ResidualLearningSettings, ResidualLearningV2Settings
from tests.analog.algorithms.exact import DEVICE, STEP
from tests.analog.algorithms.tiles import tile
from tests.analog.crossbars import quiet


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"gamma": 0.0, "transfer_lr": 0.2},
        {"n_reads_per_transfer": None},
        {"n_reads_per_transfer": 3, "transfer_every": 2, "fast_lr": 0.5},
    ],
    ids=str,
)
def test_ideal_cells_follow_the_equations(changes):
    """P <- P - alpha g, W <- W + beta P for the lines that are due; reads see W + gamma P."""
    settings = ResidualLearningSettings(**changes)
    outputs, inputs, rate = 3, 4, 0.1
    rng = np.random.default_rng(2)
    x, d = rng.uniform(-1, 1, (50, inputs)), rng.uniform(-1, 1, (50, outputs))
    start = rng.uniform(-1, 1, (outputs, inputs))
    array = tile(settings, outputs, inputs, Ideal())
    array.program(start)
    work = array.update(x, d, rate, 0)
    p, w, line, lines = np.zeros_like(start), start.copy(), 0, 0
    for t in range(1, 51):
        p -= settings.fast_lr * rate * np.outer(d[t - 1], x[t - 1])
        if t % settings.transfer_every == 0:
            for _ in range(settings.n_reads_per_transfer or inputs):
                w[:, line] += settings.transfer_lr * p[:, line]
                line = (line + 1) % inputs
                lines += 1
    np.testing.assert_allclose(array.weights, w + settings.gamma * p, atol=1e-5)
    np.testing.assert_allclose(array.forward(x, 0).values, x @ (w + settings.gamma * p).T, atol=1e-4)
    assert work.transfer_reads == lines
    assert work.digital_operations == lines * (inputs + outputs)


@pytest.mark.parametrize("changes", [{"transfer_lr": 0.3}, {"transfer_lr": 0.1, "threshold": 2.5 * STEP}], ids=str)
def test_the_buffer_of_rlv2_forgets_and_fires_single_pulses(changes):
    settings = ResidualLearningV2Settings(fast_device=Ideal(), gamma=0.2, **changes)
    outputs, inputs, rate = 3, 4, 0.002
    rng = np.random.default_rng(2)
    x, d = rng.uniform(-0.5, 1, (300, inputs)), rng.uniform(-1, 0.5, (300, outputs))
    array = tile(settings, outputs, inputs, DEVICE)
    work = array.update(x, d, rate, 0)
    p, h, w = (np.zeros((outputs, inputs)) for _ in range(3))
    threshold = settings.threshold or STEP
    for t in range(300):
        p -= rate * np.outer(d[t], x[t])
        line = t % inputs
        h[:, line] = (1 - settings.transfer_lr) * h[:, line] + settings.transfer_lr * p[:, line]
        fired = np.sign(h[:, line]) * (np.abs(h[:, line]) >= threshold)
        w[:, line] += fired * STEP
        h[:, line] -= fired * threshold
    assert np.abs(w).max() > 5 * STEP
    state = array.state()
    np.testing.assert_allclose(state["1.weights"], w, atol=1.01 * STEP)
    np.testing.assert_allclose(state["hidden"].T, h, atol=0.4 * threshold)
    assert work.transfer_reads == work.transfer_slots == 300
    assert work.digital_operations == 300 * 3 * outputs
    assert work.memory_bits == 300 * 16 * outputs


@pytest.mark.parametrize(
    "settings",
    [
        ResidualLearningSettings(gamma=0.4, transfer_lr=0.05, n_reads_per_transfer=None),
        ResidualLearningV2Settings(gamma=0.4, transfer_lr=0.2, n_reads_per_transfer=None),
    ],
    ids=["residual-learning", "rlv2"],
)
def test_what_is_read_settles_at_the_minimum(settings):
    """As for Tiki-Taka: under gradient noise the mean of W + gamma P is w* = 0.3, where analog SGD stays at 0.242.

    Means over 200 independent cells and 1,000 steps fluctuate by 0.001.
    """
    device = quiet(SoftBounds, dw_min=2e-4, w_max=1.0, w_min=-1.0)
    array = tile(settings, 200, 1, device)
    array.program(np.full((200, 1), 0.3))
    rng = np.random.default_rng(7)
    total, one = 0.0, np.ones((1, 1))
    for k in range(3000):
        d = array.weights.T - 0.3 + 0.3 * rng.normal(size=(1, 200))
        array.update(one, d, 0.01, k)
        if k >= 2000:
            total += array.weights.mean() / 1000
    assert abs(total - 0.3) < 0.008
