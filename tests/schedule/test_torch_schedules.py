"""Schedules of ``torch.distributed.pipelining`` replay: the same order at every stage and rank, without a deadlock.

They were written once where torch is installed (`tests/schedule/torch_schedules/make.py`). What is expected is read
from the files by a few lines that share nothing with the reader of archsim, and played by a longest path of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

import archsim
from archsim.errors import InputError
from archsim.schedule import Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.specification import FileSpecification

FOLDER = Path(__file__).parent / "torch_schedules"
FILES = sorted(path for path in FOLDER.glob("*.csv") if not path.name.startswith("1F1B"))
#: Kinds that claim the same schedule as those of torch.
CLAIMED = {
    "GPipe": "gpipe",
    "Interleaved1F1B": "interleaved",
    "ZBVZeroBubble": "zb-v",
    "DualPipeV": "dualpipe-v",
}


class Shape(NamedTuple):
    kind: str
    ranks: int
    stages: int
    micro_batches: int


def shape_of(path: Path) -> Shape:
    kind, sizes, count, *_ = path.stem.split("-")
    ranks, each = map(int, sizes.split("x"))
    return Shape(kind, ranks, ranks * each, int(count))


def by_rank(path: Path) -> list[list[tuple[int, str, int]]]:
    """Return stage, torch's name and micro-batch of each rank's computations, overlapped ones one after the other."""
    lines = path.read_text().splitlines()
    found = [re.findall(r"(?<![A-Z_])(\d+)([FBIW])(\d+)", line) for line in lines]
    return [[(int(stage), name, int(k)) for stage, name, k in line] for line in found]


def as_crossbars_do(path: Path) -> list[list[str]]:
    """Return what the ranks do, updates included: where W stands, or at the end of the mini-batch of a stage."""
    rows, count = by_rank(path), shape_of(path).micro_batches
    splits = any(name == "W" for row in rows for _, name, _ in row)
    done: list[list[str]] = []
    for row in rows:
        actions: list[str] = []
        left = {stage: count for stage, _, _ in row}
        for stage, name, k in row:
            actions.append(f"{stage}:{ {'F': 'F', 'I': 'B', 'B': 'B', 'W': 'U'}[name] }{k}")
            if name == "B" and splits:
                actions.append(f"{stage}:U{k}")
            left[stage] -= name in "IB"
            if name == "B" and not splits and not left[stage]:
                actions.append(f"{stage}:U{count - 1}" + (f"*{count}" if count > 1 else ""))
        done.append(actions)
    return done


def longest_path(rows: list[list[str]], stages: int) -> int:
    """Return the end of the last action, a cycle for F, B and each micro-batch of U, by passes until nothing moves."""
    parsed = [[re.fullmatch(r"(\d+):([FBU])(\d+)(?:\*(\d+))?", cell).groups() for cell in row] for row in rows]  # type: ignore[union-attr]
    ends: dict[tuple[int, str, int], int] = {}
    moved = True
    while moved:
        moved = False
        for row in parsed:
            free = 0
            for stage, kind, k, together in row:
                me, other = (int(stage), kind, int(k)), int(stage) + (1 if kind == "B" else -1)
                needs = kind in "FB" and 0 <= other < stages
                there = ends.get((other, kind, int(k)), 10**6) if needs else 0
                free = max(free, there) + int(together or 1)
                if ends.get(me) != free:
                    ends[me], moved = free, True
    return max(ends.values())


def replayed(path: Path, mini_batches: int = 1) -> Schedule:
    _, _, stages, count = shape_of(path)
    return make_schedule(FileSpecification(path=str(path), micro_batches=count), stages, mini_batches)


def done_by_places(schedule: Schedule) -> list[list[str]]:
    return [[f"{s}:{action}" for s, action in schedule.place(place)] for place in range(schedule.shape.place_count)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ranks_do_what_torch_has_them_do(path: Path) -> None:
    schedule, expected = replayed(path), as_crossbars_do(path)
    assert done_by_places(schedule) == expected
    stages = shape_of(path).stages
    for stage in range(stages):
        own = [f"{stage}:{action}" for action in schedule.stage(stage)]
        assert own == [cell for row in expected for cell in row if cell.startswith(f"{stage}:")]
    profile = dry_run(schedule, (StageCycles(1, 1, 1),) * stages)
    assert profile.makespan == longest_path(expected, stages)


@pytest.mark.parametrize("path", [path for path in FILES if "4x" not in path.stem], ids=lambda path: path.stem)
def test_stage_engines_begin_actions_in_that_order(path: Path) -> None:
    _, _, stages, count = shape_of(path)
    sets = ["chip=unit-fbu", "schedule.kind=file", f"schedule.path={path}", f"schedule.stages={stages}"]
    sets += [f"schedule.micro_batches={count}", f"training.mini_batch={count}", "training.max_mini_batches=2"]
    run, schedule = archsim.simulate("pipeline_unit", sets), replayed(path, 2)
    dry = dry_run(schedule, (StageCycles(1000, 1000, 1000),) * stages)
    assert run.metrics["makespan_ps"] == dry.makespan
    for stage in range(stages):
        rows = run.timeline[(run.timeline.unit == f"stage {stage}") & (run.timeline.action != "")]
        assert [*rows.sort_values("start_ps").action] == [action.kind for action in schedule.stage(stage)]


@pytest.mark.parametrize("path", [path for path in FILES if shape_of(path).kind in CLAIMED], ids=lambda path: path.stem)
def test_kinds_of_the_same_name_do_the_same(path: Path) -> None:
    kind, _, stages, count = shape_of(path)
    settings = archsim.plugins.load("archsim.schedules", CLAIMED[kind]).Settings
    own = make_schedule(settings(kind=CLAIMED[kind], micro_batches=count), stages, 1)
    assert own.shape.place_of_stage == kind_of(FileSpecification(path=str(path), micro_batches=count)).places(stages)  # type: ignore[misc]
    if own.turns is None:
        assert [[f"{s}:{action}" for action in own.stage(s)] for s in range(stages)] == done_by_places(replayed(path))
    else:
        assert done_by_places(own) == done_by_places(replayed(path))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("LoopedBFS-*")), ids=lambda path: path.stem)
def test_looped_breadth_first_goes_back_from_the_last_micro_batch(path: Path) -> None:
    """Torch has B of the last micro-batch first, `breadth-first` that of the first: both take as long."""
    _, _, stages, count = shape_of(path)
    own = make_schedule(
        archsim.plugins.load("archsim.schedules", "breadth-first").Settings(kind="breadth-first", micro_batches=count),
        stages,
        1,
    )
    mirrored = [
        [re.sub(r"(?<=:B)(\d+)", lambda k: str(count - 1 - int(k[1])), cell) for cell in row]
        for row in done_by_places(own)
    ]
    assert mirrored == done_by_places(replayed(path))
    cycles = (StageCycles(1, 1, 1),) * stages
    assert dry_run(own, cycles).makespan == dry_run(replayed(path), cycles).makespan


@pytest.mark.parametrize("path", sorted(FOLDER.glob("1F1B-*")), ids=lambda path: path.stem)
def test_the_last_rank_of_1f1b_is_refused_and_mended_it_is_synchronous(path: Path, tmp_path: Path) -> None:
    """Where torch 2.13 lists it, not where it runs it, forwards of the last rank are counted from 1 instead of 0."""
    _, _, stages, count = shape_of(path)
    with pytest.raises(
        InputError, match=rf"{count + 1} micro-batches, the last one in row .*, {stages - 1}F{count}"
    ) as found:
        replayed(path)
    assert found.value.place is not None
    assert found.value.place.file == str(path)
    mended = re.sub(rf"\b{stages - 1}F(\d+)", lambda cell: f"{stages - 1}F{int(cell[1]) - 1}", path.read_text())
    (tmp_path / path.name).write_text(mended)
    own = make_schedule(FileSpecification(path=str(tmp_path / path.name), micro_batches=count), stages, 1)
    settings = archsim.plugins.load("archsim.schedules", "synchronous").Settings
    expected = make_schedule(settings(kind="synchronous", micro_batches=count), stages, 1)
    assert [[*own.stage(s)] for s in range(stages)] == [[*expected.stage(s)] for s in range(stages)]
