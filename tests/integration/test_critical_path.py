"""What bounds the time of a run: the path has no gap, and predicted gains are those of a run with half the time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.chip.counts import OPERATIONS
from archsim.engine.events.equipment_of_stages import EquipmentOfStages
from archsim.engine.events.sequencer import ActionRun, Sequencer
from archsim.engine.events.stage_engine import EngineAction
from archsim.results import Run
from archsim.results.critical_path import CriticalPath
from archsim.results.save import record_digest
from archsim.schedule import StageCycles

KINDS = (
    *("sequential", "gpipe", "synchronous", "asynchronous", "zb-h1", "zb-h2", "bounded", "stash"),
    *("interleaved", "breadth-first", "zb-v", "dualpipe-v"),
)
#: F, B and U of each of four stages, in units of 2 ps.
UNEVEN = ((1, 2, 1), (3, 1, 2), (2, 5, 1), (1, 4, 2))


def timed(*overrides: str) -> Run:
    short = ("training.max_mini_batches=3", "training.mini_batch=16", "schedule.micro_batches=4")
    return archsim.simulate(archsim.load_experiment("pipeline_unit", [*short, *overrides], mode="timing"))


def found_in(run: Run) -> CriticalPath:
    found = run.critical_path
    assert found is not None
    return found


def gain(run: Run, unit: str, component: str = "stage", action: str = "") -> float:
    units = found_in(run).units
    of_unit = (units["unit"] == unit) & (units["component"] == component)
    own = units[of_unit & (units["action"] == action)]["gain_ps"].tolist()
    return float(own[0]) if own else 0.0


def check_path(run: Run) -> None:
    path, makespan = found_in(run).path, run.observations.makespan_ps
    assert path["start_ps"].tolist() == [0, *path["end_ps"].tolist()[:-1]]
    assert path["end_ps"].iloc[-1] == makespan
    assert (path["end_ps"] - path["start_ps"]).sum() == makespan
    assert ((path["unit"] == "") == (path["waiting"] != "")).all()


@pytest.fixture
def stage_times(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Times of F, B and U of each stage in picoseconds, which a test may change before it runs."""
    times = [dict(zip(OPERATIONS["stage_engine"], (2 * time for time in own), strict=True)) for own in UNEVEN]
    made = EquipmentOfStages._run

    def run(self: EquipmentOfStages, stage: Sequencer, engine: Any, action: EngineAction) -> ActionRun:
        duration_ps = 0 if action.operation is None else times[stage.index][action.operation]
        return made(self, stage, engine, replace(action, duration_ps=duration_ps))

    monkeypatch.setattr(EquipmentOfStages, "_run", run)
    return times


@pytest.mark.parametrize("kind", KINDS)
def test_halving_a_stage_gains_what_was_predicted(kind: str, stage_times: list[dict[str, int]]) -> None:
    settings = ("schedule.staleness_max=2",) if kind == "bounded" else ()
    overrides = (f"schedule.kind={kind}", *settings)
    run = timed(*overrides)
    check_path(run)
    assert found_in(run).exact
    before, shared = run.observations.makespan_ps, len({*run.observations.places}) < 4
    prepared = archsim.prepare("pipeline_unit", [*run_overrides(run), *overrides], mode="timing")
    cycles = [StageCycles(*own.values()) for own in stage_times]
    assert prepared.action_times(cycles).makespan == before
    for unit, stages in halved_units(run, shared).items():
        slow = [dict(own) for own in stage_times]
        for stage in stages:
            stage_times[stage] = {name: time // 2 for name, time in slow[stage].items()}
        assert before - timed(*overrides).observations.makespan_ps == gain(
            run, unit, "stage_engine" if shared else "stage"
        )
        stage_times[:] = slow


def run_overrides(run: Run) -> list[str]:
    training = run.settings["training"]
    return [
        f"training.max_mini_batches={training['max_mini_batches']}",
        f"training.mini_batch={training['mini_batch']}",
        f"schedule.micro_batches={run.settings['schedule']['micro_batches']}",
    ]


def halved_units(run: Run, shared: bool) -> dict[str, list[int]]:
    places = run.observations.places
    if not shared:
        return {f"stage {stage}": [stage] for stage in range(len(places))}
    return {f"stage engine {place}": [s for s, at in enumerate(places) if at == place] for place in {*places}}


def test_halving_a_kind_of_action_gains_what_was_predicted() -> None:
    slow = timed("chip=unit-fbu", "schedule.kind=synchronous")
    fast = timed("chip=unit-fbu", "schedule.kind=synchronous", "chip.stage_engine.backward=500 ps")
    saved = slow.observations.makespan_ps - fast.observations.makespan_ps
    assert saved == gain(slow, "", action="B") > 0


@pytest.mark.parametrize("kind", ["asynchronous", "synchronous", "interleaved"])
@pytest.mark.parametrize(("component", "key"), [("nmpu", "chip.nmpu.clock"), ("buffer", "chip.buffer.clock")])
def test_on_tiles_gains_are_close_to_those_of_a_run(kind: str, component: str, key: str) -> None:
    overrides = ("chip=reram-1024", f"schedule.kind={kind}")
    slow, fast = (timed(*overrides, f"{key}={clock}") for clock in ("1 MHz", "2 MHz"))
    check_path(slow)
    assert not found_in(slow).exact
    saved = slow.observations.makespan_ps - fast.observations.makespan_ps
    assert gain(slow, "", component) == pytest.approx(saved, rel=0.03)


@pytest.mark.parametrize(
    "overrides",
    [
        ("schedule.kind=zb-v",),
        ("schedule.kind=asynchronous", "schedule.places=2"),
        ("schedule.kind=gpipe", "chip.host.clock=1 MHz"),
        ("schedule.kind=synchronous", "chip.buffer.capacity=15 KiB"),
    ],
)
def test_the_path_has_no_gap_whatever_is_waited_for(overrides: tuple[str, ...]) -> None:
    run = timed("chip=reram-1024", *overrides)
    check_path(run)
    graph_end = found_in(run).path["end_ps"].iloc[-1]
    assert graph_end == run.observations.makespan_ps
    units = found_in(run).units
    assert len(units.dropna(subset="gain_ps"))
    assert not (units["gain_ps"] > units["path_ps"] / 2 + 1).any()
    assert not (units["gain_ps"] < 0).any()


def test_without_a_path_the_bottleneck_is_the_busiest_unit() -> None:
    run = timed("chip=reram-1024", "run.timeline=false")
    assert run.critical_path is None
    assert run.bottleneck is not None
    assert "busy" in run.bottleneck
    assert found_in(timed("chip=reram-1024")).best is not None


def test_a_run_from_before_handovers_were_kept_is_read(tmp_path: Path) -> None:
    run = timed("schedule.kind=synchronous")
    run.save(tmp_path / "run")
    again = archsim.load_run(tmp_path / "run")
    assert found_in(again).path.equals(found_in(run).path)
    assert found_in(again).units.equals(found_in(run).units)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    del record["observations"]["handovers"], record["digest"]
    record["digest"] = record_digest(record)
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    old = archsim.load_run(tmp_path / "run")
    assert old.critical_path is None
    assert old.bottleneck is not None
    assert old.bubble.equals(run.bubble)


def test_the_sentence_names_unit_share_and_gain() -> None:
    assert timed("schedule.kind=sequential").bottleneck == (
        "stage 0, on the critical path for 25 % of the time: a stage twice as fast saves 12.5 %, all of them 50 %"
    )
