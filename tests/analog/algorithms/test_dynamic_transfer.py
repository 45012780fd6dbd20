"""AGAD against plain loops, and what an offset of the first array does to each algorithm."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from archsim.analog.specification import SoftBounds
from archsim.analog.specification.algorithms import DynamicTransferSettings
from tests.analog.algorithms.exact import DEVICE, RATE, STEP, certain_block
from tests.analog.algorithms.tiles import preset, tile
from tests.analog.crossbars import quiet


def expected(settings, x, d, rate, shape):
    """Return A, H, W, the mean and the reference after the vectors, as loops."""
    outputs, inputs = shape
    a, h, w, mean, past = (np.zeros(shape) for _ in range(5))
    signs, turned = np.ones(inputs), np.zeros(inputs, bool)
    period = max(math.ceil(1 / settings.in_chop_prob), 2)
    follow = min(settings.tail_weightening / period, 1.0)
    for t in range(len(x)):
        a -= RATE * np.outer(d[t], signs * x[t])
        line, cycle = t % inputs, t // inputs
        y = a[:, line].copy()
        if turned[line]:
            past[:, line] = mean[:, line]
        turned[line] = False
        h[:, line] += rate / STEP * signs[line] * (y - past[:, line])
        for i in range(outputs):
            n = int(np.clip(np.trunc(h[i, line]), -1, 1))
            if n:
                w[i, line] += n * STEP if cycle > period else 0.0
                h[i, line] = 0.0 if settings.forget_buffer else h[i, line] - n
                if settings.buffer_cap and not settings.forget_buffer:
                    h[i, line] = np.clip(h[i, line], -settings.buffer_cap, settings.buffer_cap)
        mean[:, line] = (1 - follow) * mean[:, line] + follow * y
        if cycle % period == period - 1:
            signs[line] *= -1
            turned[line] = True
    return a, h, w, mean, past


@pytest.mark.parametrize(
    ("changes", "operations", "bits"),
    [
        ({"in_chop_prob": 0.25, "tail_weightening": 1.0}, 6, 50),
        ({"in_chop_prob": 0.25}, 3, 34),
        ({"in_chop_prob": 0.1, "forget_buffer": False}, 6, 50),
        ({"in_chop_prob": 0.1, "forget_buffer": False, "buffer_cap": 1.5}, 6, 50),
    ],
)
def test_it_follows_plain_loops(changes, operations, bits):
    settings = DynamicTransferSettings(fast_lr=RATE, **changes)
    x, d = certain_block(400, 3, 4)
    array = tile(settings, 3, 4, DEVICE)
    work = array.update(x, d, 2.0**-6, 0)
    a, h, w, mean, past = expected(settings, x, d, 2.0**-6, (3, 4))
    state = array.state()
    assert np.abs(w).max() > 5 * STEP
    np.testing.assert_allclose(state["0.weights"], a, atol=1e-6)
    np.testing.assert_allclose(state["1.weights"], w, atol=1e-6)
    for name, law in {"hidden": h, "mean": mean, "past": past}.items():
        np.testing.assert_allclose(state[name].T, law, rtol=1e-4, atol=1e-4)
    assert work.transfer_reads == work.transfer_slots == 400
    assert work.digital_operations == 400 * operations * 3
    assert work.memory_bits == 400 * bits * 3


def test_it_needs_choppers():
    with pytest.raises(ValidationError, match="in_chop_prob"):
        DynamicTransferSettings(in_chop_prob=0.0)


def test_random_turns_come_on_top():
    settings = DynamicTransferSettings(in_chop_prob=0.1, in_chop_random=True)
    array = tile(settings, 2, 5, DEVICE)
    x, d = certain_block(1, 2, 5)
    turns, before = 0, array.state()
    for k in range(2000):
        array.update(x, d, 0.01, k)
        after = array.state()
        turned = np.flatnonzero(after["in_signs"] != before["in_signs"])
        assert set(turned) <= {k % 5}
        assert set(np.flatnonzero(after["turned"])) >= set(turned)
        turns += len(turned)
        before = after
    # 200 regular turns, and 0.1 of the 1,800 others: 180 with a standard deviation of 12.7.
    assert abs(turns - 380) < 64


#: Soft bounds whose symmetric point lies at (0.3 - 1) / (0.3 + 1) = -0.54.
OFFSET = quiet(SoftBounds, dw_min=0.05, w_max=1.0, w_min=-1.0, up_down=-0.7)
CENTRED = quiet(SoftBounds, dw_min=0.05, w_max=1.0, w_min=-1.0)


@pytest.mark.parametrize(
    ("name", "offset", "learns"),
    [
        ("ttv2-paper", False, True),
        ("ttv2-paper", True, False),
        ("c-ttv2-paper", True, True),
        ("agad-paper", False, True),
        ("agad-paper", True, True),
    ],
)
def test_who_follows_a_weak_gradient_on_cells_with_an_offset(name, offset, learns):
    """The toy of arXiv:2303.04721, Figure 3: x = -X, d = a X + (1 - a) Y, so that the mean gradient is -a.

    With a = 0.2 every cell of W is to go up. TTv2 reads the offset of the first array as a gradient, and goes down.
    """
    share, vectors = 0.2, 6000
    rng = np.random.default_rng(11)
    common, own = rng.normal(size=(vectors, 1)), rng.normal(size=(vectors, 5))
    x = np.repeat(-common, 5, axis=1)
    d = share * common + (1 - share) * own
    settings = preset(name).model_copy(update={"fast_device": OFFSET if offset else CENTRED})
    weights = []
    for seed in range(4):
        array = tile(settings, 5, 5, quiet(SoftBounds, dw_min=0.02, w_max=1.0, w_min=-1.0), seed=seed)
        array.update(x, d, 0.1, 0)
        weights.append(array.weights.mean())
    assert (np.array(weights) > 0.05).all() if learns else (np.array(weights) < 0.0).all()
