"""A run stops at the first evaluation that reaches its target, and is until then the run that does not stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.results import Run
from archsim.simulation import Interrupted
from archsim.training import StopAt
from tests.sensitivity.bases import base, small_data

KINDS = ("synchronous", "asynchronous")


def document(kind: str = "synchronous", **training: Any) -> dict[str, Any]:
    settings = {"algorithm": "digital-sgd", "epochs": 30, "max_mini_batches": None, "learning_rate": 0.5} | training
    return base(
        training=settings,
        schedule={"kind": kind, "stages": 2, "micro_batches": 2},
        run={"evaluate_every": 3, "timeline": False},
    )


def run(mode: str = "coupled", kind: str = "synchronous", **given: Any) -> Run:
    found: Run = archsim.simulate(document(kind, **given.pop("training", {})), mode=mode, data=small_data(), **given)
    return found


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_longer_run_cut_off(mode: str, kind: str) -> None:
    whole = run(mode, kind)
    curve = whole.learning["test_accuracy"].to_numpy()
    target = float(np.sort(curve)[len(curve) // 2])
    first = int(np.argmax(curve >= target))
    assert 0 < first < len(curve) - 1
    stopped = run(mode, kind, training={"stop_at": {"accuracy": target}})
    assert stopped.learning.equals(whole.learning.iloc[: first + 1])
    point, metrics = whole.learning.iloc[first], stopped.metrics
    assert metrics["accuracy"] == curve[first]
    assert metrics["samples_to_target"] == point["samples"]
    if mode == "coupled":
        assert metrics["time_to_target_ps"] == metrics["makespan_ps"] == point["time_ps"]
        assert metrics["energy_to_target_pj"] == point["energy_pj"]
        assert metrics["energy_pj"] == pytest.approx(point["energy_pj"], rel=0.02)
    else:
        assert metrics["time_to_target_ps"] is metrics["energy_to_target_pj"] is None
    assert whole.metrics["samples_to_target"] is None


def test_a_target_that_is_not_reached_changes_nothing() -> None:
    training = {"epochs": 2}
    found = run(training=training | {"stop_at": {"accuracy": 1.0}})
    assert found.metrics == run(training=training).metrics
    assert found.metrics["samples_to_target"] is None


def test_a_resumed_run_stops_at_the_same_place(tmp_path: Path) -> None:
    training = {"stop_at": {"accuracy": 0.6}}
    straight = run(training=training)
    assert straight.metrics["samples_to_target"] is not None
    calls = iter(range(10**9))
    with pytest.raises(Interrupted):
        run(training=training, workspace=tmp_path, interrupted=lambda: next(calls) > 300)
    for _ in range(2):  # once on, and once from its end
        again = run(training=training, workspace=tmp_path, resume=True)
        assert again.metrics == straight.metrics
        assert all(np.array_equal(again.weights[name], array) for name, array in straight.weights.items())


def test_what_never_measures_an_accuracy_is_refused() -> None:
    with pytest.raises(InputError, match="a timing run computes no accuracy and no perplexity"):
        archsim.load_experiment(document(stop_at={"accuracy": 0.5}), mode="timing")
    data = small_data()
    without = archsim.DataSet(
        "small", data.train_inputs, data.train_targets, data.test_inputs[:0], data.test_targets[:0], 4
    )
    with pytest.raises(InputError, match="the accuracy is never measured: 'small' has no test samples"):
        archsim.simulate(document(stop_at={"accuracy": 0.5}), data=without)
    with pytest.raises(InputError, match="the perplexity is never measured: the network tells no sequences"):
        archsim.simulate(document(stop_at={"perplexity": 5}), data=data)
    with pytest.raises(InputError, match="there is no target in it"):
        archsim.load_experiment(document(stop_at={}))


@pytest.mark.parametrize(
    ("target", "score", "reached"),
    [
        ({"accuracy": 0.5}, (0.5, None), True),
        ({"accuracy": 0.5}, (None, None), False),
        ({"perplexity": 7}, (0.0, 7.0), True),
        ({"perplexity": 7}, (1.0, 7.1), False),
        ({"perplexity": 7}, (1.0, float("nan")), False),
        ({"accuracy": 0.5, "perplexity": 7}, (0.4, 6.0), False),
        ({"accuracy": 0.5, "perplexity": 7}, (0.6, 6.0), True),
    ],
)
def test_all_that_is_given_is_to_be_reached(
    target: dict[str, float], score: tuple[float | None, float], reached: bool
) -> None:
    assert StopAt(**target).reached(*score) is reached
