"""Pulse trains and pulses against the twin, bit for bit, on every instruction set."""

import functools

import numpy as np
import pytest

from archsim._core import UPDATE_CELL, UPDATE_D, UPDATE_X
from archsim.analog import reference
from archsim.analog.specification import UpdateParameters

from .families import SETTINGS, make_cells, make_law, make_response, make_rules
from .instruction_sets import ALL, load

KEY, CROSSBAR, FIRST = 2**60 + 5, 3, 2**32 - 3
STEP = 0.004


@pytest.fixture(params=ALL)
def kernels(request):
    return load(request.param)


def some(rng, *shape):
    return (rng.uniform(-1, 1, shape) * rng.exponential(1.0, shape)).astype(np.float32)


def draw(kernels, update, x, d, rate, step=STEP, first=FIRST):
    """Return the core's trains of a block, and what was counted."""
    trains = kernels.Trains(d.shape[1], x.shape[1])
    counted = trains.draw(make_rules(kernels, update, step), x, d, rate, KEY, CROSSBAR, UPDATE_X, UPDATE_D, first)
    return trains, counted


def send(kernels, trains, law, cells, weights, visible=None, direction="both", part=None, first=FIRST):
    begin, end = part or (0, len(weights))
    response = make_response(kernels, law)
    return kernels.apply_trains(
        trains, response, weights, visible, cells, direction, begin, end, KEY, CROSSBAR, UPDATE_CELL, first
    )


UPDATES = {
    "default": UpdateParameters(),
    "short": UpdateParameters(desired_bl=5),
    "one": UpdateParameters(desired_bl=1),
    "one word": UpdateParameters(desired_bl=32),
    "fixed length": UpdateParameters(update_bl_management=False, desired_bl=12),
    "unmanaged": UpdateParameters(update_bl_management=False, update_management=False, desired_bl=10),
    "scaled": UpdateParameters(um_grad_scale=0.5),
    "long": UpdateParameters(desired_bl=1024),
    "rounded": UpdateParameters(res=0.05),
    "shared": UpdateParameters(pulse_type="stochastic-reuse"),
    "shared, short": UpdateParameters(pulse_type="stochastic-reuse", desired_bl=3),
    "mean count": UpdateParameters(pulse_type="mean-count"),
    "mean count, rounded": UpdateParameters(pulse_type="mean-count", res=0.1, desired_bl=7),
    "implicit": UpdateParameters(pulse_type="deterministic-implicit"),
    "implicit, rounded": UpdateParameters(
        pulse_type="deterministic-implicit", x_res_implicit=0.1, d_res_implicit=0.25, update_bl_management=False
    ),
}
RATES = [0.0, 1e-4, 0.004, 0.03, 0.2, 20.0, -0.01]


def block():
    rng = np.random.default_rng(8)
    x, d = some(rng, 6, 150), some(rng, 6, 37)
    x[1, ::2] = 0.0
    x[2] = 0.0
    d[3] = 0.0
    x[4, 64:128] = 0.0
    return x, d


@functools.cache
def expected_trains(name, rate):
    x, d = block()
    return reference.pulse_trains(UPDATES[name], STEP, x, d, rate, key=KEY, crossbar=CROSSBAR, first_vector=FIRST)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", UPDATES)
def test_trains_equal_the_twins(kernels, name, rate):
    expected = expected_trains(name, rate)
    trains, counted = draw(kernels, UPDATES[name], *block(), rate)
    assert counted == (expected.slots, expected.x_pulses, expected.d_pulses, int(sum(expected.coincidences)))
    assert (expected.slots > 0) == (rate != 0)
    x_on, x_sign, d_on, d_sign = trains.words()
    for found, wanted in [(x_on, expected.x_on), (d_on, expected.d_on), (x_sign, expected.x_sign)]:
        np.testing.assert_array_equal(found, np.reshape(wanted, found.shape))
    np.testing.assert_array_equal(d_sign, np.reshape(expected.d_sign, d_sign.shape))


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize(("outputs", "inputs"), [(6, 25), (16, 33), (32, 80), (1, 1)])
def test_lines_do_not_see_how_many_others_there_are(kernels, name, outputs, inputs):
    rng = np.random.default_rng(9)
    x, d = some(rng, 5, inputs), some(rng, 5, outputs)
    more_x, more_d = (np.pad(values, ((0, 0), (0, 150 - values.shape[1]))) for values in (x, d))
    few, counted = draw(kernels, UPDATES[name], x, d, 0.2)
    many, expected = draw(kernels, UPDATES[name], more_x, more_d, 0.2)
    assert counted == expected
    for found, wanted, lines in zip(few.words(), many.words(), (inputs, inputs, outputs, outputs), strict=True):
        np.testing.assert_array_equal(found, wanted[:, :lines])


@pytest.mark.parametrize("name", UPDATES)
def test_sides_may_be_drawn_by_themselves_in_any_order(kernels, name):
    x, d = block()
    together, counted = draw(kernels, UPDATES[name], x, d, 0.2)
    apart, rules = kernels.Trains(37, 150), make_rules(kernels, UPDATES[name], STEP)
    apart.prepare(rules, x, d, 0.2)
    for side in (1, 0):
        apart.fill(side, side + 1, rules, x, d, 0.2, KEY, CROSSBAR, UPDATE_X, UPDATE_D, FIRST)
    assert apart.finish() == counted
    for found, wanted in zip(apart.words(), together.words(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_several_vectors_share_a_word_and_long_trains_take_several(kernels):
    x, d = block()
    words = {name: len(draw(kernels, UPDATES[name], x, d, 0.2)[0].words()[0]) for name in ("one", "short", "long")}
    assert words["one"] == words["short"] == 1  # four vectors of 1 or of 5 slots
    lengths = [int(np.ceil(0.2 * np.abs(a).max() * np.abs(b).max() / STEP)) for a, b in zip(x, d, strict=True)]
    assert words["long"] == sum(-(-length // 32) for length in lengths)
    assert max(lengths) > 64


def test_exact_numbers_of_pulses_are_taken_as_they_are(kernels):
    trains = kernels.Trains(3, 5)
    counts = np.array([[2, 0, -31], [0, 0, 0], [1, -1, 3]], np.int32)
    assert trains.take(np.array([4, 0, 2], np.int32), counts) == (31 + 0 + 3, 34, 38)
    x_on, x_sign, d_on, d_sign = trains.words()
    np.testing.assert_array_equal(x_on[[0, 2], [4, 2]], [2**31 - 1, 7])
    assert np.count_nonzero(x_on) == 2
    assert not x_sign.any()
    np.testing.assert_array_equal(d_on, [[3, 0, 2**31 - 1], [0, 0, 0], [1, 1, 7]])
    np.testing.assert_array_equal(d_sign != 0, counts > 0)
    weights = np.zeros((3, 5), np.float32)
    law, cells = make_law("constant", deviation=0.0), np.tile(np.array([-1.0, 1.0, 0.01, -0.02], np.float32), (15, 1))
    assert send(kernels, trains, law, cells, weights) == 38
    exact = np.zeros((3, 5))
    exact[:, 4], exact[:, 2] = [0.02, 0.0, -0.62], [0.01, -0.02, 0.03]
    np.testing.assert_allclose(weights, exact, atol=1e-6)


#: How trains are made, vectors, outputs, inputs, and the wanted pulses of a typical cell that is reached.
BLOCKS = {
    "single slots": (UPDATES["one"], 5, 66, 30, 1.0),
    "few slots, few cells": (UpdateParameters(desired_bl=4), 6, 66, 30, 0.15),
    "many slots, few cells": (UpdateParameters(), 3, 10, 70, 0.8),
    "one word of many vectors": (UpdateParameters(desired_bl=3), 9, 66, 20, 8.0),
    "words of one vector": (UpdateParameters(), 3, 6, 130, 20.0),
    "more words than an aggregate takes": (UpdateParameters(), 19, 5, 20, 20.0),
    "words of both sorts": (UpdateParameters(desired_bl=12), 9, 6, 70, 4.0),
    "trains of several words": (UpdateParameters(desired_bl=80, update_bl_management=False), 3, 5, 20, 20.0),
    "shared numbers": (UPDATES["shared"], 4, 6, 70, 6.0),
    "mean counts": (UPDATES["mean count"], 4, 6, 70, 6.0),
    "implicit counts": (UPDATES["implicit"], 4, 6, 70, 31.0),
}


@functools.cache
def pulses_of(family, name, exact, direction, seen, fine, sparse):
    """Return what a block meets, and what the twin makes of it."""
    update, vectors, outputs, inputs, wanted = BLOCKS[name]
    step = STEP / 8 if fine else STEP
    rng = np.random.default_rng(9)
    law = make_law(family, exact=exact, write_noise=0.01 if seen else 0.0)
    cells = make_cells(family, outputs * inputs, step, rng)
    weights = np.clip(rng.uniform(-0.6, 0.6, outputs * inputs), cells[:, 0], cells[:, 1]).astype(np.float32)
    weights = weights.reshape(outputs, inputs)
    x, d = rng.uniform(-1, 1, (vectors, inputs)), rng.uniform(-1, 1, (vectors, outputs))
    if sparse:
        x[:, rng.random(inputs) < 0.5] = 0.0
        d[:, rng.random(outputs) < 0.2] = 0.0
    given = x.astype(np.float32), d.astype(np.float32), wanted * step, step
    trains = reference.pulse_trains(update, step, *given[:2], given[2], key=KEY, crossbar=CROSSBAR, first_vector=FIRST)
    after, visible = weights.copy(), weights.copy() if seen else None
    walk = reference.Walk(law, cells, after, visible, direction)
    pulses = walk.apply(trains, key=KEY, crossbar=CROSSBAR, purpose=UPDATE_CELL, first_vector=FIRST)
    if sparse:
        assert trains.crowded()
        assert len(trains.rows()) < inputs
    return law, cells, weights, given, after, visible, pulses


def check_pulses(kernels, family, name, *, exact=False, direction="both", seen=False, fine=False, sparse=False):
    law, cells, weights, given, after, visible, pulses = pulses_of(family, name, exact, direction, seen, fine, sparse)
    weights = weights.copy()
    shown = weights.copy() if seen else None
    trains, _ = draw(kernels, BLOCKS[name][0], *given)
    assert send(kernels, trains, law, cells, weights, shown, direction) == pulses > 0
    np.testing.assert_array_equal(weights.view(np.uint32), after.view(np.uint32))
    if seen:
        np.testing.assert_array_equal(shown.view(np.uint32), visible.view(np.uint32))
        assert (shown != weights).any()


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("family", SETTINGS)
def test_aggregates_equal_the_twins(kernels, family, name):
    """Of cells near bounds, or with steep steps, many may not aggregate; these are done after the others."""
    check_pulses(kernels, family, name)


@pytest.mark.parametrize("name", ["many slots, few cells", "one word of many vectors", "words of both sorts"])
@pytest.mark.parametrize("family", SETTINGS)
def test_aggregates_of_small_steps_equal_the_twins(kernels, family, name):
    check_pulses(kernels, family, name, fine=True)


@pytest.mark.parametrize("name", ["few slots, few cells", "one word of many vectors", "words of both sorts"])
@pytest.mark.parametrize("family", SETTINGS)
def test_pulses_one_by_one_equal_the_twins(kernels, family, name):
    check_pulses(kernels, family, name, exact=True)


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", ["one word of many vectors", "words of both sorts"])
@pytest.mark.parametrize("family", SETTINGS)
def test_lines_that_no_vector_reaches_are_left_out_as_in_the_twin(kernels, family, name, exact, seen):
    check_pulses(kernels, family, name, exact=exact, seen=seen, sparse=True)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("direction", ["up", "down-as-up"])
@pytest.mark.parametrize("name", ["single slots", "few slots, few cells", "words of both sorts", "mean counts"])
def test_pulses_of_one_direction_equal_the_twins(kernels, name, direction, exact):
    check_pulses(kernels, "affine", name, exact=exact, direction=direction)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    "name", ["single slots", "few slots, few cells", "one word of many vectors", "words of both sorts"]
)
def test_what_reads_see_equals_the_twins(kernels, name, exact):
    check_pulses(kernels, "affine", name, exact=exact, seen=True)


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("exact", [False, True])
def test_more_pairs_than_a_list_holds(kernels, length, exact):
    """The order of the noise does not depend on how many lanes fill a list."""
    rng = np.random.default_rng(10)
    outputs, inputs, step = 64, 203, 0.01
    law, cells = make_law("affine", exact=exact), make_cells("affine", 64 * 203, step, rng)
    x, d = np.ones((1, inputs), np.float32), np.ones((1, outputs), np.float32)
    x[0, ::3], d[0, ::5] = 0.7, 0.4
    update, rate = UpdateParameters(desired_bl=length, update_bl_management=False), step * 0.63
    weights = rng.uniform(-0.4, 0.4, (outputs, inputs)).astype(np.float32)
    after = weights.copy()
    trains = reference.pulse_trains(update, step, x, d, rate, key=KEY, crossbar=CROSSBAR, first_vector=FIRST)
    walk = reference.Walk(law, cells, after, None)
    pulses = walk.apply(trains, key=KEY, crossbar=CROSSBAR, purpose=UPDATE_CELL, first_vector=FIRST)
    assert 4096 < pulses < 0.7 * outputs * inputs
    found, _ = draw(kernels, update, x, d, rate, step)
    assert send(kernels, found, law, cells, weights) == pulses
    np.testing.assert_array_equal(weights, after)


@pytest.mark.parametrize("family", SETTINGS)
@pytest.mark.parametrize("rate", [0.3, 3.0, 40.0])
def test_instruction_sets_give_equal_bits(kernels, family, rate):
    rng = np.random.default_rng(11)
    outputs, inputs = 130, 301
    law, cells = make_law(family, write_noise=0.003), make_cells(family, outputs * inputs, STEP, rng)
    x, d = some(rng, 12, inputs), some(rng, 12, outputs)
    start = np.clip(rng.uniform(-0.6, 0.6, outputs * inputs), cells[:, 0], cells[:, 1]).astype(np.float32)
    results = []
    for these in (load("baseline"), kernels):
        weights, visible = start.reshape(outputs, inputs).copy(), np.zeros((outputs, inputs), np.float32)
        trains, counted = draw(these, UpdateParameters(desired_bl=20), x, d, rate * STEP)
        pulses = send(these, trains, law, cells, weights, visible)
        results.append((counted, pulses, weights.tobytes(), visible.tobytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize("family", ["affine", "piecewise"])
@pytest.mark.parametrize("rate", [0.3, 20.0])
def test_ranges_of_outputs_are_independent(kernels, family, rate):
    rng = np.random.default_rng(12)
    outputs, inputs = 150, 80
    law, cells = make_law(family), make_cells(family, outputs * inputs, STEP, rng)
    x, d = some(rng, 5, inputs), some(rng, 5, outputs)
    trains, _ = draw(kernels, UpdateParameters(), x, d, rate * STEP)
    whole, parts = np.zeros((2, outputs, inputs), np.float32)
    pulses = send(kernels, trains, law, cells, whole)
    ranges = [(128, 150), (0, 64), (64, 64), (64, 128)]
    assert sum(send(kernels, trains, law, cells, parts, part=part) for part in ranges) == pulses > 0
    np.testing.assert_array_equal(parts, whole)


def test_a_cell_at_its_bound_stays_there(kernels):
    """The slope of a power step below a square root is infinite at the bound."""
    for gamma in (0.1, 0.5, 1.0, 2.0):
        cells = np.zeros((4, 8), np.float32)
        cells[:, :7] = -0.6, 0.6, 0.001, -0.001, gamma, gamma, 1 / 1.2
        trains = kernels.Trains(2, 2)
        trains.take(np.array([0, 1], np.int32), np.array([[-1, -2], [-3, -1]], np.int32))
        for side in (-1, 1):
            weights = np.full((2, 2), side * 0.6, np.float32)
            send(kernels, trains, make_law("power"), cells, weights)
            assert np.abs(weights - side * 0.6).max() < 0.02


def test_refused_trains_leave_no_pulses_behind(kernels):
    law, cells = make_law("constant"), np.tile(np.array([-1.0, 1.0, 0.01, -0.01], np.float32), (12, 1))
    trains = kernels.Trains(4, 3)
    for row, count, problem in [(3, 1, "input line"), (-1, 1, "input line"), (0, 32, "31"), (0, -(2**31), "31")]:
        with pytest.raises(ValueError, match=problem):
            trains.take(np.array([1, row], np.int32), np.array([[5] * 4, [count] * 4], np.int32))
        weights = np.zeros((4, 3), np.float32)
        assert send(kernels, trains, law, cells, weights) == 0
        assert not weights.any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 33, 65), (4, 10, 128), (3, 5, 200)])
def test_exact_update_equals_the_twin(kernels, shape):
    vectors, outputs, inputs = shape
    rng = np.random.default_rng(12)
    x, d, weights = some(rng, vectors, inputs), some(rng, vectors, outputs), some(rng, outputs, inputs)
    expected = reference.exact_update(weights, x, d, 0.37)
    exact = weights - 0.37 * d.astype(np.float64).T @ x.astype(np.float64)
    for begin, end in [(0, outputs // 2), (outputs // 2, outputs)]:
        kernels.exact_update(weights, x, d, 0.37, begin, end)
    np.testing.assert_array_equal(weights.view(np.uint32), expected.view(np.uint32))
    np.testing.assert_allclose(weights, exact, atol=1e-5)
