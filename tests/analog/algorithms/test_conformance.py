"""What the engine relies on, for every registered algorithm, wherever it comes from."""

from itertools import pairwise

import numpy as np
import pytest

from archsim import plugins
from archsim.analog.algorithms import TileOutline, TileSite, kind_of
from archsim.analog.observed import Counts
from archsim.analog.specification import SoftBounds
from archsim.errors import InputError
from archsim.specification import Specification
from tests.analog.algorithms.tiles import SOFT, preset, settings_of_every_kind, tile
from tests.analog.crossbars import DEFAULTS

#: Three of seven lines at a time: a transfer may begin in one pass over the lines and end in the next.
SEVERAL = {
    f"{name}, three lines": preset(name).model_copy(update={"n_reads_per_transfer": 3, "transfer_every": 3.0})
    for name in ("c-ttv2", "agad")
}
ALL = settings_of_every_kind() | SEVERAL
OUTPUTS, INPUTS, MINI_BATCH = 5, 7, 4
DEVICE = SoftBounds(dw_min=0.004, w_max_dtod=0.1, w_min_dtod=0.1)
CERTAIN = DEVICE.model_copy(update={"dw_min_std": 0.0})


def noisy(settings, **changes):
    return tile(settings, OUTPUTS, INPUTS, DEVICE, mini_batch=MINI_BATCH, io=DEFAULTS["io"], **changes)


def block(vectors, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (vectors, INPUTS)).astype(np.float32)
    return x, rng.normal(0, 0.3, (vectors, OUTPUTS)).astype(np.float32)


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(params=ALL, ids=str)
def settings(request):
    return ALL[request.param]


def test_settings_belong_to_a_registered_kind(settings):
    assert isinstance(settings, Specification)
    kind = kind_of(settings)
    assert plugins.load("archsim.algorithm_kinds", settings.kind) is kind
    assert type(settings) is kind.Settings
    assert kind.Settings.model_validate(settings.model_dump()) == settings
    assert type(kind.arrays(settings)) is int
    assert kind.arrays(settings) >= 1


def test_it_asks_for_the_crossbars_that_it_said(settings):
    asked = []

    def make_crossbar(index, device=None, update=None, transfer_io=None, transfer_update=None):
        asked.append(index)
        return noisy(ALL["analog-sgd"])._last

    kind_of(settings)(settings, TileSite(OUTPUTS, INPUTS, MINI_BATCH, make_crossbar, seed=1, identity=0))
    assert sorted(asked) == list(range(kind_of(settings).arrays(settings)))


def test_shapes_and_what_is_seen(settings):
    array = noisy(settings)
    assert not array.weights.any()
    matrix = np.random.default_rng(0).uniform(-0.5, 0.5, (OUTPUTS, INPUTS)).astype(np.float32)
    array.program(matrix)
    np.testing.assert_array_equal(array.weights, matrix)
    assert array.weights.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        array.weights[0, 0] = 1.0
    x, d = block(30)
    before = array.state()
    assert array.forward(x, 0).values.shape == (30, OUTPUTS)
    assert array.backward(d, 0).values.shape == (30, INPUTS)
    for found, exact in ((array.forward(x, 0).values, x @ matrix.T), (array.backward(d, 0).values, d @ matrix)):
        # Read noise of 0.06 beside outputs of 0.3 or more, over 150 or more of them: an error of the slope of 0.02.
        assert (found * exact).sum() / (exact * exact).sum() == pytest.approx(1.0, abs=0.1)
        assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.95
    equal(array.state(), before)
    snapshot = array.forward(x, 0, purpose=6, weights=np.zeros_like(matrix)).values
    assert np.abs(snapshot).mean() < np.abs(array.forward(x, 0, purpose=6).values).mean()
    assert 0.0 <= array.saturated() <= 1.0


def test_reads_without_noise_are_products(settings):
    array = tile(settings, OUTPUTS, INPUTS, DEVICE, mini_batch=MINI_BATCH)
    matrix = np.random.default_rng(0).uniform(-0.5, 0.5, (OUTPUTS, INPUTS)).astype(np.float32)
    array.program(matrix)
    x, d = block(30)
    # Hardware-aware training reads modified weights: 5 % of the largest, in each of seven or five terms.
    tolerance = 6 * 0.05 * 0.5 * np.sqrt(INPUTS) if getattr(settings, "modifier", None) is not None else 1e-5
    np.testing.assert_allclose(array.forward(x, 0).values, x @ matrix.T, atol=tolerance)
    np.testing.assert_allclose(array.backward(d, 0).values, d @ matrix, atol=tolerance)
    snapshot = array.forward(x, 0, purpose=6, weights=2 * matrix).values
    np.testing.assert_allclose(snapshot, 2 * x @ matrix.T, atol=1e-5)


def test_work_is_counted_in_whole_numbers(settings):
    array = noisy(settings)
    x, d = block(20)
    work = array.update(x, d, 0.1, 0)
    assert isinstance(work, Counts)
    for name in Counts.__dataclass_fields__:
        assert type(getattr(work, name)) is int, name
        assert getattr(work, name) >= 0, name


def test_an_empty_block_changes_nothing(settings):
    array = noisy(settings)
    array.update(*block(9), 0.1, 0)
    before = array.state()
    x, d = block(0)
    assert array.update(x, d, 0.1, 9) == Counts()
    assert array.forward(x, 9).values.shape == (0, OUTPUTS)
    assert array.backward(d, 9).values.shape == (0, INPUTS)
    equal(array.state(), before)


@pytest.mark.parametrize("at", [1, 6, 13])
def test_it_goes_on_from_any_vector_as_if_it_had_not_stopped(settings, at):
    x, d = block(60)
    through, first, second = (noisy(settings) for _ in range(3))
    for array in (through, first):
        array.update(x[:at], d[:at], 0.1, 0)
    # What was seen before must not be what is seen afterwards.
    second.forward(x, 0)
    second.restore(first.state())
    np.testing.assert_array_equal(second.weights, through.weights)
    assert through.update(x[at:], d[at:], 0.1, at) == second.update(x[at:], d[at:], 0.1, at)
    equal(through.state(), second.state())
    np.testing.assert_array_equal(through.forward(x, 60).values, second.forward(x, 60).values)
    np.testing.assert_array_equal(through.backward(d, 60).values, second.backward(d, 60).values)


def test_it_does_not_matter_how_a_run_is_cut_into_calls(settings):
    # The noise of pulses belongs to the calls that send them; all else belongs to vectors.
    x, d = block(41)
    whole, cut = (tile(settings, OUTPUTS, INPUTS, CERTAIN, mini_batch=MINI_BATCH, io=DEFAULTS["io"]) for _ in range(2))
    total = whole.update(x, d, 0.1, 0)
    bounds = [0, 1, 2, 9, 10, 30, 41]
    parts = [cut.update(x[a:b], d[a:b], 0.1, a) for a, b in pairwise(bounds)]
    equal(whole.state(), cut.state())
    for name in Counts.__dataclass_fields__:
        assert getattr(total, name) == sum(getattr(part, name) for part in parts), name


def transfers_every(settings, device=DEVICE):
    """Return after how many vectors the transfers fall due that may be apart from updates."""
    outline = TileOutline(OUTPUTS, INPUTS, MINI_BATCH, device, DEFAULTS["update"], DEFAULTS["io"])
    return [part.every for part in kind_of(settings).expected(settings, outline).transfers]


def test_transfers_apart_are_those_of_updates_bit_by_bit(settings):
    every = max(transfers_every(settings), default=3)
    x, d = block(20 * every)
    fused, apart = noisy(settings), noisy(settings)
    for first in range(0, len(x), every):
        here = slice(first, first + every)
        rate = 0.1 / (1 + first)
        total = fused.update(x[here], d[here], rate, first)
        done = apart.apply_gradients(x[here], d[here], rate, first)
        assert apart.due == len(transfers_every(settings))
        done += apart.transfer(rate)
        assert done == total
        assert apart.due == fused.due == 0
    equal(fused.state(), apart.state())
    np.testing.assert_array_equal(fused.forward(x, 90).values, apart.forward(x, 90).values)


def test_transfers_wait_until_they_are_asked_for(settings):
    array = noisy(settings)
    for every in transfers_every(settings):
        x, d = block(3 * every)
        done = array.apply_gradients(x, d, 0.1, 0)
        assert done.transfer_reads == done.input_writes == done.output_writes == done.transfer_slots == 0
        assert array.due == 3
        stopped = noisy(settings)
        stopped.restore(array.state())
        assert stopped.due == 3
        work = array.transfer(0.1)
        assert work.transfer_slots >= 1
        assert work == stopped.transfer(0.1)
        equal(array.state(), stopped.state())
    before = array.state()
    assert (array.due, array.transfer(0.1)) == (0, Counts())
    equal(array.state(), before)


def test_the_seed_decides(settings):
    x, d = block(60)
    states = []
    for seed in (5, 5, 6):
        array = noisy(settings, seed=seed)
        array.update(x, d, 0.1, 0)
        states.append(array.state())
    equal(states[0], states[1])
    if settings.kind not in ("digital-sgd", "hardware-aware"):
        assert any((states[0][name] != states[2][name]).any() for name in states[0])


def test_programming_begins_anew(settings):
    x, d = block(60)
    array, fresh = noisy(settings), noisy(settings)
    array.update(x, d, 0.1, 0)
    for one in (array, fresh):
        one.program(np.full((OUTPUTS, INPUTS), 0.1))
    equal(array.state(), fresh.state())


def test_a_state_of_something_else_is_refused_as_a_whole(settings):
    array = noisy(settings)
    array.update(*block(20), 0.1, 0)
    before = array.state()
    other = tile(settings, OUTPUTS, INPUTS + 1, SOFT).state()
    for wrong in ({}, other, {**before, "more": np.zeros(1)}):
        with pytest.raises(InputError):
            array.restore(wrong)
        equal(array.state(), before)


def test_bad_numbers_change_nothing(settings):
    array = noisy(settings)
    x, d = block(20)
    before = array.state()
    for bad in (np.nan, np.inf):
        for wrong in (x, d):
            spoiled = wrong.copy()
            spoiled[-1, -1] = bad
            pair = (spoiled, d) if wrong is x else (x, spoiled)
            with pytest.raises(InputError):
                array.update(*pair, 0.1, 0)
    with pytest.raises(InputError):
        array.update(x[:, 1:], d, 0.1, 0)
    with pytest.raises(InputError):
        array.update(x[1:], d, 0.1, 0)
    with pytest.raises(InputError):
        array.update(x, d, np.nan, 0)
    equal(array.state(), before)


def test_it_takes_any_layout_of_its_inputs(settings):
    x, d = block(24)
    plain, odd = noisy(settings), noisy(settings)
    plain.update(x, d, 0.1, 0)
    odd.update(np.asfortranarray(x.astype(np.float64)), np.repeat(d, 2, axis=0)[::2].tolist(), 0.1, 0)
    equal(plain.state(), odd.state())


def test_one_cell_is_enough(settings):
    array = tile(settings, 1, 1, SOFT, mini_batch=MINI_BATCH)
    array.update(np.ones((30, 1)), np.ones((30, 1)), 0.1, 0)
    assert np.isfinite(array.weights).all()


def left_of_a_quadratic(settings, seed):
    """Return the mean-squared error of a linear map after 3,000 steps, relative to that before them."""
    array = tile(settings, 2, 3, SOFT, mini_batch=1, seed=seed)
    target = np.array([[0.3, -0.2, 0.1], [-0.3, 0.1, 0.2]])
    rng = np.random.default_rng(3)
    first = ((array.weights - target) ** 2).sum()
    errors = []
    for k in range(3000):
        x = rng.choice([-1.0, 1.0], (1, 3))
        d = array.forward(x, k).values - x @ target.T
        array.update(x, d, 0.3, k)
        errors.append(((array.weights - target) ** 2).sum())
    return np.mean(errors[-500:]) / first


def test_it_goes_down_a_quadratic(settings):
    """Numbers chosen for large layers are slow on one of six cells.

    The slowest leaves 0.66 with a deviation of 0.1 over seeds: of twelve the mean is beyond the limit once in 1,000.
    """
    seeds = range(8, 20) if settings == ALL["c-ttv2"] else [8]
    assert np.mean([left_of_a_quadratic(settings, seed) for seed in seeds]) < 0.75
