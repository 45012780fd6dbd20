"""Digital numbers descend as `torch.optim.SGD` says, restated here in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsim.delays import Late
from archsim.digital.arithmetic import FLOAT32, make_arithmetic
from archsim.digital.descent import PLAIN, DescentRule, TrainedNumbers
from archsim.digital.specification import DigitalOptimizer, FixedPointSettings, GradientClipping

RATE = 0.1


def gradients(shape: tuple[int, ...], count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.normal(size=shape).astype(np.float32) for _ in range(count)]


def reference(
    p: np.ndarray, found: list[np.ndarray], momentum: float, decay: float, clip: tuple[str, float] | None
) -> np.ndarray:
    """Return parameters behind steps as PyTorch takes them: clip, decay, momentum, step; two gradients each."""
    p, v = p.astype(float), np.zeros_like(p, float)
    for first, second in zip(found[::2], found[1::2], strict=True):
        g = first.astype(float) + second
        if clip is not None:
            how, limit = clip
            g = np.clip(g, -limit, limit) if how == "value" else g * min(1, limit / np.linalg.norm(g))
        v = momentum * v + g + decay * p
        p = p - RATE * v
    return p


def trained(numbers: TrainedNumbers, found: list[np.ndarray]) -> np.ndarray:
    for k, gradient in enumerate(found):
        numbers.descend(gradient, RATE)
        if k % 2:
            numbers.end_mini_batch(RATE)
    return numbers.values


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("clip", [None, ("norm", 0.7), ("value", 0.4)])
@pytest.mark.parametrize("shape", [(5,), (3, 4)])
def test_steps_are_those_of_the_reference(
    momentum: float, decay: float, clip: tuple[str, float] | None, shape: tuple[int, ...]
) -> None:
    clipping = None if clip is None else GradientClipping(by=clip[0], limit=clip[1])
    rule = DescentRule(DigitalOptimizer(momentum=momentum, weight_decay=decay), clipping)
    start = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    found = trained(TrainedNumbers(start, FLOAT32, rule), gradients(shape))
    np.testing.assert_allclose(found, reference(start, gradients(shape), momentum, decay, clip), atol=1e-6)


def test_one_dimensional_parameters_can_be_spared() -> None:
    rule = DescentRule(DigitalOptimizer(weight_decay=0.5, decay_one_dimensional=False))
    for shape, decay in (((4,), 0.0), ((4, 1), 0.5)):
        start = np.ones(shape, np.float32)
        found = trained(TrainedNumbers(start, FLOAT32, rule), gradients(shape))
        np.testing.assert_allclose(found, reference(start, gradients(shape), 0, decay, None), atol=1e-6)


def test_the_limit_is_that_of_the_mean_loss() -> None:
    """Where a mini-batch's gradient is the sum of two means, so is its bound."""
    clipping, start, found = GradientClipping(limit=0.5), np.zeros((2, 2), np.float32), gradients((2, 2), 2)
    once = trained(TrainedNumbers(start, FLOAT32, DescentRule(clipping=clipping)), found)
    summed = trained(TrainedNumbers(start, FLOAT32, DescentRule(clipping=clipping, mean_losses=2)), found)
    np.testing.assert_allclose(summed, 2 * once, rtol=1e-6)


def test_a_state_is_continued_to_the_last_bit() -> None:
    rule = DescentRule(DigitalOptimizer(momentum=0.9, weight_decay=0.01), GradientClipping())
    found, start = gradients((3, 3)), np.zeros((3, 3), np.float32)
    whole = trained(TrainedNumbers(start, FLOAT32, rule), found)
    numbers = TrainedNumbers(start, FLOAT32, rule)
    for k, gradient in enumerate(found):
        again = TrainedNumbers(start + 5, FLOAT32, rule)
        again.restore(numbers.state())
        numbers = again
        numbers.descend(gradient, RATE)
        if k % 2:
            numbers.end_mini_batch(RATE)
    np.testing.assert_array_equal(numbers.values, whole)


def test_plain_descent_steps_at_once_and_keeps_nothing() -> None:
    numbers = TrainedNumbers(np.ones(2, np.float32))
    numbers.descend(np.ones(2, np.float32), RATE)
    np.testing.assert_allclose(numbers.values, 0.9, rtol=1e-6)
    assert numbers.state().keys() == {"values"}
    assert (PLAIN.kept, PLAIN.closing_operations((5,))) == (0, 0)


def test_steps_that_accumulate_are_seen_at_the_end_and_are_those_of_one_by_one() -> None:
    start, found = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), gradients((3, 4))
    rule = DescentRule(accumulates=True)
    one_by_one, numbers = TrainedNumbers(start), TrainedNumbers(start, FLOAT32, rule)
    for k, gradient in enumerate(found):
        seen = numbers.values
        one_by_one.descend(gradient, RATE * (k + 1))
        numbers.descend(gradient, RATE * (k + 1))
        assert numbers.values is seen
        again = TrainedNumbers(start + 5, FLOAT32, rule)
        again.restore(numbers.state())
        numbers = again
        if k % 3 == 2:
            numbers.end_mini_batch(RATE)
            np.testing.assert_array_equal(numbers.values, one_by_one.values)
            assert not np.array_equal(numbers.values, seen)
            assert numbers.state().keys() == {"values"}
    assert (rule.kept, rule.closing_operations((5,))) == (1, 0)


@pytest.mark.parametrize(
    ("optimizer", "clipping", "each", "kept"),
    [
        ({"momentum": 0.9}, None, 2, 2),
        ({"weight_decay": 0.1}, None, 2, 1),
        ({"momentum": 0.9, "weight_decay": 0.1}, "norm", 5, 2),
        ({}, "value", 2, 1),
        ({"weight_decay": 0.1, "decay_one_dimensional": False}, None, 1, 1),
    ],
)
def test_what_a_step_takes(optimizer: dict[str, Any], clipping: str | None, each: int, kept: int) -> None:
    rule = DescentRule(DigitalOptimizer(**optimizer), None if clipping is None else GradientClipping(by=clipping))
    assert rule.closing_operations((7,)) == 7 * each
    assert rule.kept == kept


def test_a_fixed_point_unit_keeps_velocities_in_words_of_updates() -> None:
    settings = FixedPointSettings(update="s(1,3)")
    unit, rule = make_arithmetic(settings), DescentRule(DigitalOptimizer(momentum=0.5))
    numbers = TrainedNumbers(np.zeros(3, np.float32), unit, rule)
    trained(numbers, gradients((3,)))
    velocity = numbers.state()["velocity"]
    np.testing.assert_array_equal(unit.update.number(velocity), velocity)
    # Words of s(1,3): at most 8 steps of a power of two that all share.
    steps = velocity / np.abs(velocity[velocity != 0]).min()
    assert np.abs(steps).max() <= 8


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("limit", [None, 0.7])
def test_steps_are_those_of_pytorch(momentum: float, decay: float, limit: float | None) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    start, found = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), gradients((3, 4))
    parameter = torch.nn.Parameter(torch.tensor(start.copy()))
    optimizer = torch.optim.SGD([parameter], lr=RATE, momentum=momentum, weight_decay=decay)
    for first, second in zip(found[::2], found[1::2], strict=True):
        parameter.grad = torch.tensor(first + second)
        if limit is not None:
            torch.nn.utils.clip_grad_norm_([parameter], limit)
        optimizer.step()
    clipping = None if limit is None else GradientClipping(limit=limit)
    rule = DescentRule(DigitalOptimizer(momentum=momentum, weight_decay=decay), clipping)
    mine = trained(TrainedNumbers(start, FLOAT32, rule), found)
    np.testing.assert_allclose(mine, parameter.detach().numpy(), atol=2e-6)


def test_what_is_kept_of_a_velocity_falls_behind_a_late_step_and_is_part_of_the_state() -> None:
    rule = DescentRule(DigitalOptimizer(momentum=0.9))
    numbers, found = TrainedNumbers(np.zeros(3, np.float32), FLOAT32, rule), gradients((3,), 3)
    for gradient, late in zip(found, (Late(steps=4), Late(), Late()), strict=True):
        numbers.descend(gradient, RATE)
        copied = TrainedNumbers(np.zeros(3, np.float32), FLOAT32, rule)
        copied.restore(numbers.state())
        for each in (numbers, copied):
            each.end_mini_batch(RATE, late)
        np.testing.assert_array_equal(copied.values, numbers.values)
    v = [found[0], 5 / 6 * found[0] + found[1]]  # The mean age of 9 steps, less 4, is that of 5 / 6.
    v.append(0.9 * v[1] + found[2])
    np.testing.assert_allclose(numbers.values, -RATE * sum(v), rtol=1e-5)


def test_a_late_mini_batch_meets_a_lower_bound() -> None:
    rule = DescentRule(DigitalOptimizer(), GradientClipping(limit=0.5))
    numbers = TrainedNumbers(np.zeros(2, np.float32), FLOAT32, rule)
    numbers.descend(np.float32([3, 4]), RATE)
    numbers.end_mini_batch(RATE, Late(bound=0.2))
    np.testing.assert_allclose(numbers.values, -RATE * 0.1 * np.float32([0.6, 0.8]), rtol=1e-6)
