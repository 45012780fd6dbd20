"""Runs of points and seeds: each in a folder of its own, finished ones kept, errors of one kept from the others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.explore import POINTS_FILE, load_collection, run_points
from archsim.results import Run
from archsim.runs import Stopped

SHORT = ("training.max_mini_batches=6", "data.test_samples=60", "schedule.micro_batches=2")


def digits(*overrides: str) -> Experiment:
    return archsim.load_experiment("mlp_digits", [*SHORT, *overrides], mode="numerics")


def same(one: Run, other: Run) -> bool:
    return all(np.array_equal(weights, other.weights[layer]) for layer, weights in one.weights.items())


def test_each_run_is_the_one_that_would_be_made_alone(tmp_path: Path) -> None:
    points = {"flush": digits("schedule.kind=gpipe"), "no/flush": digits()}
    runs = run_points(points, tmp_path, seeds=[3, 1])
    assert {point: list(by_seed) for point, by_seed in runs.points.items()} == {"flush": [3, 1], "no/flush": [3, 1]}
    assert len(runs) == 4
    for point, experiment in points.items():
        for seed in (1, 3):
            alone = archsim.simulate(experiment, [f"run.seed={seed}"])
            assert same(runs[point][seed], alone)
            assert runs[point][seed].metrics == alone.metrics
    assert not same(runs["flush"][1], runs["flush"][3])
    assert (tmp_path / "no-flush" / "seed-1" / "run.json").is_file()
    again = load_collection(tmp_path)
    assert again.frame().equals(runs.frame())


def test_finished_runs_are_loaded_and_the_others_are_made(tmp_path: Path) -> None:
    made: list[int] = []

    def views(run: Run, folder: Path) -> None:
        made.append(run.settings["run"]["seed"])

    run_points({"a": digits()}, tmp_path, seeds=[1, 2], views=views)
    run_points({"a": digits()}, tmp_path, seeds=[1, 2, 3], views=views)
    assert made == [1, 2, 3]


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    asked = iter(range(10**9))
    with pytest.raises(Stopped):
        run_points({"a": digits()}, tmp_path, asked=lambda: next(asked) > 20)
    record = json.loads((tmp_path / "a" / "seed-1" / "run.json").read_text())
    assert record["complete"] is False
    (run,) = run_points({"a": digits()}, tmp_path)
    assert run.metrics == archsim.simulate(digits()).metrics


def test_an_error_of_one_point_is_told_and_the_others_are_made(tmp_path: Path) -> None:
    points = {"too large": digits("chip.tiles=1"), "fits": digits()}
    runs = run_points(points, tmp_path)
    assert list(runs.failures) == [("too large", 1)]
    assert "does not fit" in runs.failures["too large", 1]
    assert list(runs["fits"]) == [1]
    with pytest.raises(archsim.DoesNotFit):
        run_points({"too large": digits("chip.tiles=1")}, tmp_path / "alone")


def test_a_folder_of_another_experiment_is_not_taken(tmp_path: Path) -> None:
    run_points({"a": digits()}, tmp_path)
    with pytest.raises(archsim.InputError, match="another experiment"):
        run_points({"a": digits("training.learning_rate=0.3")}, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2, "points": {}}', '{"format": 1, "points": {"a": 3}}', "["]
)
def test_a_damaged_list_of_points_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text(text)
    with pytest.raises(archsim.InputError, match=r"points\.json"):
        load_collection(tmp_path)


def test_a_list_of_points_leads_nowhere_else(tmp_path: Path) -> None:
    record = {"format": 1, "points": {"a": {"folder": "../elsewhere", "seeds": [1]}}}
    (tmp_path / "points.json").write_text(json.dumps(record))
    with pytest.raises(archsim.InputError, match=r"points\.json"):
        load_collection(tmp_path)


def test_a_list_of_points_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / POINTS_FILE)
    with pytest.raises(InputError, match="cannot be read"):
        load_collection(tmp_path)
