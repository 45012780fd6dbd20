"""Schedules that order the actions of several stages at a place, and ``zb-h2``: their makespans, memory and orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim import plugins
from archsim.errors import InputError
from archsim.schedule import PipelineShape, Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

from .longest_path import in_a_row, longest_path

IN_TURN = ("interleaved", "breadth-first")
V_SHAPED = ("zb-v", "dualpipe-v")
KINDS = (*IN_TURN, *V_SHAPED, "zb-h2")
UNIT = StageCycles(1, 1, 0)
FBU = StageCycles(1, 1, 1)

shapes = st.builds(
    PipelineShape, stages=st.integers(1, 8), mini_batches=st.integers(1, 3), micro_batches=st.integers(1, 16)
)
times = st.builds(StageCycles, forward=st.integers(1, 6), backward=st.integers(1, 6), update=st.integers(0, 6))


def made(kind: str, shape: PipelineShape, **settings: Any) -> Schedule:
    found = kind_of(ScheduleSpecification(kind=kind)).Settings
    written = found.model_validate({"kind": kind, "micro_batches": shape.micro_batches} | settings)
    return make_schedule(written, shape.stages, shape.mini_batches)


def makespan(schedule: Schedule, cycles: StageCycles) -> int:
    return dry_run(schedule, (cycles,) * schedule.shape.stages).makespan


def known(schedule: Schedule, cycles: StageCycles) -> int | None:
    assert schedule.closed_forms.makespan is not None
    return schedule.closed_forms.makespan(schedule, cycles)


@given(kind=st.sampled_from(KINDS), shape=shapes, cycles=times)
def test_the_makespan_is_the_longest_path(kind: str, shape: PipelineShape, cycles: StageCycles) -> None:
    schedule = made(kind, shape)
    found = makespan(schedule, cycles)
    assert found == longest_path(schedule, (cycles,) * shape.stages)
    assert known(schedule, cycles) in (None, found)


@given(kind=st.sampled_from(KINDS), shape=shapes)
def test_what_is_in_flight_stored_and_stale(kind: str, shape: PipelineShape) -> None:
    schedule = made(kind, shape)
    profile, forms = dry_run(schedule), schedule.closed_forms.of(schedule, UNIT)
    for name, seen in (
        ("in_flight", profile.in_flight_max),
        ("stored", profile.stored_max),
        ("staleness", profile.staleness),
    ):
        assert forms.get(name, seen) == pytest.approx(seen, abs=1e-12)
    assert "in_flight" in forms
    assert ("staleness" in forms) == (kind not in V_SHAPED)


@given(
    kind=st.sampled_from(IN_TURN),
    rounds=st.integers(1, 4),
    places=st.integers(1, 4),
    times=st.integers(1, 4),
    mini_batches=st.integers(1, 3),
)
def test_virtual_stages_divide_what_filling_and_draining_take(
    kind: str, rounds: int, places: int, times: int, mini_batches: int
) -> None:
    count = places * times
    schedule = made(kind, PipelineShape(rounds * places, mini_batches, count), places=places)
    assert makespan(schedule, UNIT) == known(schedule, UNIT) == mini_batches * 2 * (rounds * count + places - 1)
    assert makespan(schedule, FBU) == known(schedule, FBU) == mini_batches * (3 * rounds * count + 2 * (places - 1))


@given(
    places=st.integers(1, 5),
    rounds=st.integers(1, 4),
    count=st.integers(1, 16),
    group=st.integers(0, 6),
    mini_batches=st.integers(1, 2),
)
def test_what_interleaved_has_in_flight_at_each_stage(
    places: int, rounds: int, count: int, group: int, mini_batches: int
) -> None:
    shape = PipelineShape(places * rounds, mini_batches, count)
    schedule = made("interleaved", shape, places=places, group=places + group)
    form = schedule.closed_forms.in_flight
    assert form is not None
    seen = dry_run(schedule).in_flight_max
    assert seen == tuple(form(schedule, stage) for stage in range(shape.stages))
    if rounds == 2 and not group and count % places == 0:
        turns = [divmod(stage, places) for stage in range(shape.stages)]
        assert seen == tuple(min(count, (1 - v) * places + min(places, 2 * (places - p) - 1)) for v, p in turns)


@given(
    stages=st.integers(1, 8),
    more=st.integers(0, 6),
    mini_batches=st.integers(1, 3),
    f=st.integers(1, 9),
    data=st.data(),
)
def test_zb_h2_never_waits_where_backwards_are_short_and_updates_fill_the_time(
    stages: int, more: int, mini_batches: int, f: int, data: st.DataObject
) -> None:
    b = data.draw(st.integers(1, f if mini_batches > 1 else 2 * f))
    u = data.draw(st.integers(-(-(f + b if mini_batches > 1 else b) // 2), 12))
    schedule = made("zb-h2", PipelineShape(stages, mini_batches, 2 * stages - 1 + more))
    cycles = StageCycles(f, b, u)
    expected = schedule.shape.total * (f + b + u) + (stages - 1) * f
    assert makespan(schedule, cycles) == known(schedule, cycles) == expected


@given(
    places=st.integers(1, 5),
    more=st.integers(0, 6),
    mini_batches=st.integers(1, 3),
    b=st.integers(1, 6),
    data=st.data(),
)
def test_dualpipe_v_may_have_longer_forwards(
    places: int, more: int, mini_batches: int, b: int, data: st.DataObject
) -> None:
    count, f = 2 * places + more, data.draw(st.integers(b, 2 * b))
    schedule, cycles = made("dualpipe-v", PipelineShape(2 * places, mini_batches, count)), StageCycles(f, b, b)
    expected = mini_batches * (2 * count * (f + 2 * b) + (places - 1) * f)
    assert makespan(schedule, cycles) == known(schedule, cycles) == expected


@given(places=st.integers(1, 4), more=st.integers(0, 6), mini_batches=st.integers(1, 3))
def test_v_shapes_fill_once(places: int, more: int, mini_batches: int) -> None:
    count = 2 * places + more
    shape = PipelineShape(2 * places, mini_batches, count)
    zero_bubble, dual = made("zb-v", shape), made("dualpipe-v", shape)
    assert makespan(zero_bubble, FBU) == known(zero_bubble, FBU) == 6 * count * mini_batches + places - 1
    assert makespan(dual, FBU) == known(dual, FBU) == mini_batches * (6 * count + places - 1)
    for schedule in (zero_bubble, dual):
        assert makespan(schedule, UNIT) == known(schedule, UNIT) == mini_batches * (4 * count + 2 * (places - 1))


@given(stages=st.integers(1, 8), more=st.integers(0, 8), mini_batches=st.integers(1, 3))
def test_zb_h2_fills_once(stages: int, more: int, mini_batches: int) -> None:
    count = 2 * stages - 1 + more
    schedule = made("zb-h2", PipelineShape(stages, mini_batches, count))
    profile = dry_run(schedule, (FBU,) * stages)
    assert profile.makespan == known(schedule, FBU) == 3 * count * mini_batches + stages - 1
    assert profile.in_flight_max == tuple(2 * (stages - s) - 1 for s in range(stages))
    assert profile.stored_max == (2 * stages - 1,) * stages


@given(stages=st.integers(1, 8), more=st.integers(0, 8))
def test_one_mini_batch_of_zb_h2(stages: int, more: int) -> None:
    schedule = made("zb-h2", PipelineShape(stages, 1, stages + more))
    profile = dry_run(schedule, (FBU,) * stages)
    assert profile.makespan == known(schedule, FBU) == 3 * (stages + more) + stages - 1
    assert all(profile.in_flight_max[s] <= 2 * (stages - s) - 1 for s in range(stages))


@given(shape=shapes, bound=st.integers(1, 16))
def test_what_zb_h2_stores_is_bounded(shape: PipelineShape, bound: int) -> None:
    bounded, free = made("zb-h2", shape, stored_max=bound), made("zb-h2", shape)
    assert max(dry_run(bounded).stored_max) <= bound
    assert makespan(bounded, FBU) >= makespan(free, FBU)
    assert (known(bounded, UNIT) is None) == (bound < min(2 * shape.stages - 1, shape.micro_batches))


@given(kind=st.sampled_from([*IN_TURN, *V_SHAPED]), shape=shapes)
def test_a_place_stores_no_more_than_is_claimed(kind: str, shape: PipelineShape) -> None:
    schedule = made(kind, shape)
    places, count = schedule.shape.place_count, shape.micro_batches
    for place, row in enumerate(in_a_row(schedule)):
        flying = stored = flying_max = stored_max = 0
        for action, *_, together in row:
            flying += {"F": 1, "B": -1}.get(action, 0)
            stored += {"F": 1, "U": -together}.get(action, 0)
            flying_max, stored_max = max(flying_max, flying), max(stored_max, stored)
        if kind == "interleaved":
            assert flying_max <= 2 * (places - 1 - place) + places + 1
        assert stored_max <= {"zb-v": 2 * places, "dualpipe-v": 2 * places + 1}.get(kind, 2 * count)


@given(kind=st.sampled_from(KINDS), shape=shapes)
def test_a_mini_batch_is_applied_before_the_next_one_starts(kind: str, shape: PipelineShape) -> None:
    schedule = made(kind, shape)
    for stage in range(shape.stages):
        applied = 0
        for action in schedule.stage(stage):
            if action.kind == "F":
                assert applied >= action.micro_batch // shape.micro_batches * shape.micro_batches
            applied += action.count * (action.kind == "U")
        assert applied == shape.total


@given(
    group=st.integers(1, 20),
    places=st.integers(1, 4),
    rounds=st.integers(1, 3),
    count=st.integers(1, 12),
)
def test_groups_of_interleaved(group: int, places: int, rounds: int, count: int) -> None:
    shape = PipelineShape(places * rounds, 1, count)
    if group < places:
        with pytest.raises(InputError, match="smaller groups than there are places") as refused:
            made("interleaved", shape, places=places, group=group)
        assert refused.value.field == "schedule.group"
        return
    schedule = made("interleaved", shape, places=places, group=group)
    found = makespan(schedule, UNIT)
    assert known(schedule, UNIT) in (None, found)
    if count % group == 0:
        assert found == 2 * (rounds * count + places - 1)


def places_of(kind: str, stages: int) -> tuple[int, ...]:
    return made(kind, PipelineShape(stages, 1, 2)).shape.place_of_stage


def test_two_stages_lie_at_a_place() -> None:
    for kind in IN_TURN:
        assert [places_of(kind, stages) for stages in (1, 3, 4)] == [(0,), (0, 1, 0), (0, 1, 0, 1)]
    for kind in V_SHAPED:
        assert [places_of(kind, stages) for stages in (1, 3, 4)] == [(0,), (0, 1, 1), (0, 1, 1, 0)]


@pytest.mark.parametrize(("kind", "places"), [("zb-v", 2), ("dualpipe-v", (0, 1, 2, 3)), ("interleaved", (0, 1, 1, 0))])
def test_other_places_are_refused(kind: str, places: object) -> None:
    with pytest.raises(InputError, match="is made for other places") as refused:
        made(kind, PipelineShape(4, 1, 2), places=places)
    assert refused.value.field == "schedule.places"


def rows(kind: str, micro_batches: int) -> Iterator[str]:
    for row in in_a_row(made(kind, PipelineShape(4, 1, micro_batches))):
        yield " ".join(f"{stage}{action}{k}" for action, stage, k, _ in row if action != "U" or kind in V_SHAPED)


def test_orders_of_the_literature() -> None:
    """By the rules of arXiv:2104.04473, arXiv:2211.05953, arXiv:2405.15362 and of DualPipeV, for two places."""
    assert [*rows("interleaved", 2)] == [
        "0F0 0F1 2F0 2F1 2B0 2B1 0B0 0B1",
        "1F0 1F1 3F0 3B0 3F1 3B1 1B0 1B1",
    ]
    assert [*rows("breadth-first", 2)] == [
        "0F0 0F1 2F0 2F1 2B0 2B1 0B0 0B1",
        "1F0 1F1 3F0 3F1 3B0 3B1 1B0 1B1",
    ]
    assert [*rows("zb-v", 3)] == [
        "0F0 0F1 0F2 3F0 3B0 3U0 3F1 3B1 3U1 0B0 0U0 3F2 3B2 3U2 0B1 0U1 0B2 0U2",
        "1F0 2F0 1F1 2F1 2B0 2U0 1F2 1B0 1U0 2F2 2B1 2U1 1B1 2B2 1B2 1U1 2U2 1U2",
    ]
    assert [*rows("dualpipe-v", 4)] == [
        "0F0 0F1 0F2 3F0 3B0 3U0 3F1 0F3 3B1 3U1 3F2 0B0 0U0 3B2 3U2 3F3 0B1 0U1 3B3 3U3 0B2 0U2 0B3 0U3",
        "1F0 2F0 1F1 2F1 1F2 2B0 2U0 2F2 1B0 1U0 1F3 2B1 2U1 2F3 1B1 1U1 2B2 2U2 1B2 1U2 2B3 1B3 2U3 1U3",
    ]


def test_no_two_kinds_differ_by_their_names_only() -> None:
    shape, seen, took = PipelineShape(4, 2, 8), {}, {}
    for kind in {*plugins.names("archsim.schedules")} - {"file"}:  # A file does what another kind does.
        schedule = made(kind, shape)
        actions = str(in_a_row(schedule))
        assert actions not in seen, f"{kind} does what {seen[actions]} does"
        seen[actions] = kind
        took[kind] = makespan(schedule, FBU)
    assert {kind: took[kind] for kind in ("gpipe", "synchronous", "zb-h1", *KINDS)} == {
        "gpipe": 60,
        "synchronous": 60,
        "zb-h1": 54,
        "interleaved": 100,
        "breadth-first": 100,
        "zb-v": 97,
        "dualpipe-v": 98,
        "zb-h2": 51,
    }
