"""The schedule ``file``: it does what its file lists, and what a file cannot list is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim.errors import Deadlock, InputError
from archsim.schedule import Schedule, StageCycles, dry_run, gradients_of, kind_of, make_schedule
from archsim.schedule.specification import FileSpecification
from tests.random_cases import tried

#: Those of which a file can say all: it knows of one set of crossbars only.
KINDS = sorted({*archsim.plugins.names("archsim.schedules")} - {"file", "two-version"})
CYCLES = StageCycles(2, 3, 1)
GOOD = "F0 F1 B0 U0 B1 U1\n"


def listed(path: Path, text: str, stages: int, mini_batches: int, **settings: Any) -> Schedule:
    path.write_text(text, encoding="utf-8")
    return make_schedule(FileSpecification(path=str(path), **settings), stages, mini_batches)


def words(text: str) -> list[str]:
    return text.split()


def actions(schedule: Schedule) -> list[list[str]]:
    return [[*map(str, schedule.stage(stage))] for stage in range(schedule.shape.stages)]


def places(schedule: Schedule) -> list[list[str]]:
    return [[f"{s}:{action}" for s, action in schedule.place(place)] for place in range(schedule.shape.place_count)]


@given(
    kind=st.sampled_from(KINDS),
    stages=st.integers(1, 6),
    mini_batches=st.integers(1, 3),
    micro_batches=st.integers(1, 7),
    separate=st.booleans(),
    commas=st.booleans(),
)
@tried(40)
def test_what_a_schedule_writes_a_file_does(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    stages: int,
    mini_batches: int,
    micro_batches: int,
    separate: bool,
    commas: bool,
) -> None:
    known = archsim.plugins.load("archsim.schedules", kind)
    given = known.Settings(kind=kind, micro_batches=micro_batches)
    transfers = None
    if separate and known.trains and kind != "hybrid":  # Of whose updates not all apply as many micro-batches.
        given = given.model_copy(update={"transfers": "separate"})
        transfers = lambda together: [{2 * together}] * stages  # noqa: E731
    original = make_schedule(given, stages, mini_batches, transfers)
    text = original.to_text()
    if commas:
        text = text.replace(" ", ",")
    path = tmp_path_factory.getbasetemp() / "schedule.txt"
    again = listed(path, text, stages, mini_batches, micro_batches=micro_batches)
    assert actions(again) == actions(original)
    assert places(again) == places(original)
    assert again.shape.place_of_stage == original.shape.place_of_stage
    done = {action.kind for stage in range(stages) for action in original.stage(stage)}
    assert again.kinds == {symbol: kind for symbol, kind in original.kinds.items() if symbol in done}
    assert dry_run(again, (CYCLES,) * stages) == dry_run(original, (CYCLES,) * stages)
    assert again.to_text() == original.to_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_by_a_file_is_that_of_the_schedule_which_wrote_it(kind: str, tmp_path: Path) -> None:
    sets = ["schedule.stages=2", "schedule.micro_batches=4", "training.mini_batch=8", "training.max_mini_batches=3"]
    sets += ["run.evaluate_every=1"]
    path = tmp_path / "schedule.txt"
    prepared = archsim.prepare("mlp_digits", [*sets, f"schedule.kind={kind}"])
    shape = prepared.schedule.shape
    assert shape.mini_batches == 3
    path.write_text(prepared.schedule.to_text())
    asked = archsim.simulate("mlp_digits", [*sets, f"schedule.kind={kind}"])
    sets += ["schedule.kind=file", f"schedule.path={path}"]
    if kind.startswith(("zb-", "dualpipe")):  # On two stages some of them put nothing off.
        sets.append("schedule.update=scheduled")
    run = archsim.simulate("mlp_digits", sets)
    assert run.metrics == asked.metrics
    assert run.weights.keys() == asked.weights.keys()
    for name, weights in asked.weights.items():
        assert weights.tobytes() == run.weights[name].tobytes()


@pytest.mark.parametrize(
    ("stage", "claimed"),
    [
        ("F0 F1 B0 B1 U1*2 F2 F3 B2 B3 U3*2 F4 F5 B4 B5 U5*2", "exact"),
        ("F0 F1 B0 B1 U1*2 F2 F3 F4 F5 B2 B3 B4 B5 U3*2 U5*2", "stale"),
        ("F0 F1 B0 B1 U0 U1 F2 F3 F4 F5 B2 B3 B4 U2 U3 B5 U4 U5", "stale"),
    ],
)
def test_what_is_claimed_of_a_file_of_a_whole_run_is_what_it_learns(stage: str, claimed: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text(f"{stage}\n{stage}\n")
    sets = ["schedule.stages=2", "schedule.micro_batches=2", "training.mini_batch=8", "training.max_mini_batches=3"]
    sets += ["run.mode=numerics", "data.test_samples=30"]
    listed = [*sets, "schedule.kind=file", f"schedule.path={tmp_path / 'run'}"]
    schedule = archsim.prepare("mlp_digits", listed).schedule
    assert gradients_of(schedule, dry_run(schedule)) == claimed
    run, exact = (
        archsim.simulate("mlp_digits", listed),
        archsim.simulate("mlp_digits", [*sets, "schedule.kind=sequential"]),
    )
    equal = [weights.tobytes() == run.weights[name].tobytes() for name, weights in exact.weights.items()]
    assert all(equal) == (claimed == "exact")


def test_cells_may_be_quoted(tmp_path: Path) -> None:
    quoted = listed(tmp_path / "s", '"F0", "F1","",B0,"B1"\r\n' * 2, 2, 1, micro_batches=2)
    assert actions(quoted) == [words("F0 F1 B0 B1 U1*2")] * 2


def test_a_file_of_one_mini_batch_is_repeated(tmp_path: Path) -> None:
    schedule = listed(tmp_path / "s", "F0 F1 B0 B1 U1*2\nF0 B0 F1 B1 U1*2\n", 2, 3, micro_batches=2)
    assert actions(schedule)[1] == words("F0 B0 F1 B1 U1*2 F2 B2 F3 B3 U3*2 F4 B4 F5 B5 U5*2")
    assert schedule.update == "scheduled"


@pytest.mark.parametrize(
    ("stage", "update", "together"),
    [
        ("F0 F1 B0 U0 B1 U1", None, False),
        ("F0 F1 B0 U0 B1 U1", "scheduled", True),
        ("F0 F1 B0 B1 U1*2", None, False),
        ("F0 F1 B0 B1 U0 U1", None, True),
        ("F0 F1 B0 B1 U1 U0", None, True),
        ("F0 F1 B1 B0", None, False),
    ],
)
def test_digital_parameters_step_together_where_an_update_is_put_off(
    stage: str, update: str | None, together: bool, tmp_path: Path
) -> None:
    (tmp_path / "s").write_text(stage)
    kind = kind_of(FileSpecification(path=str(tmp_path / "s"), micro_batches=2, update=update))
    assert kind.accumulates_digitally == together


def test_without_updates_the_rule_says_when_stages_update(tmp_path: Path) -> None:
    text = "# two stages\nF0,F1,,B0,B1\n\nF0,B0,F1,B1\n"
    deferred = listed(tmp_path / "s", text, 2, 1, micro_batches=2)
    assert actions(deferred) == [words("F0 F1 B0 B1 U1*2"), words("F0 B0 F1 B1 U1*2")]
    immediate = listed(tmp_path / "s", text, 2, 1, micro_batches=2, update="immediate")
    assert actions(immediate)[0] == words("F0 F1 B0 U0 B1 U1")


def test_cells_that_name_their_stages_stand_in_rows_of_places(tmp_path: Path) -> None:
    text = "0F0,0F1,2F0,2B0,0B0,2F1,2B1,0B1\n1:F0 1:B0 1:F1 1:B1\n"
    specification = FileSpecification(path=str(tmp_path / "s"), micro_batches=2, stages=3)
    schedule = listed(tmp_path / "s", text, 3, 2, micro_batches=2)
    assert kind_of(specification).places is not None
    assert schedule.shape.place_of_stage == (0, 1, 0)
    assert places(schedule)[0][:9] == words("0:F0 0:F1 2:F0 2:B0 0:B0 2:F1 2:B1 2:U1*2 0:B1")
    assert dry_run(schedule).actions == 3 * 2 * 5


def test_names_of_torch_are_told_in_those_of_crossbars(tmp_path: Path) -> None:
    """I is B, W is U, B is both where the file has W; messages and weights spread over devices are not told."""
    text = (
        "0UNSHARD,0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0I0,0RECV_B1,0B1,0W0,0REDUCE_GRAD,0RESHARD\n"
        "1RECV_F0,1F0,1I0,1SEND_B0,1RECV_F1,(1F1;1W0)OVERLAP_F_B,1B1,1SEND_B1\n"
    )
    schedule = listed(tmp_path / "s", text, 2, 1, micro_batches=2)
    assert actions(schedule) == [words("F0 F1 B0 B1 U1 U0"), words("F0 B0 F1 U0 B1 U1")]


def test_a_table_of_steps_and_ranks_is_read(tmp_path: Path) -> None:
    text = "         Rank 0  Rank 1 \nStep 00: 0F0            \nStep 01:         1F0    \nStep 02:         1B0    \n"
    schedule = listed(tmp_path / "s", text + "Step 03: 0B0             <-- ERROR HERE\n", 2, 1)
    assert actions(schedule) == [words("F0 B0 U0"), words("F0 B0 U0")]


def test_a_forward_only_file_trains_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("F0,F1\nF0,F1\n")
    sets = [
        "schedule.kind=file",
        f"schedule.path={tmp_path / 's.csv'}",
        "schedule.stages=2",
        "schedule.micro_batches=2",
    ]
    sets += ["training=null", "data.samples=8", "run.mode=timing"]
    run = archsim.simulate("mlp_digits", sets)
    assert run.metrics["updates"] is None
    (tmp_path / "s.csv").write_text("F0,F1,B0,B1\nF0,F1,B0,B1\n")
    with pytest.raises(InputError, match="'training' is missing"):
        archsim.prepare("mlp_digits", sets)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        (GOOD + "F0 F1 B0 U0 B1 U1 U0", 2, 19, "row 2, cell 7: stage 1 does U0 twice"),
        (GOOD + "F0,F1,,U0,B0,B1,U1", 2, 8, "row 2, cell 4: stage 1 does U0 before B0"),
        (GOOD + "B0 F0 U0 F1 B1 U1", 2, 1, "row 2, cell 1: stage 1 does B0 before F0"),
        (GOOD + "# \nF0 F1 B0 U0 B1", 3, 13, "row 2, cell 5: stage 1 leaves out U1"),
        (GOOD + "F0 F1 B0 U0 B1 U1 F2 F3 B2 U2 B3 U3", 1, 16, "row 1, cell 6: stage 0 leaves out F2"),
        (GOOD + "F0 F1 B0 U0 B1 X1", 2, 16, "no action 'X' is registered"),
        (GOOD + "F0 F1 B0 u0 B1 U1", 2, 10, "remedy:  did you mean U?"),
        (GOOD + "F0 F1 B-0 U0 B1 U1", 2, 7, "this is no action"),
        (GOOD + "F0 F1 B0 U0 B1 U", 2, 16, "an action is done with a micro-batch"),
        (GOOD + "F0 F\uff11 B0 U0 B1 U1", 2, 4, "this is no action"),
        ("(" * 3000 + "F0" + ")OVERLAP_F_B" * 3000, 1, 1, "row 1, cell 1: this is no action"),
        # Of these two only one ends a line.
        ("F0 F1 B0\u2028U0 B1 U1\rF0 X!", 2, 4, "row 2, cell 2: this is no action"),
        ('"F0,F1",B0,B1\n', 1, 1, "row 1, cell 1: this is no action"),
        (GOOD + "F0 F1 B0 U0 1:B1 U1", 2, 13, "either every action names its stage or none does, and F0 in row 1"),
        ("0F0 0B0 0U0\n1F0 1B0 0U0 1U0", 2, 9, "a stage lies at one place, and stage 0 does 0F0 in row 1"),
        ("0F0 0B0 0U0\n2F0 2B0 2U0", 2, 1, "there is a stage 2, and none of the number 1"),
        ("F0 B0 W0\nF0 B0 U0", 2, 7, "this one has both, such as W0 in row 1"),
        ("F0 U0\nF0 U0", 1, 4, "U follows B, which the file has nowhere"),
        ("F0 F1 B1*2 U1*2", 1, 7, "stage 0 does B1*2, so B with 2 micro-batches at once"),
        ("F1 F0 B1 B0 U1*3", 1, 13, "stage 0 does U1*3 of the micro-batches 0 to 1"),
        ("# nothing\n\n", None, None, "the file holds no action"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(
    text: str, line: int | None, column: int | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.txt"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(InputError) as found:
        kind_of(FileSpecification(path=str(path), micro_batches=2, stages=2))
    assert says in str(found.value)
    assert found.value.field == "schedule.path"
    assert found.value.remedy
    if line is not None:
        assert str(found.value.place) == f"{path}:{line}:{column}"


def test_files_that_are_no_text_or_are_not_there_are_refused(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=says):
            kind_of(FileSpecification(path=str(path)))
    (tmp_path / "s").write_bytes(b"F0 \xff")
    with pytest.raises(InputError, match="no UTF-8 text"):
        kind_of(FileSpecification(path=str(tmp_path / "s")))
    (tmp_path / "s").write_bytes("\ufeffF0 B0".encode())  # As spreadsheets write it.
    assert kind_of(FileSpecification(path=str(tmp_path / "s"))).actions == ("F", "B", "U")


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ({"stages": 3, "micro_batches": 2}, "schedule.stages", "set schedule.stages=2"),
        ({"micro_batches": 3}, "schedule.micro_batches", "set schedule.micro_batches=2"),
        (
            {"micro_batches": 1},
            "schedule.micro_batches",
            "written for 2 mini-batches of 1 micro-batch, and the run has 4",
        ),
        ({"micro_batches": 2, "update": "immediate"}, "schedule.update", "places its updates itself"),
        ({"micro_batches": 2, "places": [1, 0]}, "", ""),
    ],
)
def test_a_file_goes_with_what_the_section_says(
    settings: dict[str, Any], field: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.txt"
    path.write_text(GOOD + GOOD)
    document = {
        "network": "mlp-64-64-32-10",
        "chip": "unit-fbu",
        "data": {"samples": 24},
        "training": {"learning_rate": 0.1, "mini_batch": 6},
        "schedule": {"kind": "file", "path": str(path), "stages": 2, **settings},
        "run": {"mode": "timing"},
    }
    if not field:
        assert archsim.prepare(document).plan.places[0].stages == (1,)
        return
    with pytest.raises(InputError) as found:
        archsim.prepare(document)
    assert found.value.field == field
    assert says in str(found.value)


def test_rows_of_places_say_where_stages_lie(tmp_path: Path) -> None:
    schedule = listed(tmp_path / "s", "1F0 1B0\n0F0 0B0\n", 2, 1)
    assert schedule.shape.place_of_stage == (1, 0)
    assert places(schedule) == [words("1:F0 1:B0 1:U0"), words("0:F0 0:B0 0:U0")]
    with pytest.raises(InputError, match=r"leave schedule\.places out"):
        listed(tmp_path / "s", "1F0 1B0\n0F0 0B0\n", 2, 1, places=(0, 1))


def test_stages_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    schedule = listed(tmp_path / "s", "F0 B0 F1 B1\nF1 B1 F0 B0\n", 2, 1, micro_batches=2)
    with pytest.raises(Deadlock, match="stage 0 waits to do B0, for gradient 0 from stage 1, which is at F1"):
        dry_run(schedule)


def test_a_path_starts_from_the_folder_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "s.txt").write_text("F0 B0 U0")
    document = {
        "network": "mlp-64-64-32-10",
        "chip": "unit",
        "data": {"samples": 4},
        "training": {"learning_rate": 0.1},
    }
    document["schedule"] = {"kind": "file", "path": "s.txt"}
    (tmp_path / "below" / "one.yaml").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    prepared = archsim.prepare("below/one.yaml", mode="timing")
    assert prepared.experiment.schedule.path == str(tmp_path / "below" / "s.txt")  # type: ignore[attr-defined]
    assert prepared.schedule.to_text().startswith("F0 B0 U0 F1 B1 U1")


def test_a_circle_of_stages_in_a_file_is_a_mistake_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "circle.txt"
    path.write_text("F0 B0 U0 F1 B1 U1\nF1 B1 U1 F0 B0 U0\n")
    sets = ["schedule.kind=file", f"schedule.path={path}", "schedule.stages=2", "schedule.micro_batches=2"]
    with pytest.raises(InputError, match="stage 0 waits to do B0") as found:
        archsim.prepare("pipeline_unit", sets)
    assert found.value.field == "schedule.path"
    assert found.value.value == str(path)
    assert found.value.remedy


def test_an_update_that_forgets_the_one_before_may_be_one_of_both(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"write U1\*2") as found:
        listed(tmp_path / "file", "F0 F1 B0 B1 U1", 1, 1, micro_batches=2)
    assert "leaves out U0" in found.value.problem
