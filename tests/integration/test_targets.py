"""Metrics of the way to a target are those of the learning curve, and count what made the evaluated weights."""

from __future__ import annotations

import numpy as np
import pytest

import archsim
from archsim.errors import InputError

from .experiments import digits

LONG = ("training.max_mini_batches=48", "run.evaluate_every=4", "schedule.stages=3", "schedule.micro_batches=2")


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
def test_a_stated_target_changes_nothing_but_its_metrics(mode: str) -> None:
    plain = digits(*LONG, mode=mode)
    accuracies = plain.learning["test_accuracy"].to_numpy()
    target = float(np.sort(accuracies)[len(accuracies) // 2])
    first = int(np.argmax(accuracies >= target))
    assert 0 < first < len(accuracies) - 1
    run = digits(*LONG, f"run.target_accuracy={target!r}", mode=mode)
    assert run.learning.equals(plain.learning)
    row, metrics = run.learning.iloc[first], run.metrics
    assert metrics["samples_to_target"] == row["samples"]
    assert metrics["updates_to_target"] == row["updates"]
    assert metrics["pulses_to_target"] == row["pulses"]
    if mode == "coupled":
        assert metrics["time_to_target_ps"] == row["time_ps"] < metrics["makespan_ps"]
        assert metrics["energy_to_target_pj"] == row["energy_pj"] < metrics["energy_pj"]
        assert run.reprice(run.chip).metrics == metrics
    else:
        assert metrics["time_to_target_ps"] is metrics["energy_to_target_pj"] is None
    way = run.to_target()
    assert way == run.to_target(accuracy=target)
    assert (way.evaluation, way.samples, way.updates) == (first, row["samples"], row["updates"])
    assert all(plain.metrics[name] is None for name in metrics if name.endswith(("_to_target", "_to_target_pj")))


def test_an_unreached_target_is_null_and_says_why() -> None:
    run = digits("training.max_mini_batches=4", "run.evaluate_every=2", "run.target_accuracy=1", mode="numerics")
    assert run.metrics["samples_to_target"] is run.metrics["pulses_to_target"] is None
    assert run.to_target().reason.startswith("not reached: the highest accuracy of 2 evaluations is ")


@pytest.mark.parametrize(
    "overrides",
    [
        ("schedule.kind=asynchronous",),
        ("schedule.kind=synchronous", "schedule.overlap=layers", "schedule.stages=[[fc1, fc2], [fc3]]"),
        ("training.algorithm={preset: ttv2, units_in_mbatch: true}", "chip=rpu-512", "schedule.transfers=separate"),
        ("schedule.kind=two-version",),
    ],
)
def test_pulses_and_updates_are_those_of_a_run_that_ends_there(overrides: tuple[str, ...]) -> None:
    """In every mode, whatever stages had begun on behind; at the end they are those of the whole run."""
    short = (*LONG, *overrides)
    whole = digits(*short)
    columns = ["mini_batch", "samples", "updates", "pulses"]
    assert whole.learning[columns].equals(digits(*short, mode="numerics").learning[columns])
    last = whole.learning.iloc[-1]
    assert last["updates"] == whole.metrics["updates"][0]
    assert last["pulses"] == sum(whole.metrics["pulses"].values())
    ended = digits(*short, "training.max_mini_batches=20")
    there = whole.learning[whole.learning["mini_batch"] == 20].iloc[0]
    assert there["updates"] == ended.metrics["updates"][0]
    assert there["pulses"] == sum(ended.metrics["pulses"].values())


def test_two_targets_and_one_without_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="is a target already") as refused:
        digits("run.target_accuracy=0.5", "training.stop_at={accuracy: 0.6}")
    assert refused.value.field == "run.target_accuracy"
    with pytest.raises(InputError, match="computes no accuracy"):
        digits("run.target_accuracy=0.5", mode="timing")
    with pytest.raises(InputError, match="there is no target"):
        digits("training.max_mini_batches=1", mode="numerics").to_target()
    assert archsim.load_experiment("mlp_digits").run.target_accuracy is None
