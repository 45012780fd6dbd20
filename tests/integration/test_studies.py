"""The scripts under ``reports`` run, keep what they have, and say what is there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.statistical.studies import load


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("weight_programming", ["smaller rate", "asymmetry"]),
        ("least_squares", ["dynamics", "start", "tiki-taka", "penalty"]),
        ("drift", ["narrow", "compensation"]),
        ("fixed_point", ["mlp_digits"]),
    ],
)
def test_a_study_runs_and_goes_on_where_it_was(name: str, parts: list[str], tmp_path: Path) -> None:
    study = load(name)
    arguments = ["--tiny", "--out", str(tmp_path)]
    study.main([*arguments, "--only", parts[0]])
    first = pd.read_csv(tmp_path / "results.csv")
    study.main([*arguments, "--only", *parts])
    both = pd.read_csv(tmp_path / "results.csv")
    pd.testing.assert_frame_equal(both.iloc[: len(first)], first)
    assert set(first.part) == {parts[0]}
    assert set(both.part) == set(parts) - {"penalty"}
    assert len(list(tmp_path.glob("*.svg"))) == 1
    page = (tmp_path / "README.md").read_text()
    assert "| holds |" in page
    assert page.splitlines()[2].startswith("**Made with `--tiny`: a trial of the code, not a result.**")
    assert f"`python reports/{name}/remake.py --tiny`" in page
    assert f"`python reports/{name}/remake.py`" not in page


@pytest.mark.usefixtures("data_folder")
def test_two_runs_on_mnist(tmp_path: Path) -> None:
    study = load("mnist_fcn")
    study.main(["--tiny", "--out", str(tmp_path)])
    assert list(pd.read_csv(tmp_path / "results.csv").case) == list(study.CASES)
    page = (tmp_path / "README.md").read_text()
    assert "a trial of the code, not a result" in page
    assert "`python reports/mnist_fcn/remake.py --tiny`" in page


@pytest.mark.usefixtures("data_folder")
def test_training_on_mnist_by_all_algorithms(tmp_path: Path) -> None:
    study = load("mnist_algorithms")
    study.main(["--tiny", "--out", str(tmp_path)])
    results = pd.read_csv(tmp_path / "results.csv")
    assert set(results.algorithm) == {"digital-sgd", "analog-sgd", "tiki-taka"}
    assert results.accuracy.between(2, 40).all()
    page = (tmp_path / "README.md").read_text()
    assert page.count("no verdict") == 3


@pytest.mark.usefixtures("data_folder")
def test_schedules_and_algorithms_in_one_table(tmp_path: Path) -> None:
    study = load("schedules_and_algorithms")
    study.main(["--tiny", "--only", "table", "--out", str(tmp_path)])
    results = pd.read_csv(tmp_path / "results.csv")
    assert len(results) == 4 * 4
    weights = results.pivot_table(index="algorithm", columns="schedule", values="weights", aggfunc="first")
    assert (weights.synchronous == weights.sequential).all()
    assert (weights.asynchronous != weights.sequential).all()
    exact = weights["zb-h2"] == weights.sequential
    assert set(exact[exact].index) == {"Tiki-Taka", "c-TTv2", "mixed precision"}
    assert len(list(tmp_path.glob("*.svg"))) == 4


def test_exact_schedules_end_in_equal_weights_and_zero_bubbles_take_no_longer() -> None:
    """What the rows of the study say that are kept beside it."""
    study = load("schedules_and_algorithms")
    results = study.Rows(study.HERE / "results.csv", study.KEY).frame()
    learning = study.Rows(study.HERE / "learning.csv", study.KEY).frame()
    assert len(results) == 3 * 2 * 4 * 4
    found = study.claims(study.at_the_end(results, learning))
    assert [claim.holds for claim in found[:3]] == [True, True, True]
    assert not any(claim.holds is False for claim in found)


def test_fewer_bits_do_worse_and_eight_do_not() -> None:
    """What the rows of the study say that are kept beside it."""
    study = load("fixed_point")
    claims = study.claims(study.Rows(study.HERE / "results.csv", study.KEY).frame())
    assert len(claims) == 10
    assert all(claim.holds for claim in claims)


def test_a_run_that_is_there_is_known_again(tmp_path: Path) -> None:
    study = load("weight_programming")
    rows = study.Rows(tmp_path / "rows.csv", ["name", "value"])
    rows.add({"name": "one", "value": 0.1, "found": 3})
    again = study.Rows(tmp_path / "rows.csv", ["name", "value"])
    assert again.has({"name": "one", "value": 0.1})
    assert not again.has({"name": "one", "value": 0.2})
    again.add({"name": "one", "value": 0.2, "found": 4})
    assert list(again.frame().found) == [3, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize("name", ["weight_programming", "pipeline_speedup", "mnist_fcn"])
def test_a_trial_leaves_what_a_study_found_as_it_is(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = load(name)
    before = {path.name: path.read_bytes() for path in study.HERE.iterdir() if path.is_file()}
    with pytest.raises(SystemExit):
        study.main(["--tiny", "--fresh"])
    assert "give --out FOLDER" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in study.HERE.iterdir() if path.is_file()}
    # Nor does it add to results that lie elsewhere.
    (tmp_path / "README.md").write_bytes(before["README.md"])
    with pytest.raises(SystemExit):
        study.main(["--tiny", "--out", str(tmp_path)])
    assert "holds results of the study" in capsys.readouterr().err


def test_rows_of_a_trial_count_in_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = load("weight_programming")
    arguments = ["--only", "asymmetry", "--out", str(tmp_path)]
    study.main(["--tiny", *arguments])
    with pytest.raises(SystemExit):
        study.main(arguments)
    assert "forget them with --fresh" in capsys.readouterr().err
