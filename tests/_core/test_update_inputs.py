"""What updates do with inputs of every sort: the right thing or a clear error, and nothing outside the arrays."""

import itertools
import signal

import numpy as np
import pytest

from archsim._core import UPDATE_CELL, UPDATE_D, UPDATE_X
from archsim.analog.specification import UpdateParameters

from .families import SETTINGS, make_cells, make_law, make_response, make_rules
from .guarded import guarded, status_of_child
from .instruction_sets import ALL, load

STEP = 0.004
#: Vectors, outputs and inputs: nothing, one cell, and what fills registers, groups and blocks of columns or does not.
EMPTY = [(0, 3, 4), (2, 0, 4), (2, 3, 0), (0, 0, 0)]
SHAPES = [(1, 1, 1), (2, 1, 7), (3, 9, 1), (2, 5, 15), (2, 3, 64), (9, 3, 65), (1, 70, 3), (4, 65, 33)]
SCHEMES = {
    "few": (UpdateParameters(desired_bl=2), 0.4),
    "some": (UpdateParameters(desired_bl=6), 3.0),
    "many": (UpdateParameters(), 40.0),
    "long": (UpdateParameters(desired_bl=70, update_bl_management=False), 30.0),
    "shared": (UpdateParameters(pulse_type="stochastic-reuse"), 4.0),
    "counted": (UpdateParameters(pulse_type="mean-count"), 9.0),
}


@pytest.fixture(params=ALL)
def kernels(request):
    return load(request.param)


def arrays(family, shape):
    vectors, outputs, inputs = shape
    rng = np.random.default_rng(shape)
    cells = make_cells(family, outputs * inputs, STEP, rng)
    weights = rng.uniform(-0.4, 0.4, (outputs, inputs)).astype(np.float32)
    x, d = rng.uniform(-1, 1, (vectors, inputs)), rng.uniform(-1, 1, (vectors, outputs))
    return x.astype(np.float32), d.astype(np.float32), weights, np.zeros_like(weights), cells


def run(kernels, law, scheme, x, d, weights, visible, cells):
    update, rate = SCHEMES[scheme]
    trains = kernels.Trains(*weights.shape)
    counted = trains.draw(make_rules(kernels, update, STEP), x, d, rate * STEP, 1, 2, UPDATE_X, UPDATE_D, 5)
    response = make_response(kernels, law)
    last = len(weights)
    pulses = kernels.apply_trains(trains, response, weights, visible, cells, "both", 0, last, 1, 2, UPDATE_CELL, 5)
    return counted, pulses


def take(kernels, law, rows, counts, weights, cells):
    trains = kernels.Trains(*weights.shape)
    trains.take(rows, counts)
    response = make_response(kernels, law)
    return kernels.apply_trains(trains, response, weights, None, cells, "both", 0, len(weights), 1, 2, UPDATE_CELL, 5)


@pytest.mark.parametrize("family", SETTINGS)
def test_nothing_outside_the_arrays_is_touched(kernels, family):
    """Every array ends, and then begins, at a page that may not be touched; the results are those of plain arrays."""
    law = make_law(family, write_noise=0.001)

    def everything():
        for shape, few_lines in itertools.product(SHAPES, (False, True)):
            plain = arrays(family, shape)
            if few_lines:
                plain[0][:, ::3] = plain[0][:, 1::3] = 0.0
            for scheme in SCHEMES:
                for exact in (False, True):
                    given = make_law(family, write_noise=0.001, exact=exact)
                    expected = [array.copy() for array in plain]
                    result = run(kernels, given, scheme, *expected)
                    for at_end in (True, False):
                        fenced = [guarded(array, at_end=at_end) for array in plain]
                        assert run(kernels, given, scheme, *fenced) == result
                        for one, other in zip(fenced, expected, strict=True):
                            np.testing.assert_array_equal(one, other)
            x, d, weights, _, cells = plain
            rows = np.arange(len(x), dtype=np.int32) % weights.shape[1]
            counts = np.rint(d * 31).astype(np.int32)
            expected = weights.copy()
            take(kernels, law, rows, counts, expected, cells)
            for at_end in (True, False):
                fenced = [guarded(array, at_end=at_end) for array in (rows, counts, weights, cells)]
                take(kernels, law, *fenced)
                np.testing.assert_array_equal(fenced[2], expected)

    assert status_of_child(everything) == 0


def test_exact_updates_and_checks_touch_nothing_outside_the_arrays(kernels):
    def everything():
        for shape in SHAPES:
            x, d, weights, *_ = arrays("constant", shape)
            for at_end in (True, False):
                fenced = [guarded(array, at_end=at_end) for array in (weights, x, d)]
                kernels.exact_update(*fenced, 0.1, 0, len(weights))
                assert all(kernels.all_finite(array) for array in fenced)

    assert status_of_child(everything) == 0


@pytest.mark.parametrize("step", [-1, 1])
def test_the_guard_bites(step):
    def touch():
        array = guarded(np.zeros(5, np.float32), at_end=step > 0)
        beyond = np.lib.stride_tricks.as_strided(array, (6,), (4 * step,))
        assert not beyond[-1] if step > 0 else np.lib.stride_tricks.as_strided(array, (2,), (-4,))[1] == 0

    assert status_of_child(touch) == -signal.SIGSEGV


@pytest.mark.parametrize("family", SETTINGS)
@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_nothing_makes_nothing(kernels, family, shape):
    given = arrays(family, shape)
    before = given[2].copy()
    for scheme in SCHEMES:
        assert run(kernels, make_law(family), scheme, *given) == ((0, 0, 0, 0), 0)
    np.testing.assert_array_equal(given[2], before)
    rows, counts = np.zeros(shape[0], np.int32), np.zeros((shape[0], shape[1]), np.int32)
    if shape[2] or not shape[0]:
        assert take(kernels, make_law(family), rows, counts, given[2], given[4]) == 0


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_zeros_make_no_pulses(kernels, rate):
    x, d, weights, _, cells = arrays("affine", (3, 5, 7))
    before = weights.copy()
    for zero_x, zero_d in [(0, 1), (1, 0), (0, 0)]:
        trains = kernels.Trains(5, 7)
        rules = make_rules(kernels, UpdateParameters(), STEP)
        assert trains.draw(rules, x * zero_x, d * zero_d, rate, 1, 2, UPDATE_X, UPDATE_D, 5) == (0, 0, 0, 0)
        response = make_response(kernels, make_law("affine"))
        assert kernels.apply_trains(trains, response, weights, None, cells, "both", 0, 5, 1, 2, UPDATE_CELL, 5) == 0
    np.testing.assert_array_equal(weights, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(kernels, bad):
    x, d, weights, _, cells = arrays("affine", (2, 4, 3))
    before, rules = weights.copy(), make_rules(kernels, UpdateParameters(), STEP)
    for where in ("x", "d", "rate"):
        one, other, rate = x.copy(), d.copy(), 0.1
        if where == "rate":
            rate = bad
        else:
            (one if where == "x" else other)[1, 2] = bad
        trains = kernels.Trains(4, 3)
        with pytest.raises(ValueError, match="finite"):
            trains.draw(rules, one, other, rate, 1, 2, UPDATE_X, UPDATE_D, 5)
        response = make_response(kernels, make_law("affine"))
        assert kernels.apply_trains(trains, response, weights, None, cells, "both", 0, 4, 1, 2, UPDATE_CELL, 5) == 0
        assert kernels.all_finite(one) == (where != "x")
    np.testing.assert_array_equal(weights, before)


@pytest.mark.parametrize("largest", [3e38, 1e-40])
def test_numbers_at_the_edge_of_single_precision_make_pulses(kernels, largest):
    x, d, weights, _, cells = arrays("constant", (1, 4, 3))
    trains = kernels.Trains(4, 3)
    rules = make_rules(kernels, UpdateParameters(), STEP)
    slots, *_ = trains.draw(rules, np.sign(x) * np.float32(largest), d, STEP / largest, 1, 2, UPDATE_X, UPDATE_D, 5)
    assert slots == 1
    response = make_response(kernels, make_law("constant"))
    kernels.apply_trains(trains, response, weights, None, cells, "both", 0, 4, 1, 2, UPDATE_CELL, 5)
    assert np.isfinite(weights).all()


def test_trains_that_are_not_all_drawn_make_no_pulses(kernels):
    x, d, weights, _, cells = arrays("affine", (2, 4, 3))
    rules, trains, before = make_rules(kernels, UpdateParameters(), STEP), kernels.Trains(4, 3), weights.copy()
    stream = 0.1, 1, 2, UPDATE_X, UPDATE_D, 5
    response = make_response(kernels, make_law("affine"))

    def pulses():
        return kernels.apply_trains(trains, response, weights, None, cells, "both", 0, 4, 1, 2, UPDATE_CELL, 5)

    trains.fill(0, 2, rules, x, d, *stream)
    assert trains.finish() == (0, 0, 0, 0)
    trains.prepare(rules, x, d, 0.1)
    assert pulses() == 0
    trains.fill(0, 1, rules, x, d, *stream)
    assert pulses() == 0
    np.testing.assert_array_equal(weights, before)
    for shapes in ((x[:1], d[:1]), (np.repeat(x, 2, axis=1), d), (x, np.repeat(d, 2, axis=1))):
        with pytest.raises(ValueError, match="other shapes"):
            trains.fill(0, 2, rules, *shapes, *stream)
    for sides in ((-1, 1), (1, 0), (0, 3)):
        with pytest.raises(ValueError, match="other shapes"):
            trains.fill(*sides, rules, x, d, *stream)
    trains.fill(1, 2, rules, x, d, *stream)
    trains.finish()
    assert pulses() > 0


def test_arrays_of_another_sort_are_refused(kernels):
    x, d, weights, visible, cells = arrays("affine", (2, 4, 3))
    rules, trains = make_rules(kernels, UpdateParameters(), STEP), kernels.Trains(4, 3)
    stream = 0.1, 1, 2, UPDATE_X, UPDATE_D, 5
    for broken in (x.astype(np.float64), np.repeat(x, 2, axis=1)[:, ::2], np.asfortranarray(x)):
        with pytest.raises(ValueError, match=r"contiguous|dtype"):
            trains.draw(rules, broken, d, *stream)
    for shapes in ((x, d[:1]), (x[:, :2], d), (x, d[:, :3])):
        with pytest.raises(ValueError, match="shapes"):
            trains.draw(rules, *(np.ascontiguousarray(array) for array in shapes), *stream)
    trains.draw(rules, x, d, *stream)
    response = make_response(kernels, make_law("affine"))

    def apply(weights=weights, visible=visible, cells=cells, begin=0, end=4):
        kernels.apply_trains(trains, response, weights, visible, cells, "both", begin, end, 1, 2, UPDATE_CELL, 5)

    for changes, problem in [
        ({"weights": np.zeros((5, 3), np.float32)}, "fit the weights"),
        ({"weights": weights.astype(np.float64)}, "dtype"),
        ({"weights": np.asfortranarray(weights)}, "contiguous"),
        ({"visible": np.zeros((4, 4), np.float32)}, "shape of the weights"),
        ({"cells": cells[:-1]}, "cells"),
        ({"cells": np.ascontiguousarray(cells[:, :7])}, "cells"),
        ({"begin": 1}, "range"),
        ({"end": 5}, "range"),
        ({"begin": -64}, "range"),
        ({"end": 3}, "range"),
    ]:
        with pytest.raises(ValueError, match=problem):
            apply(**changes)
    with pytest.raises(KeyError, match="sideways"):
        kernels.apply_trains(trains, response, weights, None, cells, "sideways", 0, 4, 1, 2, UPDATE_CELL, 5)
    for changes, problem in [((3, 4), "shapes"), ((4, 4), "shapes")]:
        with pytest.raises(ValueError, match=problem):
            kernels.exact_update(np.ones(changes, np.float32), x, d, 0.1, 0, 3)
    with pytest.raises(ValueError, match="range"):
        kernels.exact_update(weights, x, d, 0.1, 0, 5)


def test_rules_and_laws_that_make_no_sense_are_refused(kernels):
    for length in (0, 1025):
        with pytest.raises(ValueError, match="1 to 1024"):
            kernels.PulseRules(
                desired_bl=length, management=True, bl_management=True, granularity=STEP, um_grad_scale=1.0
            )
    with pytest.raises(ValueError, match="at most 31"):
        kernels.PulseRules(
            desired_bl=32,
            management=True,
            bl_management=True,
            granularity=STEP,
            um_grad_scale=1.0,
            scheme="mean-count",
        )
    for up, down in [(1, 1), (33, 33), (3, 4)]:
        nodes = {"nodes_up": np.ones(up, np.float32), "nodes_down": np.ones(down, np.float32)}
        with pytest.raises(ValueError, match="nodes"):
            kernels.Response("piecewise", exact=False, deviation=0.1, **nodes)
