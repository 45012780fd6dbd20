"""Pulse trains and pulses against the twin, bit for bit, on every instruction set."""

import importlib

import numpy as np
import pytest

from archsim._core import UPDATE_CELL, UPDATE_D, UPDATE_X
from archsim._core.cpu import supported
from archsim.analog import reference
from archsim.analog.devices import populate
from archsim.analog.reference.trains import SIGN
from archsim.analog.specification import ConstantStep, LinearStep, SoftBounds, UpdateParameters

KEY, CROSSBAR, FIRST = 2**60 + 5, 3, 2**32 - 3


@pytest.fixture(params=supported())
def kernels(request):
    return importlib.import_module(f"archsim._core.{request.param}")


class Trains:
    """The core's trains of a block."""

    def __init__(self, kernels, update, granularity, x, d, rate, first=FIRST):
        self.kernels = kernels
        self.x = np.zeros(x.shape, np.uint32), np.zeros(x.shape, np.uint32), np.zeros(len(x), np.int32)
        self.d = np.zeros(d.shape, np.uint32), np.zeros(d.shape, np.uint32), np.zeros(len(d), np.int32)
        rules = kernels.PulseRules(
            desired_bl=update.desired_bl,
            management=update.update_management,
            bl_management=update.update_bl_management,
            granularity=granularity,
            um_grad_scale=update.um_grad_scale,
        )
        self.totals = kernels.pulse_trains(
            rules, x, d, rate, KEY, CROSSBAR, UPDATE_X, UPDATE_D, first, *self.x, *self.d
        )

    def dense(self, side):
        lines, trains, count = side
        dense = np.zeros(lines.shape, np.uint32)
        for v, n in enumerate(count):
            assert (np.diff(lines[v, :n].astype(int)) > 0).all()
            assert (trains[v, :n] & (SIGN - 1) != 0).all()
            dense[v, lines[v, :n]] = trains[v, :n]
        return dense

    def apply(self, weights, population, begin=0, end=None, first=FIRST):
        return self.kernels.apply_trains(
            weights,
            population.cells,
            population.deviation,
            population.multiplicative,
            *self.x,
            *self.d,
            len(self.x[2]),
            begin,
            len(weights) if end is None else end,
            KEY,
            CROSSBAR,
            UPDATE_CELL,
            first,
        )


def some(rng, *shape):
    return (rng.uniform(-1, 1, shape) * rng.exponential(1.0, shape)).astype(np.float32)


def pulses_only(trains):
    return np.where(trains & (SIGN - 1), trains, 0)


UPDATES = {
    "default": UpdateParameters(),
    "short": UpdateParameters(desired_bl=5),
    "one": UpdateParameters(desired_bl=1),
    "fixed length": UpdateParameters(update_bl_management=False),
    "unmanaged": UpdateParameters(update_bl_management=False, update_management=False, desired_bl=10),
    "scaled": UpdateParameters(um_grad_scale=0.5),
}


@pytest.mark.parametrize("rate", [0.0, 1e-4, 0.01, 0.5, 20.0, -0.01])
@pytest.mark.parametrize("name", UPDATES)
def test_trains_equal_the_twins(kernels, name, rate):
    rng = np.random.default_rng(8)
    x, d = some(rng, 6, 150), some(rng, 6, 37)
    x[1, ::2] = 0.0
    x[2] = 0.0
    d[3] = 0.0
    trains = Trains(kernels, UPDATES[name], 0.002, x, d, rate)
    xs, ds, slots = reference.pulse_trains(
        UPDATES[name], 0.002, x, d, rate, key=KEY, crossbar=CROSSBAR, first_vector=FIRST
    )
    np.testing.assert_array_equal(trains.dense(trains.x), pulses_only(xs))
    np.testing.assert_array_equal(trains.dense(trains.d), pulses_only(ds))
    bits = [sum(int(t & (SIGN - 1)).bit_count() for t in side.ravel()) for side in (xs, ds)]
    assert trains.totals[:3] == (slots, *bits)
    assert trains.totals[3] == int((trains.x[2] * trains.d[2]).sum())


DEVICES = {
    "constant": ConstantStep(dw_min=0.01),
    "linear": LinearStep(dw_min=0.01, gamma_up=0.3, gamma_down=0.5),
    "linear, additive": LinearStep(dw_min=0.01, gamma_up=0.3, mult_noise=False, mean_bound_reference=False),
    "soft": SoftBounds(dw_min=0.01),
    "soft, additive, noisy": SoftBounds(dw_min=0.02, dw_min_std=5.0, mult_noise=False),
    "soft, quiet": SoftBounds(dw_min=0.01, dw_min_std=0.0),
}


@pytest.mark.parametrize("rate", [0.002, 0.1, 3.0])
@pytest.mark.parametrize("name", DEVICES)
def test_pulses_equal_the_twins(kernels, name, rate):
    rng = np.random.default_rng(9)
    outputs, inputs = 23, 71
    population = populate(DEVICES[name], outputs, inputs, CROSSBAR, 11)
    x, d = some(rng, 5, inputs), some(rng, 5, outputs)
    weights = rng.uniform(-0.3, 0.3, (outputs, inputs)).astype(np.float32)
    update = UpdateParameters()
    xs, ds, _ = reference.pulse_trains(
        update, population.granularity, x, d, rate, key=KEY, crossbar=CROSSBAR, first_vector=FIRST
    )
    expected, pulses = reference.apply_trains(
        weights, population, xs, ds, key=KEY, crossbar=CROSSBAR, first_vector=FIRST
    )
    trains = Trains(kernels, update, population.granularity, x, d, rate)
    split = weights.copy()
    assert trains.apply(weights, population) == pulses
    np.testing.assert_array_equal(weights.view(np.uint32), expected.view(np.uint32))
    assert sum(trains.apply(split, population, *part) for part in [(0, 4), (4, 5), (5, 5), (5, outputs)]) == pulses
    np.testing.assert_array_equal(split, weights)
    assert pulses > 0


def test_many_events_in_one_vector(kernels):
    population = populate(SoftBounds(dw_min=0.01), 60, 70, CROSSBAR, 1)
    x, d = np.ones((2, 70), np.float32), np.ones((2, 60), np.float32)
    weights = np.zeros((60, 70), np.float32)
    xs, ds, _ = reference.pulse_trains(
        UpdateParameters(), 0.01, x, d, 0.1, key=KEY, crossbar=CROSSBAR, first_vector=FIRST
    )
    expected, pulses = reference.apply_trains(
        weights, population, xs, ds, key=KEY, crossbar=CROSSBAR, first_vector=FIRST
    )
    assert Trains(kernels, UpdateParameters(), 0.01, x, d, 0.1).apply(weights, population) == pulses
    np.testing.assert_array_equal(weights, expected)


def test_vectors_one_by_one_are_the_same_as_a_block(kernels):
    rng = np.random.default_rng(10)
    population = populate(SoftBounds(dw_min=0.01), 12, 40, CROSSBAR, 2)
    x, d = some(rng, 6, 40), some(rng, 6, 12)
    block = np.zeros((12, 40), np.float32)
    Trains(kernels, UpdateParameters(), 0.01, x, d, 0.1).apply(block, population)
    single = np.zeros((12, 40), np.float32)
    for v in range(6):
        part = Trains(kernels, UpdateParameters(), 0.01, x[v : v + 1], d[v : v + 1], 0.1, FIRST + v)
        part.apply(single, population, first=FIRST + v)
    np.testing.assert_array_equal(block, single)


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


def test_wrong_shapes_are_refused(kernels):
    x, d = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    with pytest.raises(ValueError, match="same number"):
        Trains(kernels, UpdateParameters(), 0.01, x, d[:1], 0.1)
    with pytest.raises(ValueError, match="shapes"):
        kernels.exact_update(np.ones((3, 4), np.float32), x, d, 0.1, 0, 3)
    with pytest.raises(ValueError, match="range"):
        kernels.exact_update(np.ones((4, 3), np.float32), x, d, 0.1, 0, 5)
    trains = Trains(kernels, UpdateParameters(), 0.01, x, d, 0.1)
    with pytest.raises(ValueError, match="fit"):
        trains.apply(np.ones((5, 3), np.float32), populate(SoftBounds(), 5, 3, 0, 0))
    with pytest.raises(ValueError, match="cells"):
        trains.apply(np.ones((4, 3), np.float32), populate(SoftBounds(), 5, 3, 0, 0))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(kernels, bad):
    x, d = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    assert kernels.all_finite(x)
    for broken in ((x * np.float32(bad), d, 0.1), (x, d * np.float32(bad), 0.1), (x, d, bad)):
        with pytest.raises(ValueError, match="finite"):
            Trains(kernels, UpdateParameters(), 0.01, *broken)
    assert not kernels.all_finite(x * np.float32(bad))
