"""The loss of the test set is that of its definition on the trained weights, and a perplexity its exponential."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet
from archsim.simulation import Interrupted
from tests.integration.recurrent import cross_entropy, linear

EXACT = {"preset": "reram-1024", "io": {"is_perfect": True}, "backward_io": {"is_perfect": True}}
DRAW = np.random.default_rng(11)


def of_sequences() -> DataSet:
    inputs = DRAW.normal(size=(360, 3, 5)).astype(np.float32)
    targets = inputs[:, :, :4].argmax(axis=2).astype(np.int64)
    return DataSet("sequences", inputs[:40], targets[:40], inputs[40:], targets[40:], 4)


def of_vectors(*, values: bool) -> DataSet:
    inputs = DRAW.normal(size=(360, 5)).astype(np.float32)
    targets: Any = inputs[:, :4] ** 2 if values else inputs[:, :4].argmax(axis=1).astype(np.int64)
    return DataSet("vectors", inputs[:40], targets[:40], inputs[40:], targets[40:], None if values else 4)


SEQUENCES, CLASSES, VALUES = of_sequences(), of_vectors(values=False), of_vectors(values=True)


def document(data: DataSet, **sections: Any) -> dict[str, Any]:
    loss = "softmax-cross-entropy" if data.classes else "mean-squared-error"
    out = {"name": "out", "kind": "linear", "features": 4}
    return {
        "network": {"input_shape": list(data.shape), "layers": [out], "loss": loss},
        "chip": EXACT,
        "training": {"algorithm": "digital-sgd", "learning_rate": 0.2, "mini_batch": 8, "epochs": 2},
        "schedule": {"kind": "synchronous", "stages": 1, "micro_batches": 2},
        "run": {"mode": "numerics", "timeline": False},
    } | sections


def expected(run: archsim.Run, data: DataSet) -> float:
    weights = {name: array.astype(np.float64) for name, array in run.weights.items()}
    outputs = linear(weights, "out", data.test_inputs.astype(np.float64))
    if data.classes is None:
        return float(np.mean((outputs - data.test_targets) ** 2))
    return cross_entropy(outputs, data.test_targets)


@pytest.mark.parametrize("data", [SEQUENCES, CLASSES, VALUES], ids=["sequences", "classes", "values"])
def test_it_is_the_mean_over_the_test_set(data: DataSet) -> None:
    """Of more test samples than one block of an evaluation holds."""
    run = archsim.simulate(document(data), data=data)
    last = run.learning.iloc[-1]
    assert run.metrics["test_loss"] == last["test_loss"] == pytest.approx(expected(run, data), rel=1e-5)
    assert (run.metrics["accuracy"] is None) == (data is VALUES)
    if data is SEQUENCES:
        assert run.metrics["perplexity"] == last["test_perplexity"] == np.exp(last["test_loss"])
    else:
        assert run.metrics["perplexity"] is None
        assert run.learning["test_perplexity"].isna().all()


def test_threads_the_clock_and_a_resume_change_nothing(tmp_path: Path) -> None:
    run = archsim.simulate(document(SEQUENCES), data=SEQUENCES)
    threads = archsim.simulate(document(SEQUENCES, run={"mode": "numerics", "threads": 3}), data=SEQUENCES)
    assert threads.learning.equals(run.learning)
    coupled = archsim.simulate(document(SEQUENCES), mode="coupled", data=SEQUENCES)
    calls = iter(range(10**9))
    with pytest.raises(Interrupted):
        archsim.simulate(
            document(SEQUENCES),
            mode="coupled",
            data=SEQUENCES,
            workspace=tmp_path,
            interrupted=lambda: next(calls) > 100,
        )
    again = archsim.simulate(document(SEQUENCES), mode="coupled", data=SEQUENCES, workspace=tmp_path, resume=True)
    assert again.learning.equals(coupled.learning)
    told = ["test_accuracy", "test_loss", "test_perplexity"]
    assert coupled.learning[told].equals(run.learning[told])


def test_a_forward_only_run_and_given_weights_tell_the_same(tmp_path: Path) -> None:
    trained = archsim.simulate(document(SEQUENCES), data=SEQUENCES)
    np.savez(tmp_path / "weights.npz", **trained.weights)
    found = []
    for sections in (
        {"schedule": {"kind": "inference", "stages": 1}},
        {"training": {"learning_rate": 1.0, "epochs": 0, "mini_batch": 2, "algorithm": "digital-sgd"}},
    ):
        settings = document(SEQUENCES, **sections)
        if "schedule" in sections:
            del settings["training"]
        run = archsim.simulate(settings, data=SEQUENCES, weights=tmp_path / "weights.npz")
        found.append((run.metrics["accuracy"], run.metrics["test_loss"], run.metrics["perplexity"]))
    for accuracy, loss, perplexity in found:
        assert accuracy == trained.metrics["accuracy"]
        assert loss == pytest.approx(trained.metrics["test_loss"], rel=1e-6)
        assert perplexity == pytest.approx(trained.metrics["perplexity"], rel=1e-6)


def test_a_run_stops_at_a_perplexity() -> None:
    settings = {"algorithm": "digital-sgd", "learning_rate": 0.2, "mini_batch": 8, "epochs": 6}
    whole = archsim.simulate(document(SEQUENCES, training=settings), data=SEQUENCES)
    curve = whole.learning["test_perplexity"].to_numpy()
    assert (np.diff(curve) < 0).all()
    stop = settings | {"stop_at": {"perplexity": float(curve[2])}}
    stopped = archsim.simulate(document(SEQUENCES, training=stop), data=SEQUENCES)
    assert stopped.learning.equals(whole.learning.iloc[:3])
    assert stopped.metrics["samples_to_target"] == whole.learning["samples"].iloc[2]
