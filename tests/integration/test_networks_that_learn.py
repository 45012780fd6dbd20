"""The study of networks that learn: its baseline is a minimum, its script runs and goes on, and its rows pass."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archsim import DataSet
from tests.statistical.studies import REPORTS, load

FOLDER = REPORTS / "networks_that_learn"


def test_logistic_regression_ends_where_no_step_gains_anything() -> None:
    load("networks_that_learn")
    from baselines import cross_entropy, logistic_regression

    rng = np.random.default_rng(1)
    centres = rng.normal(size=(3, 2, 4))
    y = rng.integers(3, size=90)
    x = (centres[y] + rng.normal(size=(90, 2, 4))).astype(np.float32)
    flat, weights = x.reshape(90, 8), rng.normal(size=(9, 3))
    value, gradient = cross_entropy(weights, flat, y, 0.1)
    scores = flat @ weights[:-1] + weights[-1]
    by_hand = np.mean([np.log(np.exp(s).sum()) - s[c] for s, c in zip(scores, y, strict=True)])
    assert value == pytest.approx(by_hand + 0.05 * np.sum(weights[:-1] ** 2), rel=1e-5)
    for i in range(weights.size):
        step = np.zeros(weights.size)
        step[i] = 0.01
        up, down = (cross_entropy(weights + s * step.reshape(9, 3), flat, y, 0.1)[0] for s in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 0.02, abs=1e-4)
    free, bound = logistic_regression(DataSet("made", x, y, x, y, classes=3), (1e-6, 100.0))
    nearest = np.argmin(np.linalg.norm(x[:, None] - centres, axis=(2, 3)), axis=1)
    assert free["train"] == free["test"] >= 100 * np.mean(nearest == y)
    assert bound["train"] < free["train"]


def test_shares_of_characters_are_those_counted_by_hand() -> None:
    load("networks_that_learn")
    from ngrams import perplexity, shares

    text = np.array([0, 1, 0, 1, 1])
    alone, pairs = shares(text, 0, 3, 0.5), shares(text, 1, 3, 0.5)
    assert alone == pytest.approx(np.array([1.5 + 1 / 3, 2.5 + 1 / 3, 1 / 3]) / 5)
    # After 0 came 1 twice, after 1 each of 0 and 1 once, and 2 never came.
    by_hand = np.array([[0, 1.5, 0], [0.5, 0.5, 0], [0, 0, 0]]) + np.outer([0.5, 1, 2], alone)
    assert pairs == pytest.approx(by_hand / 2)
    steps = itertools.pairwise(text)
    assert perplexity(pairs, text, 1) == pytest.approx(np.exp(np.mean([-np.log(pairs[a, b]) for a, b in steps])))
    triples = shares(np.random.default_rng(2).integers(4, size=200), 2, 4, 0.3)
    assert triples.sum(axis=-1) == pytest.approx(np.ones((4, 4)))


@pytest.mark.parametrize("encoding", ["index", "one-hot"])
def test_windows_are_read_as_the_text_that_they_were_cut_from(encoding: str) -> None:
    load("networks_that_learn")
    from ngrams import MODELS, accuracy, ngrams, shares

    text = np.random.default_rng(3).choice(3, size=61, p=[0.6, 0.3, 0.1])
    now, following = text[:60].reshape(-1, 5), text[1:].reshape(-1, 5)
    inputs = (np.eye(3)[now] if encoding == "one-hot" else now).astype(np.float32)
    rows = ngrams(DataSet("text", inputs[:8], following[:8], inputs[8:], following[8:], 3), (0.5,))
    assert [row["model"] for row in rows] == list(MODELS)
    train, test = text[:41], text[40:]
    for order, row in enumerate(rows):
        assert row["accuracy"] == pytest.approx(accuracy(shares(train, order, 3, 0.5), test, order), abs=0.01)


@pytest.mark.usefixtures("data_folder")
def test_networks_are_trained_and_what_is_there_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load("networks_that_learn")
    unscaled = "weights lie on the cells as large as they are"
    monkeypatch.setattr(study, "CHANGES", ("nothing", unscaled))
    arguments = ["--tiny", "--out", str(tmp_path), "--only", "vit_cifar10", "changes"]
    study.main(arguments)
    first = pd.read_csv(tmp_path / "results.csv")
    assert list(first.schedule) == ["synchronous", "asynchronous"]
    assert (first.final <= first.best).all()
    learning = pd.read_csv(tmp_path / "learning.csv")
    assert list(learning.groupby("schedule", sort=False).value.last()) == list(first.final)
    study.main(arguments)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "results.csv"), first)
    text = (tmp_path / "README.md").read_text()
    assert "archsim run vit_cifar10 --set" in text
    assert (tmp_path / "learning.svg").exists()
    changed = pd.read_csv(tmp_path / "changes.csv")
    assert list(changed.change) == ["nothing", unscaled]
    assert changed.train_loss.nunique() == 2
    assert f"| {unscaled} |" in text


def test_what_is_published_passes_under_both_schedules() -> None:
    load("networks_that_learn")
    from experiments import NETWORKS
    from page import verdicts

    results, baselines = (pd.read_csv(FOLDER / f"{name}.csv") for name in ("results", "baselines"))
    shown = verdicts(results, baselines)
    assert len(shown) == len(results) > 0
    assert set(shown.passes) == {"yes"}
    assert (results.processor_seconds < 20 * 60).all()
    for name, rows in results.groupby("network"):
        assert set(rows.schedule) == set(NETWORKS[str(name)].schedules)
