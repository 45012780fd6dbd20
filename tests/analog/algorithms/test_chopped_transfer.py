"""TTv2 and c-TTv2 against plain loops, with pulses that are certain."""

import math

import numpy as np
import pytest

from archsim.analog.algorithms.auto_scale import FastRate
from archsim.analog.specification import Ideal, SoftBounds
from archsim.analog.specification.algorithms import ChoppedTransferSettings
from archsim.errors import InputError
from tests.analog.algorithms.exact import DEVICE, ERROR, RATE, STEP, certain_block
from tests.analog.algorithms.tiles import preset, tile
from tests.analog.crossbars import quiet


def expected(settings, x, d, rate, shape):
    """Return A, H, W and the signs of input lines after the vectors, as loops, with signs that turn regularly."""
    outputs, inputs = shape
    a, h, w = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    signs = np.ones(inputs)
    granularity = settings.buffer_granularity * STEP
    if settings.auto_granularity:
        granularity *= settings.auto_granularity * settings.n_reads_per_transfer / (inputs * settings.transfer_every)
    buffer_rate = settings.transfer_lr * rate / granularity
    if settings.correct_gradient_magnitudes:
        buffer_rate /= RATE
    period = max(math.ceil(1 / settings.in_chop_prob), 2) if settings.in_chop_prob else None
    reads = 0
    for t in range(1, len(x) + 1):
        a -= RATE * np.outer(d[t - 1], signs * x[t - 1])
        if t % settings.transfer_every:
            continue
        for _ in range(settings.n_reads_per_transfer):
            line, cycle = reads % inputs, reads // inputs
            reads += 1
            for i in range(outputs):
                h[i, line] += buffer_rate * signs[line] * a[i, line]
                n = int(np.clip(np.trunc(h[i, line]), -1, 1))
                if n:
                    w[i, line] += n * STEP
                    h[i, line] = settings.momentum * h[i, line] if settings.forget_buffer else h[i, line] - n
            if period and cycle % period == period - 1:
                signs[line] *= -1
    return a, h, w, signs


@pytest.mark.parametrize(
    "changes",
    [
        {"in_chop_prob": 0.0},
        {"in_chop_prob": 0.0, "forget_buffer": False},
        {"in_chop_prob": 0.25},
        {"in_chop_prob": 1.0, "momentum": 0.25},
        {"in_chop_prob": 0.25, "auto_granularity": 16.0, "transfer_every": 2.0, "forget_buffer": False},
        {"in_chop_prob": 0.4, "buffer_granularity": 0.5, "correct_gradient_magnitudes": True},
        {"in_chop_prob": 0.25, "n_reads_per_transfer": 3, "transfer_every": 3.0},
        {"in_chop_prob": 0.25, "n_reads_per_transfer": 4, "auto_granularity": 1.0, "forget_buffer": False},
    ],
    ids=str,
)
def test_it_follows_plain_loops(changes):
    settings = ChoppedTransferSettings(fast_lr=RATE, in_chop_random=False, **changes)
    x, d = certain_block(400, 3, 4)
    array = tile(settings, 3, 4, DEVICE)
    work = array.update(x, d, 2.0**-5, 0)
    a, h, w, signs = expected(settings, x, d, 2.0**-5, (3, 4))
    state = array.state()
    assert np.abs(w).max() > 4 * STEP
    np.testing.assert_allclose(state["0.weights"], a, atol=1e-6)
    np.testing.assert_allclose(state["1.weights"], w, atol=1e-6)
    np.testing.assert_allclose(state["hidden"].T, h, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(state["in_signs"], signs)
    reads = 400 // settings.transfer_every * settings.n_reads_per_transfer
    assert work.transfer_reads == work.transfer_slots == reads
    assert work.digital_operations == reads * 2 * 3
    assert work.memory_bits == reads * (18 if settings.in_chop_prob else 16) * 3


def test_signs_do_not_change_what_is_learned():
    """On symmetric cells a sign that turns right after its line was read and was zero is nothing but a sign."""
    plain = tile(ChoppedTransferSettings(fast_lr=RATE, in_chop_prob=0.0), 3, 4, DEVICE)
    turned = tile(ChoppedTransferSettings(fast_lr=RATE, in_chop_prob=0.0, out_chop_prob=1e-9), 3, 4, DEVICE)
    state = turned.state()
    state["in_signs"][:] = [1, -1, -1, 1]
    state["out_signs"][:] = [-1, 1, -1]
    turned.restore(state)
    x, d = certain_block(200, 3, 4)
    for array in (plain, turned):
        array.update(x, d, 2.0**-5, 0)
    signs = np.outer([-1, 1, -1], [1, -1, -1, 1])
    np.testing.assert_array_equal(turned.state()["0.weights"], plain.state()["0.weights"] * signs)
    np.testing.assert_array_equal(turned.weights, plain.weights)
    assert np.abs(plain.weights).max() > 5 * STEP


def test_what_reads_see_has_no_signs():
    settings = ChoppedTransferSettings(fast_lr=RATE, gamma=0.5, in_chop_prob=0.3, out_chop_prob=0.3)
    array = tile(settings, 3, 4, DEVICE)
    x, d = certain_block(130, 3, 4)
    array.update(x, d, 2.0**-5, 0)
    state = array.state()
    assert len(set(state["in_signs"])) == len(set(state["out_signs"])) == 2
    fast = state["0.weights"] * np.outer(state["out_signs"], state["in_signs"])
    np.testing.assert_allclose(array.weights, state["1.weights"] + 0.5 * fast, atol=1e-6)
    np.testing.assert_allclose(array.backward(d, 0).values, d @ array.weights, atol=1e-5)


def test_signs_turn_at_their_reads_with_their_probability():
    settings = ChoppedTransferSettings(in_chop_prob=0.2, out_chop_prob=0.1)
    array = tile(settings, 50, 5, DEVICE)
    x, d = certain_block(1, 50, 5)
    in_turns = out_turns = 0
    before = array.state()
    for k in range(1000):
        array.update(x, d, 0.01, k)
        after = array.state()
        turned = np.flatnonzero(after["in_signs"] != before["in_signs"])
        assert set(turned) <= {k % 5}
        in_turns += len(turned)
        out_turned = (after["out_signs"] != before["out_signs"]).sum()
        assert out_turned == 0 or k % 5 == 4
        out_turns += int(out_turned)
        before = after
    # Binomial: 1,000 x 0.2 and 200 x 50 x 0.1, five standard deviations (12.6 and 30) either way: 6e-7 each.
    assert abs(in_turns - 200) < 64
    assert abs(out_turns - 1000) < 151


def test_a_constant_gradient_is_summed_twice():
    """arXiv:2303.04721: w_t = lr g t^2 / (2 gamma_0) without choppers, while the first array is far from its bounds."""
    gamma_0, vectors, n_s, inputs = 40_000.0, 1200, 2, 3
    settings = ChoppedTransferSettings(
        fast_lr=RATE,
        in_chop_prob=0.0,
        auto_granularity=gamma_0,
        transfer_every=n_s,
        correct_gradient_magnitudes=True,
        forget_buffer=False,
    )
    array = tile(settings, 2, inputs, DEVICE)
    rate = 0.05
    array.update(np.ones((vectors, inputs)), np.full((vectors, 2), -ERROR), rate, 0)
    law = rate * ERROR * vectors**2 / (2 * gamma_0)
    # A line is visited every n_s n = 6 vectors, and no visit asks for more than one pulse: the sum over visits differs
    # from the integral by up to 6 / 1,200, the buffer by a pulse.
    np.testing.assert_allclose(array.weights, law, rtol=0.02, atol=STEP)


def test_where_the_first_array_saturates_the_sum_is_linear():
    """arXiv:2303.04721: w_t = lr <g> t c / gamma_0 where decay dominates: here A stays at its bound of 1."""
    gamma_0, vectors = 2000.0, 4000
    device = quiet(SoftBounds, dw_min=STEP, w_max=1.0, w_min=-1.0)
    settings = ChoppedTransferSettings(
        fast_lr=RATE,
        fast_device=device,
        in_chop_prob=0.0,
        auto_granularity=gamma_0,
        correct_gradient_magnitudes=True,
        forget_buffer=False,
    )
    array = tile(settings, 1, 2, DEVICE)
    one, d = np.ones((vectors, 2)), np.full((vectors, 1), -ERROR)
    array.update(one, d, 0.01, 0)
    begin = array.weights.copy()
    array.update(one, d, 0.01, vectors)
    # With A = 1: lr_H A dw per visit, a visit every 2 vectors, lr_H = lr n / (gamma_0 dw lr_A).
    np.testing.assert_allclose(array.weights - begin, 0.01 * vectors / (gamma_0 * RATE), rtol=0.01)


def test_automatic_rates_follow_the_largest_values():
    rates = FastRate(0.5, False, 31 * 0.002, 0.25)
    x = np.array([[0.5, -1.0], [0.0, 0.0], [0.2, 0.1], [0.0, 3.0]], np.float32)
    d = np.array([[0.1], [0.2], [-0.4], [0.0]], np.float32)
    maxima = np.zeros(2)
    found = rates(x, d, 0.1, maxima)
    m_x = np.array([1.0, 1.0, 0.75 + 0.25 * 0.2, 0.0])
    m_x[3] = 0.75 * m_x[2] + 0.25 * 3
    m_d = np.array([0.1, 0.75 * 0.1 + 0.25 * 0.2, 0.0, 0.0])
    m_d[2:] = 0.75 * m_d[1] + 0.25 * 0.4
    np.testing.assert_allclose(found, 0.5 * 31 * 0.002 / (m_x * m_d), rtol=1e-6)
    np.testing.assert_allclose(maxima, [m_x[3], m_d[3]], rtol=1e-6)
    np.testing.assert_allclose(FastRate(0.5, True, 0.0, 0.25)(x, d, 0.1, maxima), 0.05)
    np.testing.assert_allclose(FastRate(0.0, True, 0.0, 0.25)(x, d, 0.1, maxima), 0.1)


def test_automatic_rates_make_the_same_pulses_whatever_the_size_of_gradients():
    counts = []
    rng = np.random.default_rng(5)
    x, d = rng.uniform(-1, 1, (200, 8)), rng.uniform(-1, 1, (200, 6))
    for size in (1e-6, 1.0):
        array = tile(preset("c-ttv2-reram"), 6, 8, DEVICE)
        counts.append(array.update(x, size * d, 0.0, 0).pulses)
    assert counts[0] == pytest.approx(counts[1], rel=1e-3)
    assert counts[0] > 10_000


def test_a_negative_interval_counts_in_states():
    device = quiet(SoftBounds, dw_min=0.02, w_max=0.6, w_min=-0.4)
    settings = ChoppedTransferSettings(transfer_every=-0.5, fast_device=device)
    # 50 states, 4 lines, half a line's share: round(6.25) vectors.
    work = tile(settings, 2, 4, DEVICE).update(*certain_block(61, 2, 4), 0.1, 0)
    assert work.transfer_reads == 10
    with pytest.raises(InputError, match="pulses"):
        tile(settings.model_copy(update={"fast_device": None}), 2, 4, Ideal())


def test_no_transfer_without_a_rate_or_an_interval():
    for changes in ({"transfer_every": 0.0}, {"transfer_lr": 0.0}):
        array = tile(ChoppedTransferSettings(fast_lr=RATE, **changes), 2, 4, DEVICE)
        work = array.update(*certain_block(50, 2, 4), 0.1, 0)
        assert work.transfer_reads == work.transfer_slots == work.digital_operations == 0
        assert not array.weights.any()


def test_all_lines_are_the_most_that_a_transfer_moves():
    arrays = [tile(ChoppedTransferSettings(n_reads_per_transfer=lines), 3, 4, DEVICE) for lines in (4, 9)]
    x, d = certain_block(20, 3, 4)
    assert arrays[0].update(x, d, 0.1, 0) == arrays[1].update(x, d, 0.1, 0)
    np.testing.assert_array_equal(arrays[0].weights, arrays[1].weights)


@pytest.mark.parametrize("cuts", [[1] * 60, [7, 13, 40], [59, 1]])
def test_signs_that_turn_within_a_call_count_from_the_next_vector_on(cuts):
    settings = ChoppedTransferSettings(auto_scale=True, in_chop_prob=0.3, out_chop_prob=0.3, gamma=0.5)
    rng = np.random.default_rng(9)
    x, d = rng.uniform(-1, 1, (60, 4)), rng.normal(size=(60, 3))
    whole, cut = tile(settings, 3, 4, DEVICE), tile(settings, 3, 4, DEVICE)
    whole.update(x, d, 0.1, 0)
    begin = 0
    for length in cuts:
        cut.update(x[begin : begin + length], d[begin : begin + length], 0.1, begin)
        begin += length
    one, other = whole.state(), cut.state()
    assert (one["in_signs"] < 0).any()
    assert (one["out_signs"] < 0).any()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
