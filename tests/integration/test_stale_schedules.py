"""Schedules with late gradients on crossbars: their weights at the limits, and what runs observe."""

from __future__ import annotations

import numpy as np
import pytest

from archsim import Run
from archsim.errors import InputError

from .experiments import digits

SHORT = ("training.max_mini_batches=6", "schedule.stages=3", "schedule.micro_batches=3", "run.evaluate_every=6")


def trained(kind: str, *overrides: str) -> Run:
    """Train a few mini-batches of digits on reram-1024, time and numbers in one order of events."""
    return digits(*SHORT, "chip=reram-1024", f"schedule.kind={kind}", *overrides)


def assert_equal_weights(one: Run, other: Run) -> None:
    for name, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name])


def test_bounded_equals_its_limits_and_observes_its_bound() -> None:
    one, two = (trained("bounded", f"schedule.staleness_max={bound}") for bound in (1, 2))
    assert_equal_weights(two, trained("asynchronous"))
    assert any((one.weights[name] != two.weights[name]).any() for name in one.weights)
    assert max(one.metrics["staleness"]) <= 1 < max(two.metrics["staleness"])
    assert one.metrics["makespan_ps"] > two.metrics["makespan_ps"]


def test_hybrid_equals_its_limits() -> None:
    asynchronous, synchronous = trained("asynchronous"), trained("synchronous")
    assert_equal_weights(trained("hybrid", "schedule.asynchronous_mini_batches=6"), asynchronous)
    assert_equal_weights(trained("hybrid", "schedule.asynchronous_mini_batches=0"), synchronous)


def test_hybrid_comes_to_the_weights_of_asynchronous_at_its_change() -> None:
    """What is evaluated after the mini-batch of the change is what an asynchronous run ends with."""
    every = "run.evaluate_every=3"
    changed = trained("hybrid", "schedule.asynchronous_mini_batches=3", every)
    half = trained("asynchronous", "training.max_mini_batches=3", every)
    columns = ["train_loss", "test_accuracy", "test_loss"]
    assert changed.learning[columns].iloc[0].tolist() == half.learning[columns].iloc[0].tolist()
    assert changed.metrics["staleness"] == pytest.approx([staleness / 2 for staleness in half.metrics["staleness"]])


def test_a_loss_cannot_be_averaged_over_updates_that_differ() -> None:
    with pytest.raises(InputError, match="do not all apply as many") as refused:
        trained("hybrid", "training.average_over=applied")
    assert refused.value.field == "training.average_over"
