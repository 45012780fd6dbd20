"""The command line: exit codes, what is printed where, and that no mistake of a user shows a traceback."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import archsim
from archsim.cli.app import app
from archsim.document import load_experiment, load_preset, workload_names
from archsim.plugins import names
from archsim.runs.folders import fresh_folder

ROOT = Path(__file__).resolve().parents[1]
FAST = ("pipeline_unit", "--set", "training.max_mini_batches=2")
QUICK = ("--mode", "numerics", "--set", "training.max_mini_batches=6", "--set", "data.test_samples=60")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workloads").symlink_to(ROOT / "workloads")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def refused(*args: str) -> str:
    """Return what is said when the command line refuses something."""
    result = invoke(*args)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert not list(Path().glob("runs/*"))
    return result.output


def test_the_summary_tells_the_latency_and_what_a_target_took():
    text = invoke("run", "mlp_digits", *QUICK, "--set", "training.stop_at={accuracy: 0.01}").stdout
    assert "samples to target" in text
    assert "time to target" not in text, "without a clock"
    assert "latency" in invoke("run", *FAST, "--set", "schedule.kind=inference").stdout
    assert "to target" not in invoke("run", *FAST).stdout


# What is refused


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--set", "trainning.epochs=1"), ("--set trainning.epochs=1", "did you mean 'training'?")),
        (("--set", "schedule.stages=0"), ("schedule.stages", "1 or more")),
        (("--set", "training.learning_rate=nan"), ("training.learning_rate", "a number, above 0")),
        (("--set", "chip=no-such-chip"), ("chip: there is no chip", "reram-1024")),
        (("--set", "schedule.stages=99"), ("stages",)),
        (("--set", "training.epochs"), ("not an override",)),
        (("--mode", "fast"), ("--mode fast", "run.mode", "timing, numerics, coupled")),
        (("--set", "data.name=mnits"), ("data.name", "did you mean 'mnist'?")),
        (("--set", "data.name=mnits", "--mode", "timing"), ("data.name", "did you mean 'mnist'?")),
        (("--set", "data.name=mnist"), ("data.name", "ARCHSIM_DATA")),
        (("--set", "data.samples=99999"), ("data.samples", "up to 1438")),
        (("--set", "training.mini_batch=2000"), ("training.mini_batch", "1438")),
        (("--set", "schedule.micro_batches=3"), ("schedule.micro_batches", "do not divide")),
        (("--set", "network.input_shape=[3]"), ("network.input_shape", "[64]")),
        (("--set", "training.learning_rate=-1", "--set", "run.sed=1"), ("2 mistakes", "run.sed", "learning_rate")),
        (("-o", "workloads"), ("exists already", "not one that archsim wrote")),
        (("-o", "workloads", "--force"), ("not one that archsim wrote",)),
        (("-o", "workloads/mlp_digits.yaml/x"), ("this is not a folder",)),
    ],
)
def test_a_wrong_run_is_refused_with_one_message(args: tuple[str, ...], words: tuple[str, ...]) -> None:
    said = refused("run", "mlp_digits", *args)
    assert said.count("archsim: ") == 1
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("run", "mlp_digts"), ("EXPERIMENT", "did you mean 'mlp_digits'?")),
        (("run", "none.yaml"), ("there is no such file",)),
        (("run", "workloads"), ("not a file",)),
        (("report", "nowhere"), ("there is no such folder",)),
        (("report", "workloads"), ("holds no run",)),
        (("list", "chip"), ("GROUP", "did you mean 'chips'?")),
        (("show", "reram-1025"), ("NAME", "did you mean 'reram-1024'?")),
        (("show", sys.executable), ("not a text file",)),
        (("compare", "mlp_digits", "--schedule", "gpip"), ("--schedule", "did you mean 'gpipe'?")),
        (("compare", "mlp_digits", "pipeline_unit"), ("RUN_DIR", "'mlp_digits'")),
        (("compare", "mlp_digits", "--vary", "chip.adc.bits"), ("--vary", "KEY=a,b")),
        (("compare", "mlp_digits", "--vary", "chip.adc.bitz=4,6"), ("chip.adc.bitz", "did you mean 'bits'?")),
        (("compare", "mlp_digits", "--vary", "run.seed=1,2", "--vary", "run.seed=3"), ("varies twice",)),
        (("compare", "mlp_digits", "--seeds", "5..1"), ("seeds", "1..5")),
        (("run", "mlp_digits", "--seeds", "one"), ("seeds", "1..5")),
        (("run", "mlp_digits", "--seeds", "1..2", "--json"), ("--json", "single run")),
        (("compare", "mlp_digts", "--schedule", "gpipe"), ("did you mean 'mlp_digits'?",)),
        (("compare", "workloads"), ("holds no run",)),
        (("compare", "workloads", "--schedule", "gpipe"), ("RUN_DIR", "finished runs")),
        (("compare", "mlp_digits", "-o", "workloads"), ("the output folder exists already",)),
    ],
)
def test_other_wrong_commands_are_refused_with_one_message(args: tuple[str, ...], words: tuple[str, ...]) -> None:
    said = refused(*args)
    assert said.count("archsim: ") == 1
    for word in words:
        assert word in said


@pytest.mark.parametrize("args", [("run",), ("run", "x", "--nothing"), ("fly",), ("list", "a", "b"), ("compare",)])
def test_wrong_usage_leaves_with_two(args: tuple[str, ...]) -> None:
    assert "Error" in refused(*args)


def test_an_existing_folder_is_refused_before_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **kwargs: Any) -> None:
        pytest.fail("simulated although the results have no place")

    monkeypatch.setattr("archsim.runs.job.simulate", never)
    Path("there").mkdir()
    assert "exists already" in refused("run", *FAST, "-o", "there")


# What is done


def test_a_run_writes_its_folder_and_prints_a_summary() -> None:
    result = invoke("run", *FAST, "-o", "deep/out")
    assert result.exit_code == 0, result.output
    for word in ("time", "energy", "bubble fraction", "results: deep/out"):
        assert word in result.stdout
    assert result.stderr == ""
    assert {path.name for path in Path("deep/out").iterdir()} >= {
        "experiment.yaml",
        "run.json",
        "learning.csv",
        "area.csv",
        "cost.csv",
        "timeline.parquet",
        "trace.json.gz",
        "report.html",
    }
    again = invoke("run", "deep/out/experiment.yaml", "-o", "again")
    assert again.exit_code == 0, again.output
    first, second = (json.loads(Path(folder, "run.json").read_text()) for folder in ("deep/out", "again"))
    assert first["metrics"] == second["metrics"]
    assert Path("deep/out/experiment.yaml").read_text() == Path("again/experiment.yaml").read_text()


def test_without_a_folder_each_run_gets_a_fresh_one() -> None:
    for _ in range(2):
        assert invoke("run", *FAST).exit_code == 0
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == 2
    assert all(folder.name.startswith("pipeline_unit-") and (folder / "run.json").is_file() for folder in folders)


def test_force_replaces_a_run() -> None:
    assert invoke("run", *FAST, "-o", "out").exit_code == 0
    assert invoke("run", *FAST, "-o", "out").exit_code == 2
    result = invoke("run", *FAST, "-o", "out", "--force", "--set", "schedule.stages=8")
    assert result.exit_code == 0, result.output
    assert len(json.loads(Path("out/run.json").read_text())["metrics"]["in_flight_max"]) == 8


def test_json_is_run_json_and_nothing_else() -> None:
    result = invoke("run", *FAST, "-o", "out", "--json")
    assert result.exit_code == 0
    assert result.stdout == Path("out/run.json").read_text()
    assert json.loads(result.stdout)["metrics"]["makespan_ps"] == 44_000


def test_mode_is_one_more_override() -> None:
    result = invoke("run", "mlp_digits", "--mode", "timing", "--set", "data.samples=40", "-o", "out")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("out/run.json").read_text())["metrics"]["accuracy"] is None


def test_compare_runs_every_schedule_and_writes_table_and_figure() -> None:
    result = invoke("compare", *FAST, "-o", "out")
    assert result.exit_code == 0, result.output
    left_out = {"file", "hybrid", "inference", "layer-serial"}
    kinds = tuple(kind for kind in names("archsim.schedules") if kind not in left_out)
    line = next(line for line in result.stdout.splitlines() if line.startswith("left out: "))
    assert all(f"{kind} (" in line for kind in left_out)
    assert "hybrid" not in result.stdout.replace(line, "")
    assert "archsim compare out" in refused("compare", "out/gpipe")
    assert len(kinds) >= 4
    for kind in kinds:
        assert kind in result.stdout
        assert Path("out", kind, "seed-1", "run.json").is_file()
    rows = Path("out/comparison.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == list(kinds)
    assert Path("out/comparison.svg").read_text().startswith("<?xml")
    assert invoke("compare", *FAST, "-o", "out").exit_code == 2
    assert invoke("compare", *FAST, "-o", "out", "--force", "--schedule", "gpipe").exit_code == 0
    assert not Path("out/synchronous").exists()


def test_compare_puts_folders_side_by_side() -> None:
    for stages in (2, 4):
        assert invoke("run", *FAST, "--set", f"schedule.stages={stages}", "-o", f"a/{stages}").exit_code == 0
    assert invoke("run", *FAST, "-o", "b/2").exit_code == 0
    result = invoke("compare", "a/2", "a/4", "b/2", "-o", "both")
    assert result.exit_code == 0, result.output
    rows = Path("both/comparison.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["run", "a/2", "4", "b/2"]
    assert invoke("compare", "a/2", "a/2").exit_code == 0


def test_compare_goes_along_any_keys() -> None:
    axes = ("--vary", "schedule.stages=1,2", "--vary", "training.mini_batch=8,16")
    result = invoke("compare", *FAST, *axes, "-o", "grid")
    assert result.exit_code == 0, result.output
    table = pd.read_csv("grid/comparison.csv")
    assert table["run"].tolist() == [f"stages={s}, mini_batch={m}" for s in (1, 2) for m in (8, 16)]
    for words in ("training.mini_batch: 8, 16, 8, 16", "schedule.stages: 1, 1, 2, 2", "different numbers of samples"):
        assert words in result.stdout
    assert invoke("compare", "grid").stdout.split("table:")[0] == result.stdout.split("table:")[0]


def test_compare_tells_places_where_stages_share_them() -> None:
    options = (*FAST, "--set", "schedule.stages=4", "--schedule", "synchronous")
    alone = invoke("compare", *options, "-o", "alone")
    assert alone.exit_code == 0, alone.output
    assert not any(line.split()[:1] in (["stages"], ["places"]) for line in alone.stdout.splitlines())
    shared = invoke("compare", *options, "--vary", "schedule.places=2,4", "-o", "shared")
    assert shared.exit_code == 0, shared.output
    rows = [line.split() for line in shared.stdout.splitlines()]
    assert ["stages", "4", "4"] in rows
    assert ["places", "2", "4"] in rows
    assert pd.read_csv("shared/comparison.csv")["places"].tolist() == [2, 4]


def test_seeds_give_means_and_spread() -> None:
    result = invoke("run", "mlp_digits", *QUICK, "--seeds", "1..3", "-o", "out")
    assert result.exit_code == 0, result.output
    accuracies = [
        json.loads(Path(f"out/seed-{seed}/run.json").read_text())["metrics"]["accuracy"] for seed in (1, 2, 3)
    ]
    table = pd.read_csv("out/comparison.csv")
    assert table["n"].tolist() == [3]
    assert table["accuracy"][0] == pytest.approx(statistics.mean(accuracies))
    assert table["accuracy_std"][0] == pytest.approx(statistics.stdev(accuracies))
    assert pd.read_csv("out/runs.csv")["accuracy"].tolist() == accuracies
    assert [seed for seed in (1, 2, 3) if Path(f"out/seed-{seed}/report.html").is_file()] == [1]
    assert invoke("report", "out/seed-2").exit_code == 0
    shown = f"{100 * statistics.mean(accuracies):.2f} ± {100 * statistics.stdev(accuracies):.2f} %"
    assert shown in result.stdout


def test_runs_that_are_finished_are_kept() -> None:
    options = (*FAST, "--schedule", "gpipe", "--seeds", "1,2", "-o", "out")
    assert invoke("compare", *options).exit_code == 0
    kept, gone = Path("out/gpipe/seed-1/run.json"), Path("out/gpipe/seed-2/run.json")
    before = kept.stat().st_mtime_ns
    shutil.rmtree(gone.parent)
    refusal = refused("compare", *options)
    assert "--resume" in refusal
    assert invoke("compare", *options, "--resume").exit_code == 0
    assert kept.stat().st_mtime_ns == before
    assert gone.is_file()


def test_a_point_that_fails_does_not_take_the_others_along() -> None:
    # The matrices of 64 columns do not fit two tiles of 16.
    axis = ("--vary", "chip.tile.columns=16,1024", "--set", "chip.tiles=3")
    result = invoke("compare", "mlp_digits", *QUICK, *axis, "-o", "out")
    assert result.exit_code == 1
    assert "columns=16 failed" in result.stderr.replace(", seed 1", "")
    assert pd.read_csv("out/comparison.csv")["run"].tolist() == ["columns=1024"]


def test_report_is_written_anew() -> None:
    assert invoke("run", *FAST, "-o", "out").exit_code == 0
    before = Path("out/report.html").read_text()
    Path("out/report.html").unlink()
    result = invoke("report", "out")
    assert result.exit_code == 0, result.output
    assert Path("out/report.html").read_text() == before


def test_shipped_workloads_run_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "pipeline_unit" in invoke("list", "workloads").stdout
    assert invoke("run", *FAST, "-o", "out").exit_code == 0
    # A document of the user's own in the same place wins, with what it includes beside it.
    Path("workloads").mkdir()
    Path("workloads/sizes.yaml").write_text("{mini_batch: 4, learning_rate: 0.5}\n")
    own = "{network: mlp-64-64-32-10, chip: unit, training: {include: sizes.yaml}}"
    Path("workloads/pipeline_unit.yaml").write_text(own)
    assert load_experiment("pipeline_unit").training.mini_batch == 4
    assert {"mlp_digits", "pipeline_unit", "sizes"} <= set(workload_names())


def test_figures_of_a_report_become_files_of_their_own() -> None:
    assert invoke("run", *FAST, "-o", "out").exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    result = invoke("report", "out", "--figures", "deep/figures", "--format", "pdf,svg,png")
    assert result.exit_code == 0, result.output
    written = {path.name: path.read_bytes() for path in Path("deep/figures").iterdir()}
    names = {name.partition(".")[0] for name in written}
    # No accuracy without numbers, no energy on the unit chip: a figure without data is no file.
    assert {"timeline", "idle", "utilisation"} <= names
    assert "learning" not in names
    assert written.keys() == {f"{name}.{ending}" for name in names for ending in ("pdf", "svg", "png")}
    begins = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
    assert all(content.startswith(begins[name.partition(".")[2]]) for name, content in written.items())
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before
    assert "exists already" in invoke("report", "out", "--figures", "deep/figures").output
    assert invoke("report", "out", "--figures", "deep/figures", "--force").exit_code == 0
    assert Path("deep/figures/idle.svg").read_bytes() == written["idle.svg"]


@pytest.mark.parametrize("option", [("-o", "out"), ("--dry-run",)])
def test_missing_data_name_where_the_document_asks_for_them(option: tuple[str, ...]) -> None:
    Path("own.yaml").write_text(
        "network: mlp-64-64-32-10\nchip: unit\ndata:\n  name: mnist\n  path: none\ntraining: {learning_rate: 1}\n"
    )
    result = invoke("run", "own.yaml", *option)
    assert result.exit_code == 2
    assert "own.yaml:5:9: data.path: there is no such folder" in result.output


def test_the_figure_of_a_comparison_becomes_a_file_too() -> None:
    schedules = ("--schedule", "synchronous", "--schedule", "asynchronous")
    assert invoke("compare", *FAST, *schedules, "-o", "side").exit_code == 0
    result = invoke("report", "side", "--figures", "f", "--format", "pdf,png")
    assert result.exit_code == 0, result.output
    assert {path.name: path.read_bytes()[:4] for path in Path("f").iterdir()} == {
        "comparison.pdf": b"%PDF",
        "comparison.png": b"\x89PNG",
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--figures", "f", "--format", "gif"), "svg, pdf, png"),
        (("--format", "pdf"), "do not go together"),
        (("--figures", "f", "--trace-window", "0 ns:1 ns"), "do not go together"),
        (("--figures", "out/run.json"), "cannot be made or written"),
    ],
)
def test_figures_are_refused_before_anything_is_written(args: tuple[str, ...], words: str) -> None:
    assert invoke("run", *FAST, "-o", "out").exit_code == 0
    result = invoke("report", "out", *args)
    assert (result.exit_code, words in result.output) == (2, True), result.output
    assert not Path("f").exists()


@pytest.mark.parametrize("workload", ["mlp_digits", "mlp_mnist", "pipeline_unit"])
def test_every_workload_is_a_valid_experiment(workload: str) -> None:
    assert workload in workload_names()
    assert load_experiment(workload).name == workload


@pytest.mark.parametrize("stages", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "asynchronous"])
def test_the_unit_pipeline_runs_with_any_number_of_stages(stages: int, kind: str) -> None:
    overrides = [f"schedule.stages={stages}", f"schedule.kind={kind}", "training.max_mini_batches=3"]
    run = archsim.simulate(load_experiment("pipeline_unit", overrides))
    assert run.metrics["mini_batches"] == 3
    assert len(run.observations.in_flight_max) == stages


# What there is to see


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("chips", "reram-1024"),
        ("devices", "soft-bounds"),
        ("algorithms", "analog-sgd"),
        ("schedules", "gpipe"),
        ("datasets", "digits"),
        ("networks", "mlp-64-64-32-10"),
        ("operators", "tanh"),
        ("workloads", "pipeline_unit"),
    ],
)
def test_list_and_show_know_every_group(group: str, name: str) -> None:
    listed = invoke("list", group)
    assert listed.exit_code == 0
    assert name in listed.stdout
    assert "broken" not in listed.stdout
    assert name in invoke("list").stdout
    shown = invoke("show", name)
    assert shown.exit_code == 0, shown.output
    assert name in shown.stdout


def test_show_prints_presets_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(invoke("show", "reram-1024").stdout)
    chip = load_experiment({"network": "mlp-64-64-32-10", "chip": "chip.yaml", "training": {"learning_rate": 1}}).chip
    original = load_preset("archsim.chips", "reram-1024")
    assert chip.model_dump(mode="json")["tile"]["integration_time"]["status"] == "user"
    assert _values(chip.model_dump(mode="json")) == _values(original.model_dump(mode="json"))


def test_show_draws_how_a_device_responds(tmp_path: Path) -> None:
    shown = invoke("show", "soft-bounds", "--figure", str(tmp_path / "soft.png"))
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "soft.png").read_bytes().startswith(b"\x89PNG")
    assert "1\u202f200 states of 0.001" in shown.stdout
    drawn = [line for line in shown.stdout.splitlines() if any("\u2801" <= c <= "\u28ff" for c in line)]
    assert len(drawn) == 12
    # From weight 0 in the left, up to the top before the middle, and down at the right end.
    first = [next(i for i, c in enumerate(line) if c in "│┤") + 1 for line in drawn]
    filled = [[c != "\u2800" for c in line[begin:]] for line, begin in zip(drawn, first, strict=True)]
    assert any(row[0] for row in filled[5:8])
    assert any(filled[0][20:40])
    assert not any(row[-1] for row in filled[:6])
    (tmp_path / "soft.yaml").write_text(shown.stdout)
    chip = {"preset": "unit", "device": str(tmp_path / "soft.yaml")}
    loaded = load_experiment({"network": "mlp-64-64-32-10", "chip": chip, "training": {"learning_rate": 1}})
    assert loaded.chip.device == load_preset("archsim.devices", "soft-bounds")


@pytest.mark.parametrize(("name", "words"), [("ideal", "no pulses"), ("gpipe", "only devices"), ("pcm", "format")])
def test_show_draws_nothing_that_is_not_there(name: str, words: str) -> None:
    shown = invoke("show", name, "--figure", "here.gif")
    assert shown.exit_code == 2
    assert words in shown.stderr
    assert not Path("here.gif").exists()


def _values(content: Any) -> Any:
    """Return a chip without the sources of its constants."""
    if not isinstance(content, dict):
        return content
    if "value" in content and "source" in content:
        return content["value"]
    return {key: _values(value) for key, value in content.items()}


def test_show_tells_of_a_run_how_stale_it_was_and_what_targets_took() -> None:
    invoke("run", "mlp_digits", *QUICK, "--set", "run.discrepancy_every=1", "-o", "one")
    shown = invoke("show", "one", "--target", "0.01", "--target", "0.999").stdout
    run = archsim.load_run("one")
    way = run.to_target(accuracy=0.01)
    assert way.reached
    for word in ("F to B", "F to U", "weights of B less those of F", f"{way.samples:,}", f"{way.pulses:,}"):
        assert word in shown, word
    assert f"99.9 %: {run.to_target(accuracy=0.999).reason}" in shown
    compared = invoke("compare", "one", "--target", "0.01").stdout
    assert f"{way.pulses:,}" in compared
    for args, words in (
        (("show", "one", "--set", "run.seed=2"), "a finished run is shown as it is"),
        (("show", "one", "--target", "2"), "no test accuracy is like that"),
        (("show", "mlp_digits", "--target", "0.5"), "only of a finished run"),
        (("compare", "mlp_digits", "--target", "0.5", "--target", "0.6"), "one target accuracy"),
    ):
        assert words in refused(*args)


def test_info_names_what_results_depend_on() -> None:
    result = invoke("info")
    assert result.exit_code == 0, result.output
    for word in ("archsim", "instruction set", "BLAS", "processors", "ARCHSIM_DATA", "numpy"):
        assert word in result.stdout


def test_schedule_tells_what_a_place_does_and_claims_of_gradients() -> None:
    sets = ("training.max_mini_batches=2", "training.mini_batch=2", "schedule.micro_batches=2", "schedule.stages=2")
    found = {}
    for kind in ("breadth-first", "zb-v", "asynchronous"):
        more = (part for one in (*sets, f"schedule.kind={kind}") for part in ("--set", one))
        shown = invoke("schedule", "pipeline_unit", *more)
        assert shown.exit_code == 0, shown.output
        found[kind] = shown.stdout
    assert "\nplace 0: 0:F0 0:F1 1:F0 1:F1 1:B0 1:B1 1:U1*2 0:B0 0:B1 0:U1*2 0:F2 " in found["breadth-first"]
    assert "\ngradients: exact; " in found["breadth-first"]
    assert "\ngradients: stale here: U changes the arrays that F and B read; " in found["zb-v"]
    assert "\ngradients: stale; " in found["asynchronous"]
    assert "\nplace" not in found["asynchronous"]


@pytest.mark.parametrize(
    ("algorithm", "claimed"),
    [
        ("mixed-precision", "exact here: U goes to a digital accumulator, and the arrays"),
        ("{kind: tiki-taka, transfer_every: 2, units_in_mbatch: true}", "exact here: U goes to a fast array, and the"),
        (
            "{kind: tiki-taka, transfer_every: 3, units_in_mbatch: false}",
            "stale here: U goes to a fast array, but transfers fall due within",
        ),
        ("{kind: tiki-taka, gamma: 0.1, units_in_mbatch: true}", "stale here: U changes the arrays that F and B read"),
        ("analog-sgd", "stale here: U changes the arrays that F and B read"),
    ],
)
def test_schedule_claims_of_gradients_what_the_algorithm_says(algorithm: str, claimed: str) -> None:
    sets = ("training.mini_batch=8", "training.max_mini_batches=2", "schedule.kind=zb-h1", "schedule.micro_batches=4")
    options = [part for one in (*sets, f"training.algorithm={algorithm}") for part in ("--set", one)]
    shown = invoke("schedule", "mlp_digits", *options)
    assert f"\ngradients: {claimed}" in shown.stdout, shown.output
    assert ("without transfers" in shown.stdout) == (algorithm != "analog-sgd")


def test_schedule_prints_a_line_a_stage_and_writes_all_actions() -> None:
    short = ("mlp_digits", "--set", "schedule.kind=gpipe", "--set", "training.max_mini_batches=2")
    shown = invoke("schedule", *short)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[:-3] == [
        "gpipe: stages: 3, mini-batches: 2, micro-batches in each: 1, update: deferred",
        *(f"stage {stage}: F0 B0 U0 F1 B1 U1" for stage in range(3)),
        "",
        "cycle   0              5              10",
        "stage 0 F0 ·  ·  ·  ·  B0 F1 ·  ·  ·  ·  B1",
        "stage 1 ·  F0 ·  ·  B0 ·  ·  F1 ·  ·  B1 ·",
        "stage 2 ·  ·  F0 B0 ·  ·  ·  ·  F1 B1 ·  ·",
        "U takes no time here",
        "(equal stages)",
        "",
        "stored from F to U, at most: 1 micro-batch",
        "stage 0 stores at most 1 micro-batch, each with activations: 1,920 B, errors: 1,280 B",
        "stage 1 stores at most 1 micro-batch, each with activations: 1,280 B, errors: 640 B",
        "stage 2 stores at most 1 micro-batch, each with activations: 420 B, errors: 100 B",
        "versions of the weights from F to B, at most: 1, of which a crossbar holds one",
        "gradients: exact; mean updates from F to B: 0",
        "equal stages, F and B of one cycle: "
        "makespan: 12 cycles, bubble: 66.7 %, in flight at each stage: 1, stored: 1, staleness: 0",
        "equal stages, F, B and U of one cycle: "
        "makespan: 14 cycles, bubble: 57.1 %, in flight at each stage: 1, stored: 1, staleness: 0",
    ]
    assert re.fullmatch(r"modelled stage times, F \+ B \+ U of a micro-batch: stage 0: .* us, stage 1: .*", lines[-3])
    assert re.fullmatch(r"with these: makespan: 5.* us, bubble: 5.* % \(waiting for gradient .*, flush .*\)", lines[-2])
    assert re.fullmatch(r"critical path: .* of it on stage 1 \(.*\); if that stage were twice as fast, .*", lines[-1])
    long = invoke("schedule", "mlp_digits")
    assert "... (4266 more) ... B1428 U1428 B1429 U1429" in long.stdout
    assert invoke("schedule", "mlp_digits", "-o", "deep/actions.txt").exit_code == 0
    lines = Path("deep/actions.txt").read_text().splitlines()
    assert [len(line.split()) for line in lines] == [3 * 1430] * 3
    assert lines[0].startswith("F0 F1 F2 B0 U0 F3")
    assert "exists already" in refused("schedule", "mlp_digits", "-o", "deep/actions.txt")


def test_a_schedule_with_copies_of_weights_says_that_no_file_is_read_with_them() -> None:
    options = ("--set", "schedule.kind=two-version", "--set", "training.max_mini_batches=2")
    told = invoke("schedule", "pipeline_unit", *options, "-o", "two.txt")
    assert told.exit_code == 0, told.output
    assert "schedule.kind: file does not read it: it holds C" in told.stdout
    assert "does not read it" not in invoke("schedule", "pipeline_unit", "-o", "one.txt").stdout


def test_schedule_is_drawn_in_cycles_of_the_chip_and_as_a_figure() -> None:
    sets = ("training.mini_batch=16", "schedule.micro_batches=4", "schedule.kind=zb-h1", "chip=unit-fbu")
    options = [part for one in sets for part in ("--set", one)]
    lines = invoke("schedule", "pipeline_unit", *options).stdout.splitlines()
    assert "stage 3 ·   ·   ·   F0  B0  F1  B1  F2  B2  F3  B3  U0  U1  U2  U3  ·   ·   ·   F4 " in "\n".join(lines)
    assert "shown are the first 35 cycles; archsim schedule --figure FILE draws more" in lines
    assert "(a cycle is 1 ns)" in lines
    assert "with these: makespan: 60 ns, bubble: 20 % (waiting for gradient 10 %, flush 7.5 %, fill 2.5 %)" in lines
    drawn = invoke("schedule", "pipeline_unit", *options, "--figure", "zb.svg", "-o", "zb.txt")
    assert drawn.exit_code == 0, drawn.output
    text = Path("zb.svg").read_text()
    assert invoke("schedule", "pipeline_unit", *options, "--figure", "zb.svg").stdout.splitlines()[:-1] == lines
    assert "makespan 60 ns; bubble: 20 % (waiting for gradient 10 %" in text
    assert Path("zb.txt").read_text().startswith("F0 F1 F2 F3 B0 U0")
    assert "not saved in this format" in refused("schedule", "pipeline_unit", "--figure", "zb.gif")
    for name, begins in (("zb.png", b"\x89PNG"), ("new/zb.svg", b"<?xml"), ("zb.pdf", b"%PDF")):
        assert invoke("schedule", "pipeline_unit", *options, "-o", name).stdout.startswith("figure: ")
        assert Path(name).read_bytes().startswith(begins)
    assert Path("new/zb.svg").read_text() == text
    assert "exists already" in refused("schedule", "pipeline_unit", *options, "-o", "zb.png")


def test_schema_is_a_json_schema_of_the_document() -> None:
    result = invoke("schema")
    assert result.exit_code == 0, result.output
    schema = json.loads(result.stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"network", "chip", "training", "run"} <= schema["properties"].keys()


def test_a_trace_shows_the_window_that_was_asked_for() -> None:
    def first_and_last() -> tuple[float, float]:
        with gzip.open("out/trace.json.gz") as file:
            slices = [event for event in json.load(file)["traceEvents"] if event["ph"] == "X"]
        return min(event["ts"] for event in slices), max(event["ts"] for event in slices)

    assert invoke("run", *FAST, "-o", "out").exit_code == 0
    assert first_and_last()[0] == 0
    assert invoke("report", "out", "--trace-window", "20 ns:30 ns").exit_code == 0
    first, last = first_and_last()
    assert 0 < first <= last < 0.03
    assert invoke("run", *FAST, "-o", "out", "--force", "--trace-window", "20 ns:30 ns").exit_code == 0
    assert first_and_last() == (first, last)


def test_a_report_of_a_sweep_that_cannot_be_written_is_told() -> None:
    command = ["explore", "pipeline_unit", "--mode", "timing", "--vary", "schedule.micro_batches=1,2", "-o", "grid"]
    assert invoke(*command, "--set", "training.max_mini_batches=2").exit_code == 0
    Path("grid/report.html").unlink()
    Path("grid/report.html").mkdir()
    said = refused(*command, "--set", "training.max_mini_batches=2")
    assert "grid" in said
    assert "this cannot be made or written" in said
    assert "remedy" in said


# What happens around it


def test_a_watched_run_shows_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from archsim.cli.progress import watched

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with watched("mine") as report:
        assert report is not None
        report(SimpleNamespace(done=3, total=8, time_ps=2_500_000, events=10))
        report(SimpleNamespace(done=8, total=8, time_ps=9_000_000, events=20))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "8/8" in shown.err
    assert "9 us" in shown.err


def test_an_unwatched_run_shows_none(capsys: pytest.CaptureFixture[str]) -> None:
    from archsim.cli.progress import watched

    with watched("mine") as report:
        assert report is None
    assert capsys.readouterr().err == ""


def test_fresh_folders_are_never_shared_and_go_when_nothing_came(tmp_path: Path) -> None:
    with fresh_folder("a/b: c") as one, fresh_folder("a/b: c") as two:
        assert one != two
        assert one.parent == two.parent == Path("runs")
        assert one.name.startswith("a-b-c-")
        (two / "run.json").write_text("")
    assert not one.exists()
    assert two.exists()


def _interrupt(*args: Any, **kwargs: Any) -> None:
    raise KeyboardInterrupt


def _break(*args: Any, **kwargs: Any) -> None:
    raise archsim.ArchsimError("the pipeline stands still")


@pytest.mark.parametrize(
    ("happening", "code", "words"), [(_interrupt, 130, "interrupted"), (_break, 1, "the pipeline stands still")]
)
def test_what_stops_a_run_gives_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, happening: Callable[..., None], code: int, words: str
) -> None:
    monkeypatch.setattr("archsim.runs.job.simulate", happening)
    result = invoke("run", *FAST)
    assert result.exit_code == code
    assert result.stderr == f"archsim: {words}\n"
    assert not Path("runs").exists()


def test_the_installed_command_and_the_module_agree() -> None:
    done = [
        subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        for command in ([str(Path(sys.executable).with_name("archsim"))], [sys.executable, "-m", "archsim"])
    ]
    assert done[0] == done[1]


def test_an_interruption_before_the_first_event_leaves_nothing() -> None:
    command = [sys.executable, "-m", "archsim", "run", "mlp_digits", "--set", "training.epochs=100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(Path().glob("runs/*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said == "archsim: interrupted\n"
    assert not Path("runs").exists()


# Two experiments


def test_diff_names_keys_with_both_values_and_leaves_like_diff() -> None:
    assert invoke("run", *FAST, "--set", "schedule.stages=8", "-o", "out").exit_code == 0
    differing = invoke("diff", "pipeline_unit", "out")
    assert differing.exit_code == 1
    assert differing.stdout == "training.max_mini_batches: 4 -> 2\nschedule.stages: 4 -> 8\n"
    same = invoke("diff", "workloads/pipeline_unit.yaml", "pipeline_unit")
    assert (same.exit_code, same.stdout) == (0, "")
    assert "neither a file nor a workload" in refused("diff", "pipeline_unit", "no-such-thing")
    assert "holds no run" in refused("diff", "pipeline_unit", "workloads")
