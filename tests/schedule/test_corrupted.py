"""A schedule that was corrupted is refused with the action and the reason, from a registered kind and from a file.

Of every kind, in every way: an action left out, done twice, before what it follows, of no kind or with no micro-batch
that there is, and two stages that wait for each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim import plugins
from archsim.errors import ArchsimError, Deadlock, InputError
from archsim.schedule import Action, PipelineShape, Schedule, dry_run, make_schedule
from archsim.schedule.checks import ScheduleError
from archsim.schedule.specification import FileSpecification
from tests.random_cases import tried

KINDS = sorted({*plugins.names("archsim.schedules")} - {"file"})
Rows = list[list[tuple[int, Action]]]


@dataclass
class Corrupted:
    """A valid schedule whose rows are changed: those of its stages, or of its places where it orders them."""

    valid: Schedule
    rows: Rows

    @classmethod
    def of(cls, schedule: Schedule) -> Corrupted:
        if schedule.turns is None:
            rows = [[(stage, action) for action in schedule.stage(stage)] for stage in range(schedule.shape.stages)]
        else:
            rows = [[*schedule.place(place)] for place in range(schedule.shape.place_count)]
        return cls(schedule, rows)

    def row_of(self, stage: int) -> list[tuple[int, Action]]:
        return next(row for row in self.rows if any(other == stage for other, _ in row))

    @property
    def schedule(self) -> Schedule:
        """It as a registered kind would give it."""
        rows = self.rows

        def order(shape: PipelineShape, stage: int) -> Iterator[Action]:
            return iter([action for row in rows for other, action in row if other == stage])

        def turns(shape: PipelineShape, place: int) -> Iterator[int]:
            return iter([stage for stage, _ in rows[place]])

        return replace(self.valid, order=order, turns=None if self.valid.turns is None else turns)

    def write(self, path: Path) -> None:
        named = self.valid.turns is not None
        lines = (" ".join(f"{stage}:{action}" if named else str(action) for stage, action in row) for row in self.rows)
        path.write_text("".join(f"{line}\n" for line in lines))


@st.composite
def valid(draw: st.DrawFn, kinds: list[str] = KINDS, least: int = 1) -> Corrupted:
    kind = draw(st.sampled_from(kinds))
    settings: dict[str, Any] = {"kind": kind, "micro_batches": draw(st.integers(max(least, 1), 4))}
    specification = plugins.load("archsim.schedules", kind).Settings(**settings)
    return Corrupted.of(make_schedule(specification, draw(st.integers(max(least, 1), 5)), draw(st.integers(1, 3))))


def required(found: Corrupted) -> list[tuple[int, Action]]:
    return [(s, a) for row in found.rows for s, a in row if not found.valid.kinds[a.kind].occasional]


def refused(corrupted: Corrupted, path: Path) -> tuple[ArchsimError, ArchsimError]:
    """Return the errors of the dry run of a registered kind, and of the same from a file."""
    with pytest.raises((ScheduleError, Deadlock)) as registered:
        dry_run(corrupted.schedule)
    shape = corrupted.valid.shape
    if corrupted.valid.weight_sets > 1:  # A file says nothing of sets of crossbars.
        return registered.value, registered.value
    corrupted.write(path)
    settings = FileSpecification(path=str(path), micro_batches=shape.micro_batches, stages=shape.stages)
    with pytest.raises((InputError, Deadlock)) as from_file:
        dry_run(make_schedule(settings, shape.stages, shape.mini_batches))
    if isinstance(from_file.value, InputError):
        assert from_file.value.place is not None
        assert from_file.value.remedy
    return registered.value, from_file.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "schedule.txt"


def follows(found: Corrupted, stage: int, gone: Action) -> str:
    """Say how it may be told that an action is missing: as left out, or as what another one comes before."""
    missing = "|".join(f"{gone.kind}{k}" for k in gone.micro_batches)
    return rf"stage {stage} (leaves out ({missing})\b|does \S+ before ({missing})\b)|" + _earlier(found, stage, gone)


def _earlier(found: Corrupted, stage: int, gone: Action) -> str:
    """Where an update is missing, a later one or a copy may meet the wrong version of the weights."""
    return rf"stage {stage} does \S+ on set \d of its crossbars" if found.valid.weight_sets > 1 else r"\Znever"


@given(found=valid(), data=st.data())
@tried(60)
def test_a_missing_action(found: Corrupted, path: Path, data: st.DataObject) -> None:
    stage, gone = data.draw(st.sampled_from(required(found)))
    row = found.row_of(stage)
    # Of a stage that is forgotten whole, and of a single one whose last micro-batch is, a file says nothing.
    assume(len(row) > 1 and (len(found.valid.kinds) > 1 or found.valid.shape.stages > 1))
    row.remove((stage, gone))
    # Without any update a file leaves them to the rule of updates.
    assume(gone.kind != "U" or any(action.kind == "U" for row in found.rows for _, action in row))
    registered, from_file = refused(found, path)
    assert re.search(follows(found, stage, gone), str(registered)), str(registered)
    assert re.search(follows(found, stage, gone), str(from_file)) or "which the file has nowhere" in str(from_file)


@given(found=valid(), data=st.data())
@tried(60)
def test_a_doubled_action(found: Corrupted, path: Path, data: st.DataObject) -> None:
    stage, again = data.draw(st.sampled_from(required(found)))
    row = found.row_of(stage)
    first = row.index((stage, again))
    row.insert(data.draw(st.integers(first + 1, len(row))), (stage, again))
    for error in refused(found, path):
        said = rf"stage {stage} does {re.escape(str(again))},? .*twice"
        assert re.search(said, str(error)) or re.search(_earlier(found, stage, again), str(error)), str(error)


@given(found=valid(), data=st.data())
@tried(60)
def test_an_action_before_what_it_follows(found: Corrupted, path: Path, data: st.DataObject) -> None:
    later = [(s, a) for s, a in required(found) if found.valid.kinds[a.kind].after]
    assume(later)
    stage, early = data.draw(st.sampled_from(later))
    row, symbol = found.row_of(stage), found.valid.kinds[early.kind].after[-1]
    row.remove((stage, early))
    followed = [turn for turn in row if turn[0] == stage and turn[1].kind == symbol]
    last = [row.index(turn) for turn in followed if turn[1].micro_batch in early.micro_batches][-1]
    row.insert(data.draw(st.integers(0, last)), (stage, early))
    for error in refused(found, path):
        assert re.search(rf"stage {stage} does {re.escape(str(early))} before \w+\d+", str(error)), str(error)


@given(found=valid(), data=st.data())
@tried(40)
def test_an_action_of_no_kind(found: Corrupted, path: Path, data: st.DataObject) -> None:
    stage, action = data.draw(st.sampled_from(required(found)))
    row = found.row_of(stage)
    row[row.index((stage, action))] = (stage, action._replace(kind="Q"))
    registered, from_file = refused(found, path)
    assert f"stage {stage} is to do {action._replace(kind='Q')}, and this schedule's actions are F" in str(
        registered
    ) or str(registered).startswith(f"stage {stage} is to do Q")
    assert from_file is registered or "no action 'Q' is registered" in str(from_file)


@given(found=valid(), data=st.data())
@tried(40)
def test_an_action_with_a_micro_batch_that_there_is_not(found: Corrupted, path: Path, data: st.DataObject) -> None:
    stage, action = data.draw(st.sampled_from(required(found)))
    row, total = found.row_of(stage), found.valid.shape.total
    beyond = action._replace(micro_batch=action.micro_batch + total)
    row[row.index((stage, action))] = (stage, beyond)
    registered, from_file = refused(found, path)
    assert f"stage {stage} does {beyond} of the micro-batches 0 to {total - 1}" in str(registered), str(registered)
    # From a file it may be the one that is right; what others lack, and where it stands, is told.
    assert re.search(rf"\b{re.escape(str(beyond))}|leaves out|before", str(from_file))


@given(found=valid([kind for kind in KINDS if plugins.load("archsim.schedules", kind).trains], least=2), data=st.data())
@tried(60)
def test_stages_that_wait_for_each_other(found: Corrupted, path: Path, data: st.DataObject) -> None:
    """A stage has B of a micro-batch before F of another one; the stage behind it has that F first."""
    shape = found.valid.shape
    stage = data.draw(st.integers(0, shape.stages - 2))
    one, other = data.draw(st.permutations(range(shape.total)))[:2]
    backward = found.valid.closing
    for at, k in ((stage, one), (stage + 1, other)):
        row = found.row_of(at)
        moved = [(at, Action("F", k)), (at, Action(backward, k))]
        row[:] = [*moved, *(turn for turn in row if turn not in moved)]
    for error in refused(found, path):
        if re.search(r"does \S+ on set \d", str(error)):
            continue  # Of two versions the moved backward may meet the wrong one before the circle closes.
        assert isinstance(error, Deadlock), str(error)
        assert_circle(str(error))


def assert_circle(text: str) -> None:
    """Each stage waits for what another one, which waits itself, does after what it is at."""
    lines = re.findall(r"stage (\d+) waits to do (\S+), for .* stage (\d+), which is at (\S+)", text)
    waits = {int(stage): (action, int(giver), at) for stage, action, giver, at in lines}
    assert waits, text
    for _, giver, at in waits.values():
        assert waits[giver][0] == at
