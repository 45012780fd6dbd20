"""The orders of the built-in schedules, and the passes that complete them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim.errors import InputError
from archsim.schedule import Action, PipelineShape, Schedule, dry_run, make_schedule
from archsim.schedule.action_kinds import load_action_kinds
from archsim.schedule.actions import Order, ScheduleKind, UpdateRule
from archsim.schedule.passes import with_transfers, with_updates
from archsim.schedule.specification import ScheduleSpecification

KINDS = ("sequential", "gpipe", "synchronous", "asynchronous")
shapes = st.builds(
    PipelineShape,
    stages=st.integers(1, 7),
    mini_batches=st.integers(1, 4),
    micro_batches=st.integers(1, 9),
)


def schedule(kind: str, shape: PipelineShape, update: str | None = None) -> Schedule:
    specification = ScheduleSpecification.model_validate(
        {"kind": kind, "micro_batches": shape.micro_batches, "update": update}
    )
    return make_schedule(specification, shape.stages, shape.mini_batches)


@given(shape=shapes, kind=st.sampled_from(KINDS), update=st.sampled_from(["immediate", "deferred"]))
def test_every_micro_batch_is_applied_once_at_every_stage(shape: PipelineShape, kind: str, update: str) -> None:
    made = schedule(kind, shape, update)
    for stage in range(shape.stages):
        applied = [k for action in made.stage(stage) if action.kind == "U" for k in action.micro_batches]
        assert applied == list(range(shape.total))


def test_deferred_updates_come_right_after_the_stages_own_last_backward() -> None:
    made = schedule("synchronous", PipelineShape(stages=2, mini_batches=2, micro_batches=3))
    assert made.to_text().splitlines() == [
        "F0 F1 B0 F2 B1 B2 U2*3 F3 F4 B3 F5 B4 B5 U5*3",
        "F0 B0 F1 B1 F2 B2 U2*3 F3 B3 F4 B4 F5 B5 U5*3",
    ]


def test_immediate_updates_come_right_after_each_backward() -> None:
    made = schedule("asynchronous", PipelineShape(stages=2, mini_batches=3, micro_batches=1))
    assert made.to_text().splitlines() == ["F0 F1 B0 U0 F2 B1 U1 B2 U2", "F0 B0 U0 F1 B1 U1 F2 B2 U2"]


@pytest.mark.parametrize("text", ["F0", "B12", "U7*8"])
def test_actions_are_read_as_they_are_written(text: str) -> None:
    assert str(Action.parse(text)) == text


@pytest.mark.parametrize("text", ["", "X_1", "F", "F-1", "U3*", "U3*x", "3"])
def test_what_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no action"):
        Action.parse(text)


def written(*stages: str) -> Order:
    """Return the order that is written for each stage."""
    return lambda shape, stage: map(Action.parse, stages[stage].split())


def apart(order: Order, *intervals: set[int]) -> list[str]:
    """Return what the stages do, with transfers after these numbers of micro-batches put in."""
    shape = PipelineShape(len(intervals), mini_batches=2, micro_batches=3)
    put_in = with_transfers(order, {"U"}, "T", intervals)
    return [" ".join(map(str, put_in(shape, stage))) for stage in range(len(intervals))]


def test_updates_are_put_in_by_the_kinds_of_action() -> None:
    kinds = load_action_kinds("FBU")
    kinds = {"F": kinds["F"], "B": kinds["B"], "G": replace(kinds["B"], after=("B",)), "X": kinds["U"]}
    kinds["X"] = replace(kinds["X"], after=("B", "G"))
    shape, order = PipelineShape(1, mini_batches=2, micro_batches=2), written("F0 F1 B0 G0 B1 G1 F2 B2 G2 F3 B3 G3")

    def put_in(update: UpdateRule) -> str:
        return " ".join(map(str, with_updates(order, update, kinds)(shape, 0)))

    assert put_in("immediate") == "F0 F1 B0 G0 X0 B1 G1 X1 F2 B2 G2 X2 F3 B3 G3 X3"
    assert put_in("deferred") == "F0 F1 B0 G0 B1 G1 X1*2 F2 B2 G2 F3 B3 G3 X3*2"
    assert all(type(action) is Action for action in with_updates(order, "immediate", kinds)(shape, 0))
    kinds["X"] = replace(kinds["X"], after=())
    with pytest.raises(InputError, match="an action X follows no other one"):
        put_in("deferred")
    del kinds["X"]
    assert put_in("deferred") == "F0 F1 B0 G0 B1 G1 F2 B2 G2 F3 B3 G3"


def test_transfers_come_right_after_the_updates_at_whose_end_they_are_due() -> None:
    one_by_one = "F0 B0 U0 F1 B1 U1 F2 B2 U2"
    together = "F0 B0 F1 B1 F2 B2 U2*3 F3 B3 F4 B4 F5 B5 U5*3"
    assert apart(written(one_by_one, one_by_one, together), {2}, {2, 3}, {6}) == [
        "F0 B0 U0 F1 B1 U1 T1*2 F2 B2 U2",
        "F0 B0 U0 F1 B1 U1 T1*2 F2 B2 U2 T2",
        "F0 B0 F1 B1 F2 B2 U2*3 F3 B3 F4 B4 F5 B5 U5*3 T5*6",
    ]
    assert apart(written(together), set()) == [together]


@pytest.mark.parametrize("every", [1, 2, 4])
def test_transfers_that_are_due_within_an_update_are_refused(every: int) -> None:
    with pytest.raises(InputError, match="some come within U"):
        apart(written("F0 B0 F1 B1 F2 B2 U2*3 F3 B3 F4 B4 F5 B5 U5*3"), {every})


def test_a_schedule_with_transfers_does_all_of_them_in_order() -> None:
    specification = ScheduleSpecification(kind="asynchronous", micro_batches=3, transfers="separate")
    made = make_schedule(specification, 2, 4, lambda together: [{3}, {2}])
    assert made.transfers_apart
    assert made.to_text().splitlines()[1].startswith("F0 B0 U0 F1 B1 U1 T1*2 F2 B2 U2 F3 B3 U3 T3*2")
    assert dry_run(made).actions == 2 * 3 * 12 + 4 + 6


def test_a_kind_that_places_transfers_itself_does_so_whatever_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})
    order = written("F0 B0 F1 B1 T1*2")
    own = ScheduleKind(
        lambda shape, stage, settings: order(shape, stage),
        "immediate",
        "With transfers of its own.",
        ("F", "B", "U", "T"),
    )
    archsim.register("schedule", "own-transfers", own)
    made = make_schedule(
        ScheduleSpecification(kind="own-transfers", transfers="separate"), 1, 2, lambda together: [{1}]
    )
    assert made.to_text() == "F0 B0 U0 F1 B1 U1 T1*2\n"
    with pytest.raises(InputError, match="places transfers itself"):
        make_schedule(ScheduleSpecification(kind="own-transfers", transfers="fused"), 1, 2)
