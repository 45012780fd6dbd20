"""The study of speed-ups: what its rows say, and the curvature that it measures."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.statistical.studies import load


@pytest.mark.usefixtures("data_folder")
def test_pipelines_of_exact_gradients_learn_the_same_in_their_cycles(tmp_path: Path) -> None:
    study = load("pipeline_speedup")
    study.main(["--tiny", "--out", str(tmp_path), "--only", "exact"])
    results = pd.read_csv(tmp_path / "results.csv")
    # Four mini-batches of eight micro-batches: 2 (M + B - 1) cycles each.
    assert dict(zip(results.stages, results.cycles, strict=True)) == {m: 4 * 2 * (m + 7) for m in (1, 2, 4)}
    assert results.weights.nunique() == 1
    assert "not run" in (tmp_path / "README.md").read_text()


def test_pipelines_take_their_cycles_and_one_stage_learns_as_none() -> None:
    """What the rows of the study say that are kept beside it."""
    study = load("pipeline_speedup")
    results = study.Rows(study.HERE / "results.csv", study.KEY).frame()
    learning = study.Rows(study.HERE / "learning.csv", study.KEY).frame()
    exact = study.claims(results, learning)[:3]
    assert all(claim.holds for claim in exact)
    stale = results[results.schedule == "asynchronous"]
    # K micro-batches through M stages: 2 (K + M - 1) cycles.
    assert (stale.cycles == 2 * (8 * stale.mini_batches + stale.stages - 1)).all()


def test_curvature_of_a_residual_perceptron() -> None:
    load("pipeline_speedup")
    curvature = sys.modules["curvature"]
    random = np.random.default_rng(3)
    shapes = {"block1": (3, 4), "block2": (3, 3), "block3": (2, 3)}
    weights = {name: 0.4 * random.standard_normal(shape) for name, shape in shapes.items()}
    weights |= {f"{name}.bias": random.standard_normal(shape[0]) for name, shape in shapes.items()}
    x, y = random.standard_normal((6, 4)), np.array([0, 1, 1, 0, 1, 0])

    def flat(values: dict[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([values[name].ravel() for name in weights])

    def loss(vector: np.ndarray) -> float:
        cut = np.split(vector, np.cumsum([w.size for w in weights.values()])[:-1])
        w = {name: part.reshape(weights[name].shape) for name, part in zip(weights, cut, strict=True)}
        first = np.tanh(x @ w["block1"].T + w["block1.bias"])
        second = first + np.tanh(first @ w["block2"].T + w["block2.bias"])
        logits = second @ w["block3"].T + w["block3.bias"]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(6), y]))

    at, steps = flat(weights), 1e-3 * np.eye(flat(weights).size)
    slopes = [(loss(at + s) - loss(at - s)) / 2e-3 for s in steps]
    np.testing.assert_allclose(flat(curvature.gradients(weights, x, y, 3)), slopes, atol=1e-5)
    hessian = [
        [(loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)) / 4e-6 for a in steps]
        for b in steps
    ]
    values, vectors = np.linalg.eigh(hessian)
    value, shares = curvature.largest_eigenvalue(weights, x, y, 3, steps=500)
    assert value == pytest.approx(values[-1], rel=1e-2)
    assert sum(shares) == pytest.approx(1)
    own = np.concatenate([np.full(w.size, int(name[5]) - 1) for name, w in weights.items()])
    assert shares == pytest.approx([float((vectors[own == k, -1] ** 2).sum()) for k in range(3)], abs=0.03)


@pytest.mark.parametrize("stages", [1, 2, 5, 16])
def test_the_largest_step_with_delays(stages: int) -> None:
    load("pipeline_speedup")
    curvature = sys.modules["curvature"]
    first, last = [1.0] + [0.0] * (stages - 1), [0.0] * (stages - 1) + [1.0]
    assert curvature.largest_step(first) == pytest.approx(curvature.scalar_limit(stages - 1), rel=1e-6)
    assert curvature.largest_step(last) == pytest.approx(2, rel=1e-6)
    # Descent with the delays themselves, one step within the limit and one beyond it.
    shares = np.random.default_rng(stages).dirichlet(np.ones(stages))
    limit = curvature.largest_step(list(shares))
    sizes = []
    for step in (0.98 * limit, 1.02 * limit):
        w = [np.sqrt(shares)]
        for k in range(6000):
            seen = sum(np.sqrt(p) * w[max(k - (stages - 1 - t), 0)][t] for t, p in enumerate(shares))
            w.append(w[-1] - step * seen * np.sqrt(shares))
        sizes.append(float(np.abs(w[-1] @ np.sqrt(shares))))
    assert sizes[0] < 1 < sizes[1]
