"""Hardware-aware training of one array, and of a small network that must survive a day of drift."""

import numpy as np
import pytest

from archsim import plugins
from archsim.analog.algorithms import TileSite, TrainingArray, kind_of
from archsim.analog.specification import Ideal, IOParameters
from archsim.analog.specification.hardware_aware import (
    AddNormal,
    FixedValue,
    HardwareAwareSettings,
    LayerGaussian,
)
from archsim.errors import InputError

from .programmed import PERFECT, crossbar, matrix

CLEAN = HardwareAwareSettings(modifier=None, clip=None, weight_scaling_omega=0)
NOISY = HardwareAwareSettings(modifier=AddNormal(std_dev=0.1), clip=None, weight_scaling_omega=0)
RNG = np.random.default_rng(6)
X = RNG.uniform(-1, 1, (4, 6)).astype(np.float32)
D = RNG.uniform(-1, 1, (4, 5)).astype(np.float32)


def make(settings, *, outputs=5, inputs=6, mini_batch=4, **chain) -> TrainingArray:
    def make_crossbar(index, device=None, update=None, transfer_io=None, transfer_update=None):
        assert index == 0
        assert device == Ideal(), "updates are digital, whatever the chip's device is"
        return crossbar(inputs, outputs, **chain)

    array = kind_of(settings)(settings, TileSite(outputs, inputs, mini_batch, make_crossbar, seed=7, identity=0))
    array.program(0.5 * matrix(outputs, inputs))
    return array


def test_it_is_registered_by_name():
    assert plugins.load("archsim.algorithms", "hardware-aware")() == HardwareAwareSettings()


def test_without_modifiers_it_is_gradient_descent():
    array = make(CLEAN)
    weights = array.weights.copy()
    assert np.allclose(array.forward(X, 0).values, X @ weights.T, atol=1e-6)
    assert np.allclose(array.backward(D, 0).values, D @ weights, atol=1e-6)
    array.update(X, D, 0.1, 0)
    assert np.allclose(array.weights, weights - 0.1 * D.T @ X, atol=1e-6)
    assert array.saturated() == 0.0


def seen_by(array: TrainingArray) -> np.ndarray:
    return array.forward(np.eye(6, dtype=np.float32), 0).values.T


def test_reads_both_ways_see_the_same_modified_weights_and_updates_the_clean_ones():
    array = make(NOISY)
    clean = array.weights.copy()
    seen = seen_by(array)
    assert 0.01 < np.std(seen - clean) < 0.2
    assert np.allclose(array.backward(D, 0).values, D @ seen, atol=1e-6)
    assert np.array_equal(array.weights, clean)
    array.update(X, D, 0.1, 0)
    assert np.allclose(array.weights, clean - 0.1 * D.T @ X, atol=1e-6)


def test_a_snapshot_is_read_as_it_is():
    array = make(NOISY)
    read = array.forward(X, 0, purpose=6, weights=array.weights.copy())
    assert np.allclose(read.values, X @ array.weights.T, atol=1e-6)


def test_noise_is_fresh_for_each_mini_batch_and_not_within():
    array = make(NOISY, mini_batch=8)
    added = []
    for first in (0, 4, 8, 12):
        added.append(seen_by(array) - array.weights)
        array.update(X, D, 0.0, first)
    assert np.array_equal(added[0], added[1])
    assert np.array_equal(added[2], added[3])
    assert (added[1] != added[2]).all()


@pytest.mark.parametrize("columnwise", [True, False])
def test_scaling_puts_the_largest_weight_at_omega(columnwise):
    settings = HardwareAwareSettings(modifier=None, clip=None, weight_scaling_omega=0.8, columnwise=columnwise)
    array = make(settings)
    weights = array.weights.copy()
    assert np.allclose(array.forward(X, 0).values, X @ weights.T, atol=1e-6)
    assert np.allclose(array.backward(D, 0).values, D @ weights, atol=1e-6)
    mapping = array.pair_mapping(0.0, 25.0)
    mapped = np.abs(mapping.chain_weights(mapping.targets(weights)))
    assert (mapped.max(axis=1) if columnwise else mapped.max()) == pytest.approx(0.8)
    assert np.allclose(mapping.gains[:, None] * mapping.chain_weights(mapping.targets(weights)), weights, atol=1e-6)


def test_without_scaling_the_mapping_is_a_choice():
    array = make(CLEAN)
    own, common = (array.pair_mapping(0.0, 25.0, columnwise=each) for each in (True, False))
    assert own.ranges == pytest.approx(np.abs(array.weights).max(axis=1))
    assert common.ranges == pytest.approx(np.full(5, np.abs(array.weights).max()))


def test_scaling_keeps_outputs_above_the_noise_of_the_converters():
    # Weights of 0.01 under output noise of 0.1: without scaling the noise is 10 times the output.
    io = IOParameters(out_noise=0.1, noise_management="none", bound_management="none")
    errors = []
    for omega in (0.0, 1.0):
        array = make(HardwareAwareSettings(modifier=None, clip=None, weight_scaling_omega=omega), io=io)
        array.program(0.01 * matrix(5, 6))
        errors.append(np.std(array.forward(X, 0).values - X @ array.weights.T))
    assert errors[1] < 0.05 * errors[0]


@pytest.mark.parametrize("clip", [FixedValue(value=0.3), LayerGaussian(sigma=1.0)])
def test_weights_are_clipped_after_each_mini_batch(clip):
    array = make(HardwareAwareSettings(modifier=None, clip=clip, weight_scaling_omega=0))
    before = array.weights - 0.1 * D.T @ X
    array.update(X[:3], D[:3], 0.1, 0)
    assert np.abs(array.weights).max() > 0.3, "not within a mini-batch"
    array.update(X[3:], D[3:], 0.1, 3)
    bound = 0.3 if isinstance(clip, FixedValue) else before.std()
    assert np.allclose(array.weights, np.clip(before, -bound, bound), atol=1e-6)


def test_a_restored_array_goes_on_bit_by_bit():
    settings = HardwareAwareSettings(weight_scaling_omega=1.0)
    io = IOParameters()
    array, other = make(settings, io=io, backward_io=io), make(settings, io=io, backward_io=io)
    array.update(X, D, 0.1, 0)
    other.restore(array.state())
    for first in (4, 8):
        one, two = ((a.forward(X, first).values, a.backward(D, first).values) for a in (array, other))
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(one[1], two[1])
        array.update(X, D, 0.1, first)
        other.update(X, D, 0.1, first)
        assert np.array_equal(array.weights, other.weights)
    with pytest.raises(InputError, match="belongs to another array"):
        make(settings, outputs=6, inputs=5).restore(array.state())


def test_programming_begins_anew():
    array = make(NOISY)
    first = seen_by(array)
    array.update(X, D, 0.1, 0)
    array.program(0.5 * matrix(5, 6))
    assert np.array_equal(seen_by(array), first)


def test_wrong_numbers_change_nothing():
    array = make(HardwareAwareSettings(), io=PERFECT)
    before = array.weights.copy()
    with pytest.raises(InputError):
        array.update(X, np.full_like(D, np.nan), 0.1, 0)
    assert np.array_equal(array.weights, before)
