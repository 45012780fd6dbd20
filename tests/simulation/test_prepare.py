"""An experiment made ready, without its data: plan, schedule, memory and closed forms; and how long it will take."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from typer.testing import CliRunner

import archsim
from archsim.cli.app import app
from archsim.data.specification import DataSpecification
from archsim.errors import DoesNotFit, InputError
from archsim.plugins import registry
from archsim.simulation import estimate_time, prepare_whole


@pytest.fixture
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(specification: DataSpecification) -> None:
        raise AssertionError("data are read")

    monkeypatch.setitem(registry._REGISTERED, "archsim.datasets", {"mine": refuse})


@pytest.mark.usefixtures("_no_data")
def test_no_data_are_read_and_everything_else_is_known() -> None:
    prepared = archsim.prepare("mlp_digits", ["data.name=mine", "schedule.kind=gpipe", "schedule.micro_batches=5"])
    assert prepared.mini_batches is None
    assert [stage.operators for stage in prepared.plan.stages] == [("fc1", "act1"), ("fc2", "act2"), ("fc3",)]
    assert prepared.profile.in_flight_max == prepared.closed_forms["in_flight"] == (5, 5, 5)
    shape = prepared.schedule.shape
    assert prepared.closed_forms["makespan_cycles"] == 2 * (shape.stages + 5 - 1) * shape.mini_batches
    assert [stage.micro_batches for stage in prepared.memory] == [5, 5, 5]


@pytest.mark.parametrize(
    "kind", ["zb-h1", "bounded", "hybrid", "synchronous", "asynchronous", "gpipe", "sequential", "inference"]
)
@pytest.mark.parametrize("chip", ["unit", "unit-fbu"])
def test_on_stage_engines_closed_forms_are_time_and_bubbles_of_the_run(kind: str, chip: str) -> None:
    changes = [f"chip={chip}", f"schedule.kind={kind}", "schedule.stages=3", "schedule.micro_batches=5"]
    changes += ["training.mini_batch=10", "training.max_mini_batches=2"]
    forms = archsim.prepare("pipeline_unit", changes).closed_forms
    metrics = archsim.simulate("pipeline_unit", changes).metrics
    assert forms["makespan_ps"] == metrics["makespan_ps"]
    assert forms["bubble_fraction"] == pytest.approx(metrics["bubble_fraction"], abs=1e-12)


def test_it_shows_itself_in_a_few_facts() -> None:
    prepared = archsim.prepare("mlp_digits", ["schedule.kind=gpipe", "schedule.micro_batches=5"])
    text = str(prepared)
    assert text == repr(prepared)
    assert len(text) < 300
    for words in ("mlp_digits", "reram-1024", "gpipe", "stages 3", "3 of 3", "as many as the data say", "bubble"):
        assert words in text
    assert "gpipe" in prepared._repr_html_()


def test_memory_is_what_a_schedule_needs_at_least() -> None:
    changes = ["training.max_mini_batches=20", "schedule.kind=asynchronous"]
    prepared = archsim.prepare("mlp_digits", changes, mode="timing")
    assert prepared.mini_batches == 20
    needed = {f"node {prepared.setup.home(at.stage)}": at.demand_bytes for at in prepared.memory}
    peaks = archsim.simulate("mlp_digits", changes, mode="timing").metrics["peak_buffer_bytes"]
    assert isinstance(peaks, dict)
    # Inputs that come early wait in the buffer as well where there is room.
    assert all(needed[node] <= peaks[node] for node in peaks)
    most = max(needed.values())
    exact = archsim.simulate("mlp_digits", [*changes, f"chip.buffer.capacity={most} B"], mode="timing")
    assert exact.observations.mini_batches == 20
    with pytest.raises(DoesNotFit, match="buffer of stage 0"):
        archsim.prepare("mlp_digits", [*changes, f"chip.buffer.capacity={most - 1} B"], mode="timing")


def test_what_does_not_fit_is_refused_as_a_run_would_refuse_it() -> None:
    for changes in (["chip.tiles=1"], ["chip.buffer.capacity=1 KiB"]):
        with pytest.raises(DoesNotFit) as error:
            archsim.prepare("mlp_digits", changes)
        with pytest.raises(DoesNotFit) as late:
            archsim.simulate("mlp_digits", [*changes, "training.max_mini_batches=9"])
        assert str(error.value) == str(late.value)
        assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_an_experiment_is_prepared_as_well_as_its_name() -> None:
    experiment = archsim.load_experiment("mlp_digits", ["schedule.stages=2"])
    assert archsim.prepare(experiment).plan == archsim.prepare("mlp_digits", ["schedule.stages=2"]).plan
    assert len(archsim.prepare(experiment, ["schedule.stages=3"]).plan.stages) == 3


@pytest.mark.parametrize("kind", ["gpipe", "synchronous", "sequential"])
def test_where_the_pipeline_is_flushed_the_estimate_is_the_time_of_the_run(kind: str) -> None:
    changes = [f"schedule.kind={kind}", "schedule.micro_batches=5", "training.max_mini_batches=12"]
    estimate = estimate_time(prepare_whole(archsim.load_experiment("mlp_digits", changes)))
    assert estimate is not None
    assert estimate.mini_batches == 12
    timing = archsim.simulate("mlp_digits", changes, mode="timing")
    assert estimate.makespan_ps == timing.metrics["makespan_ps"]


def test_the_estimate_counts_what_other_stages_still_do_when_the_first_is_done() -> None:
    changes = ["network.layers.0.placement=digital", "schedule.kind=synchronous", "training.max_mini_batches=4"]
    estimate = estimate_time(prepare_whole(archsim.load_experiment("mlp_digits", changes)))
    assert estimate is not None
    assert estimate.ended_ps > estimate.timed_ps[-1]
    assert estimate.makespan_ps == archsim.simulate("mlp_digits", changes, mode="timing").metrics["makespan_ps"]


def test_a_pipeline_that_is_never_flushed_is_estimated_within_a_twentieth() -> None:
    changes = ["training.max_mini_batches=200"]
    estimate = estimate_time(prepare_whole(archsim.load_experiment("mlp_digits", changes)))
    assert estimate is not None
    makespan = archsim.simulate("mlp_digits", changes, mode="timing").metrics["makespan_ps"]
    assert isinstance(makespan, int)
    assert abs(estimate.makespan_ps - makespan) < makespan / 20


def test_a_single_mini_batch_is_timed_as_it_is() -> None:
    changes = ["training.max_mini_batches=1"]
    estimate = estimate_time(prepare_whole(archsim.load_experiment("mlp_digits", changes)))
    assert estimate is not None
    assert estimate.makespan_ps == archsim.simulate("mlp_digits", changes, mode="timing").metrics["makespan_ps"]


def told(*args: str) -> str:
    result = CliRunner().invoke(app, ["run", *args, "--dry-run"])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_dry_run_says_what_would_run_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = told("mlp_digits", "-o", "dry")
    for words in ("3 used of 3", "mini-batches: 1430", "act2", "1,048,576", "makespan cycles: 2,864", "estimate"):
        assert words in text
    assert not list(tmp_path.iterdir())
    assert "no clock" in told("mlp_digits", "--mode", "numerics")
    assert "equal stages, F and B one cycle each, U none" in text
    assert "archsim schedule" in text
    abstract = told("pipeline_unit", "--set", "chip=unit-fbu")
    assert "F 1 ns, B 1 ns, U 1 ns" in abstract
    assert "bubble fraction" in abstract
    assert "estimate" in abstract


def test_a_dry_run_of_layers_that_share_a_tile_counts_it_once() -> None:
    text = told("mlp_digits", "--set", "schedule=layer-serial")
    assert "1 used of 1" in text
    (row,) = (line.split() for line in text.splitlines() if "fc1" in line and line.split()[0] == "0")
    assert row[-8:-4] == ["0", "0", "1", "1"], "place, node, tiles, in flight"
    assert "update" not in text
    assert "equal stages, F one cycle" in text


def test_a_dry_run_in_json_says_the_same() -> None:
    import json

    found = json.loads(told("mlp_digits", "--json", "--set", "training.max_mini_batches=7"))
    prepared = archsim.prepare("mlp_digits", ["training.max_mini_batches=7"])
    assert found["schedule"]["mini_batches"] == 7
    assert [stage["nodes"] for stage in found["stages"]] == [list(place.nodes) for place in prepared.plan.places]
    assert [stage["buffer_bytes"] for stage in found["stages"]] == [9600, 3840, 520]
    assert found["estimate"]["makespan_ps"] > 0


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("mlp_digits", "--set", "chip.tiles=1"), 2, "does not fit"),
        (("mlp_mnist", "--set", "data.path=/nowhere"), 2, "nowhere"),
        (("mlp_digits", "--seeds", "1..2"), 2, "--dry-run"),
    ],
)
def test_a_dry_run_tells_what_would_stop_the_run(args: tuple[str, ...], code: int, words: str) -> None:
    result = CliRunner().invoke(app, ["run", *args, "--dry-run"])
    assert result.exit_code == code
    assert words in result.stderr


def test_a_timing_run_must_say_how_long_it_is() -> None:
    with pytest.raises(InputError, match=r"data\.samples"):
        archsim.prepare("mlp_digits", mode="timing")


def test_a_number_of_epochs_without_end_is_told_as_it_was_written() -> None:
    for written in ("1e18", "1000000000000000000"):
        with pytest.raises(InputError, match=r"random numbers belong to vectors") as error:
            archsim.prepare("mlp_digits", [f"training.epochs={written}", "data.samples=1000"], mode="timing")
        assert error.value.value == 10**18
        assert error.value.field == "training.epochs"


@pytest.mark.parametrize("more", [(), ("schedule.kind=zb-v",), ("schedule.kind=asynchronous", "schedule.places=2")])
def test_modelled_stage_times_make_an_estimate_of_the_makespan(more: tuple[str, ...]) -> None:
    short = ["training.max_mini_batches=3", "training.mini_batch=16", "schedule.micro_batches=4", "chip=reram-1024"]
    prepared = archsim.prepare("pipeline_unit", [*short, *more], mode="timing")
    times = prepared.action_times()
    run = archsim.simulate("pipeline_unit", [*short, *more], mode="timing")
    assert times.makespan == pytest.approx(run.metrics["makespan_ps"], rel=0.1)
    assert times.bubble_fraction == pytest.approx(run.metrics["bubble_fraction"], abs=0.05)
    assert all(own.forward and own.update for own in prepared.stage_times)
