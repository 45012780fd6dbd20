"""Momentum and weight decay against their equations, for any cut of a mini-batch into blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim.analog.algorithms import HoldsVelocity
from archsim.analog.specification.algorithms import DigitalSGDSettings, MixedPrecisionSettings
from archsim.analog.specification.hardware_aware import HardwareAwareSettings
from archsim.errors import InputError
from tests.analog.algorithms.tiles import STEADY, tile
from tests.sensitivity.bases import base, small_data

RATE, MINI_BATCH = 0.0625, 4


def gradients(vectors: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x, d = rng.uniform(-1, 1, (vectors, 4)), rng.normal(0, 0.4, (vectors, 3))
    return x.astype(np.float32), d.astype(np.float32)


def descend(weights: np.ndarray, x: np.ndarray, d: np.ndarray, momentum: float, decay: float) -> np.ndarray:
    """Return what PyTorch's SGD makes of weights, in float64."""
    w, v = weights.astype(float), np.zeros(weights.shape)
    for k in range(0, len(x), MINI_BATCH):
        v = momentum * v + d[k : k + MINI_BATCH].T.astype(float) @ x[k : k + MINI_BATCH] + decay * w
        w = w - RATE * v
    return w


def settings(kind: str, momentum: float, decay: float) -> Any:
    if kind == "digital":
        return DigitalSGDSettings(momentum=momentum, weight_decay=decay)
    return HardwareAwareSettings(momentum=momentum, weight_decay=decay, modifier=None, weight_scaling_omega=0)


@pytest.mark.parametrize("kind", ["digital", "hardware-aware"])
@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 0.0), (0.0, 0.125), (0.75, 0.125)])
@pytest.mark.parametrize("block", [1, 3, 20])
def test_weights_are_those_of_the_equations(kind: str, momentum: float, decay: float, block: int) -> None:
    array = tile(settings(kind, momentum, decay), 3, 4, STEADY, mini_batch=MINI_BATCH)
    first = np.random.default_rng(2).normal(0, 0.3, (3, 4)).astype(np.float32)
    x, d = gradients()
    array.program(first)
    for k in range(0, len(x), block):
        array.update(x[k : k + block], d[k : k + block], RATE, k)
    np.testing.assert_allclose(array.weights, descend(first, x, d, momentum, decay), atol=2e-6)


def test_what_mixed_precision_has_yet_to_write_follows_the_velocity() -> None:
    array = tile(MixedPrecisionSettings(momentum=0.75), 3, 4, STEADY, mini_batch=MINI_BATCH)
    x, d = gradients()
    array.update(x[:18], d[:18], RATE, 0)
    array.update(x[18:], d[18:], RATE, 18)
    exact = descend(np.zeros((3, 4)), x, d, 0.75, 0)
    np.testing.assert_allclose(array.weights + array.state()["chi"], exact, atol=1e-5)
    assert np.abs(array.weights).max() > 0.02


@pytest.mark.parametrize("kind", ["digital", "hardware-aware", "mixed-precision"])
def test_what_is_kept_of_a_velocity_falls_behind_a_late_step(kind: str) -> None:
    """Momentum 0.75 is 3 steps old in the mean: 2 steps late, that of 1 step is left, 0.5; 4 late, none."""
    given = MixedPrecisionSettings(momentum=0.75) if kind == "mixed-precision" else settings(kind, 0.75, 0.0)
    array = tile(given, 3, 4, STEADY, mini_batch=MINI_BATCH)
    assert isinstance(array, HoldsVelocity)
    x, d = gradients()
    w, v, kept = np.zeros((3, 4)), np.zeros((3, 4)), 0.75
    for k, late in zip(range(0, len(x), MINI_BATCH), (0, 2, 2, 4, 0), strict=True):
        block = slice(k, k + MINI_BATCH)
        array.expect_late(late)
        array.update(x[block], d[block], RATE, k)
        v = kept * v + d[block].T.astype(float) @ x[block]
        w, kept = w - RATE * v, {0: 0.75, 2: 0.5, 4: 0.0}[late]
    reached = array.weights + (array.state()["chi"] if kind == "mixed-precision" else 0)
    np.testing.assert_allclose(reached, w, atol=1e-5)


def test_blocks_and_a_restored_state_change_no_bit() -> None:
    x, d = gradients()
    one, other = (tile(settings("digital", 0.9, 0.1), 3, 4, STEADY, mini_batch=MINI_BATCH) for _ in range(2))
    one.update(x, d, RATE, 0)
    between = tile(settings("digital", 0.9, 0.1), 3, 4, STEADY, mini_batch=MINI_BATCH)
    between.update(x[:7], d[:7], RATE, 0)
    other.restore(between.state())
    other.update(x[7:], d[7:], RATE, 7)
    assert np.array_equal(one.weights, other.weights)
    one.program(np.zeros((3, 4)))
    assert not one.state()["velocity"].any()


def test_a_step_takes_what_is_stated() -> None:
    x, d = gradients(9)
    for given, cells in ((settings("digital", 0.9, 0.1), 5), (settings("digital", 0.0, 0.1), 4)):
        work = tile(given, 3, 4, STEADY, mini_batch=MINI_BATCH).update(x, d, RATE, 0)
        assert work.digital_operations == 9 * 2 * 12 + 2 * cells * 12
        assert work.memory_bits == 9 * 64 * 12 + 2 * 128 * 12


@pytest.mark.parametrize("algorithm", ["digital-sgd", "hardware-aware", "mixed-precision"])
def test_a_timing_run_takes_as_many_operations(algorithm: str) -> None:
    def operations(mode: str) -> int:
        training = {"algorithm": {"preset": algorithm, "momentum": 0.5}}
        seen = archsim.simulate(base(training=training), mode=mode, data=small_data()).observations
        return sum(count for key, count in seen.counts.items() if key.component == "nmpu")

    assert operations("timing") == operations("coupled") > 0


@pytest.mark.parametrize("algorithm", ["analog-sgd", "tiki-taka"])
def test_analog_weights_have_neither(algorithm: str) -> None:
    for key, kinds in (("momentum", "mixed-precision"), ("weight_decay", "digital-sgd, hardware-aware")):
        with pytest.raises(InputError, match=f"take a kind that has it: .*{kinds}"):
            archsim.load_experiment(base(training={"algorithm": {"kind": algorithm, key: 0.1}}))
