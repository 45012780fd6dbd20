"""The bubble of a run by cause: it adds up exactly, and says what its schedule does."""

from __future__ import annotations

import pytest

import archsim
from archsim.results import Run


def timed(*overrides: str) -> Run:
    short = ("training.max_mini_batches=3", "training.mini_batch=16", "schedule.micro_batches=4")
    return archsim.simulate(archsim.load_experiment("pipeline_unit", [*short, *overrides], mode="timing"))


@pytest.mark.parametrize("chip", ["unit", "unit-fbu", "reram-1024"])
@pytest.mark.parametrize(
    "overrides",
    [
        ("schedule.kind=synchronous",),
        ("schedule.kind=zb-v",),
        ("schedule.kind=asynchronous", "schedule.places=2"),
        ("schedule.kind=inference",),
        ("schedule.kind=synchronous", "schedule.overlap=stages"),
        ("schedule.kind=gpipe", "run.timeline=false"),
    ],
)
def test_causes_add_up_to_the_bubble(chip: str, overrides: tuple[str, ...]) -> None:
    run = timed(f"chip={chip}", *overrides)
    seen = run.observations
    idle = run.bubble.groupby("place")["idle_ps"].sum()
    for place, busy in enumerate(seen.place_busy_ps):
        assert idle.get(place, 0) == seen.makespan_ps - busy
    assert run.bubble["share"].sum() == pytest.approx(run.metrics["bubble_fraction"], abs=1e-12)


@pytest.mark.parametrize("kind", ["synchronous", "interleaved", "zb-h1", "asynchronous", "dualpipe-v"])
def test_a_run_on_stage_engines_waits_as_its_schedule_says(kind: str) -> None:
    overrides = ("chip=unit-fbu", f"schedule.kind={kind}")
    run = timed(*overrides)
    short = ("training.max_mini_batches=3", "training.mini_batch=16", "schedule.micro_batches=4")
    told = archsim.prepare("pipeline_unit", [*short, *overrides], mode="timing").action_times().bubble_by_cause()
    wanted = {(place, cause): idle for place, cause, idle, _ in told.itertuples(index=False)}
    assert {(p, c): t for p, c, t, _ in run.bubble.itertuples(index=False)} == wanted


def test_places_that_are_shared_have_no_causes_without_a_timeline() -> None:
    run = timed("schedule.kind=interleaved", "run.timeline=false")
    assert len(run.bubble) == 0
