"""What binds observations to a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from archsim.results import LearningCurve, Timeline, collect_provenance, compare_runs, load_run, make_run
from archsim.results.learning import Score

from .synthetic import synthetic_run


def test_a_training_that_diverged_is_said_and_saved(tmp_path: Path) -> None:
    old = synthetic_run(numerics=True)
    curve = LearningCurve()
    curve.add(1, 8, 0, None, float("inf"), Score())
    curve.add(2, 16, 0, None, float("nan"), Score(0.1, float("inf"), float("inf")))
    run = make_run(
        old.document,
        old.chip,
        replace(old.observations, loss=float("inf"), test_loss=float("inf"), perplexity=float("inf")),
        curve,
        Timeline(),
        old.provenance,
    )
    assert run.metrics["loss"] is run.metrics["test_loss"] is run.metrics["perplexity"] is None
    assert run.warnings[0] == "the training diverged: the last training loss is inf, the test loss is inf"
    run.save(tmp_path / "run")
    assert load_run(tmp_path / "run") == run
    lines = (tmp_path / "run" / "learning.csv").read_text().splitlines()
    assert lines[1:] == ["1,8,0,,inf,,,,,", "2,16,0,,,0.1,inf,inf,,"]


def test_runs_stand_side_by_side() -> None:
    runs = {"with clock": synthetic_run(), "without": synthetic_run(numerics=True)}
    table = compare_runs(runs)
    assert table["run"].tolist() == ["with clock", "without"]
    assert table["schedule"].tolist() == ["asynchronous"] * 2
    assert table["mode"].tolist() == ["coupled", "numerics"]
    first, second = table.to_dict(orient="records")
    for name in ("makespan_ps", "energy_pj", "power_w", "area_um2", "accuracy", "bubble_fraction"):
        assert first[name] == runs["with clock"].metrics[name]
    assert first["staleness"] == 2.0
    assert second["energy_pj"] != second["energy_pj"]
    assert compare_runs({}).empty


def test_the_start_of_a_run_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        collect_provenance(
            seeds={}, instruction_set="portable", threads=1, started=datetime(2024, 1, 1), duration_s=1.0
        )


def test_provenance_names_what_archsim_rests_on() -> None:
    origin = synthetic_run(numerics=True).provenance
    assert {"numpy", "scipy", "simpy", "ruamel.yaml"} <= origin.dependencies.keys()
    assert not {"pytest", "ruff", "archsim"} & origin.dependencies.keys()
    assert origin.started == "2024-05-17T12:00:00+00:00"
