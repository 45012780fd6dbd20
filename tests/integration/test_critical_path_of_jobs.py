"""What bounds the time where actions overlap: a path from job to job, and gains close to those of faster units."""

from __future__ import annotations

from pathlib import Path

import pytest

import archsim
from archsim.engine.events.nmpu_tasks import NmpuTask
from archsim.engine.events.part_tasks import PartTask
from archsim.engine.events.port_tasks import PortTask
from archsim.engine.events.tasks import UnitTask
from archsim.results import Run
from archsim.results.critical_path import CriticalPath

TILES = ("chip=reram-1024", "training.max_mini_batches=2", "training.mini_batch=8", "schedule.micro_batches=4")


def timed(*overrides: str) -> Run:
    return archsim.simulate(archsim.load_experiment("pipeline_unit", [*TILES, *overrides], mode="timing"))


def found_in(run: Run) -> CriticalPath:
    found = run.critical_path
    assert found is not None
    return found


def check_path(run: Run) -> None:
    path = found_in(run).path
    assert path["start_ps"].tolist() == [0, *path["end_ps"].tolist()[:-1]]
    assert (path["end_ps"] > path["start_ps"]).all()
    assert path["end_ps"].iloc[-1] == run.observations.makespan_ps
    assert (path["end_ps"] - path["start_ps"]).sum() == run.observations.makespan_ps
    assert ((path["unit"] == "") == (path["waiting"] != "")).all()


def gain(run: Run, unit: str, component: str, action: str = "") -> float:
    units = found_in(run).units
    own = units[(units["unit"] == unit) & (units["component"] == component) & (units["action"] == action)]
    return float(own["gain_ps"].iloc[0])


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of tiles, digital units and ports that take half their time, which a test may change before it runs."""
    names: set[str] = set()

    def halve(kind: type[UnitTask]) -> None:
        made = kind.start

        def start(task: UnitTask) -> int:
            time = made(task)
            return time // 2 if task.unit.name in names else time

        monkeypatch.setattr(kind, "start", start)

    for kind in (PartTask, NmpuTask, PortTask):
        halve(kind)
    return names


OVERLAPPING = (
    ("schedule.kind=gpipe", "schedule.overlap=layers"),
    ("schedule.kind=gpipe", "schedule.overlap=layers", "schedule.chunk_vectors=1"),
    ("schedule.kind=asynchronous", "schedule.overlap=layers", "schedule.places=2"),
    ("schedule.kind=asynchronous", "schedule.overlap=stages"),
    ("schedule.kind=synchronous", "schedule.overlap=stages", "schedule.chunk_vectors=1"),
    ("schedule.kind=zb-h1", "schedule.overlap=stages", "chip.tile.double_buffered=true", "schedule.chunk_vectors=1"),
    ("schedule.kind=inference", "schedule.overlap=stages", "schedule.chunk_vectors=1"),
    ("schedule.kind=synchronous", "schedule.overlap=layers", "chip.buffer.capacity=14 KiB"),
    ("schedule.kind=gpipe", "schedule.overlap=layers", "chip.host.clock=1 MHz"),
    ("schedule.kind=asynchronous", "schedule.overlap=layers", "run.program=true"),
)


@pytest.mark.parametrize("overrides", OVERLAPPING)
def test_the_path_has_no_gap_and_adds_up_to_the_makespan(overrides: tuple[str, ...], tmp_path: Path) -> None:
    run = timed(*overrides)
    check_path(run)
    found = found_in(run)
    assert found.of_jobs
    assert not found.exact
    assert set(found.path["release"]) <= {"", "input", "unit", "head", "layer", "stage", "other", "fill", "wait"}
    units = found.units
    assert len(units.dropna(subset="gain_ps"))
    assert not (units["gain_ps"] > units["path_ps"] / 2).any()
    assert not (units["gain_ps"] < 0).any()
    run.save(tmp_path / "run")
    again = found_in(archsim.load_run(tmp_path / "run"))
    assert again.path.equals(found.path)
    assert again.units.equals(units)


def test_with_chunks_alone_the_path_has_no_gap_either() -> None:
    run = timed("schedule.kind=gpipe", "schedule.chunk_vectors=1")
    check_path(run)
    assert not found_in(run).of_jobs


@pytest.mark.parametrize("overlap", ["layers", "stages"])
@pytest.mark.parametrize("features", [(64, 10), (10, 64)])
def test_two_stages_have_the_path_and_gains_of_hand(overlap: str, features: tuple[int, int], fast: set[str]) -> None:
    """Each stage reads its tile and then works digitally; the one that takes longer never waits once it has begun."""
    layers = ", ".join(f"{{name: fc{i}, kind: linear, features: {n}}}" for i, n in enumerate(features))
    overrides = (
        f"network={{input_shape: [64], layers: [{layers}]}}",
        "schedule.stages=[[fc0], [fc1]]",
        "schedule.kind=inference",
        f"schedule.overlap={overlap}",
        "chip.nmpu.clock=10 kHz",
    )
    run = timed(*overrides)
    check_path(run)
    jobs = run.timeline
    jobs = jobs[jobs["action"] != ""]
    time = {unit: int((own["end_ps"] - own["start_ps"]).iloc[0]) for unit, own in jobs.groupby("unit", observed=True)}
    micro_batches = 8

    def makespan(first: int, second: int) -> int:
        stages = (time["tile 0"] + first, time["tile 1"] + second)
        return time["host"] + time["link 0->1"] + sum(stages) + (micro_batches - 1) * max(stages)

    digital = (time["nmpu 0"], time["nmpu 1"])
    assert run.observations.makespan_ps == makespan(*digital)
    slow = digital.index(max(digital))
    path = found_in(run).path
    path = path[path["component"].isin(["tile", "nmpu"])]
    on_path = list(zip(path["micro_batch"].tolist(), path["unit"].tolist(), strict=True))
    of_stage = [[f"tile {stage}", f"nmpu {stage}"] for stage in range(2)]
    alone = [(k, unit) for k in range(micro_batches) for unit in of_stage[slow]]
    before = [(0, unit) for unit in of_stage[0]] if slow else []
    after = [] if slow else [(micro_batches - 1, unit) for unit in of_stage[1]]
    assert on_path == before + alone + after
    for stage in range(2):
        halved = [value // 2 if number == stage else value for number, value in enumerate(digital)]
        saved = makespan(*digital) - makespan(*halved)
        assert gain(run, f"nmpu {stage}", "nmpu") == saved
        fast.clear()
        fast.add(f"nmpu {stage}")
        assert run.observations.makespan_ps - timed(*overrides).observations.makespan_ps == saved


@pytest.mark.parametrize("overrides", OVERLAPPING[:4])
def test_halving_the_best_tile_saves_about_what_was_told(overrides: tuple[str, ...], fast: set[str]) -> None:
    run = timed(*overrides)
    units = found_in(run).units
    tiles = units[(units["component"] == "tile") & (units["action"] == "") & (units["unit"] != "")]
    fast.add(tiles["unit"].iloc[0])
    saved = run.observations.makespan_ps - timed(*overrides).observations.makespan_ps
    assert saved > 0
    assert saved == pytest.approx(tiles["gain_ps"].iloc[0], rel=0.35)


@pytest.mark.parametrize(("component", "key"), [("nmpu", "chip.nmpu.clock"), ("buffer", "chip.buffer.clock")])
@pytest.mark.parametrize("overlap", ["layers", "stages"])
def test_halving_the_component_that_dominates_saves_about_what_was_told(component: str, key: str, overlap: str) -> None:
    overrides = ("schedule.kind=asynchronous", f"schedule.overlap={overlap}")
    slow, quick = (timed(*overrides, f"{key}={clock}") for clock in ("1 MHz", "2 MHz"))
    saved = slow.observations.makespan_ps - quick.observations.makespan_ps
    assert gain(slow, "", component) == pytest.approx(saved, rel=0.03)


def test_a_long_run_is_looked_at_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    run = timed("schedule.kind=gpipe", "schedule.overlap=layers")
    monkeypatch.setattr("archsim.results.critical_path._MOST_JOBS", 500)
    found = found_in(run)
    assert 0 < found.until_ps < run.observations.makespan_ps
    assert found.path["end_ps"].iloc[-1] == found.until_ps
    assert (found.path["end_ps"] - found.path["start_ps"]).sum() == found.until_ps
    assert run.bottleneck is not None
    assert "(by the first" in run.bottleneck


def test_stages_with_an_engine_have_the_path_of_their_actions() -> None:
    engine = archsim.simulate(archsim.load_experiment("pipeline_unit", ["schedule.overlap=layers"], mode="timing"))
    assert found_in(engine).exact
