"""What the asynchronous pipeline does to weights: staleness is observed, never injected."""

from __future__ import annotations

import numpy as np
import pytest

from .experiments import digits, unit_pipeline


@pytest.mark.parametrize("stages", [1, 2, 4, 8])
@pytest.mark.parametrize("total", [3, 16])
def test_staleness_and_micro_batches_in_flight(stages: int, total: int) -> None:
    run = unit_pipeline("asynchronous", stages, micro_batches=1, mini_batches=total)
    depths = [stages - 1 - stage for stage in range(stages)]
    mean = [sum(min(k, depth) for k in range(total)) / total for depth in depths]
    assert run.metrics["staleness"] == pytest.approx(mean, abs=1e-12)
    assert run.metrics["in_flight_max"] == [min(total, depth + 1) for depth in depths]


def test_staleness_of_each_micro_batch_is_min_of_k_and_depth() -> None:
    """Counted from the timeline: updates of the stage between the F and the B of micro-batch k."""
    stages, total = 4, 12
    timeline = unit_pipeline("asynchronous", stages, 1, total).timeline
    for stage in range(stages):
        rows = timeline[(timeline.stage == stage) & (timeline.action != "")]
        order = list(zip(rows.action, rows.micro_batch, strict=True))
        for k in range(total):
            between = order[order.index(("F", k)) : order.index(("B", k))]
            assert sum(action == "U" for action, _ in between) == min(k, stages - 1 - stage)


@pytest.mark.parametrize("chip", ["unit", "reram-1024"])
def test_one_stage_equals_sequential_with_small_mini_batches(chip: str) -> None:
    """In the published form, in which the loss is averaged over the samples that an update applies."""
    common = ("schedule.stages=1", f"chip={chip}", "training.average_over=applied")
    asynchronous = digits("schedule.kind=asynchronous", "schedule.micro_batches=4", *common)
    sequential = digits(
        "schedule.kind=sequential",
        "training.mini_batch=3",
        "training.max_mini_batches=96",
        "run.evaluate_every=32",
        *common,
    )
    assert asynchronous.metrics["samples"] == sequential.metrics["samples"]
    for layer, weights in asynchronous.weights.items():
        np.testing.assert_array_equal(weights, sequential.weights[layer])


def test_more_stages_change_the_weights() -> None:
    """The check above can fail: with several stages, late updates do make a difference."""
    one, three = digits("schedule.stages=1"), digits("schedule.stages=3")
    assert any((one.weights[layer] != three.weights[layer]).any() for layer in one.weights)
