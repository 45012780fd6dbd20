"""What a checkpoint may hold: what real ones do hold, and nothing that could do harm."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import plugins
from archsim.engine.checkpoint.folder import CheckpointFolder
from archsim.engine.checkpoint.kinds import KINDS, kinds_by_name
from archsim.engine.checkpoint.store import CheckpointError, restore_objects, store_objects
from archsim.engine.events.kernel import Kernel
from archsim.schedule.actions import Action
from archsim.simulation import simulate

WORKLOAD = Path(__file__).resolve().parents[3] / "workloads" / "mlp_digits.yaml"
KINDS_OF_SCHEDULES = ("sequential", "gpipe", "synchronous", "asynchronous", "stash")


def tables_of(stored: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stored[: stored.index(b"\n")])
    return found


def checkpoints(what: archsim.Experiment, folder: Path, every: int) -> list[bytes]:
    """Return the checkpoints of a run that takes one after so many events again and again."""
    asked = 0

    def interrupted() -> bool:
        nonlocal asked
        asked += 1
        # Asked twice: stop here for a checkpoint? And now that it is written, stop for good?
        return asked % every == 0

    found: list[bytes] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(CheckpointFolder, "save", lambda self, stored: found.append(stored))
        simulate(what, workspace=folder, interrupted=interrupted)
    return found


def presets() -> dict[str, str]:
    """Return one named algorithm of each kind."""
    found: dict[str, str] = {}
    for name in plugins.names("archsim.algorithms"):
        found.setdefault(plugins.load("archsim.algorithms", name)().kind, name)
    return found


#: Overrides that make a recurrent network of the main job's.
RECURRENT = (
    "network={name: rows, input_shape: [64], layers: ["
    "{name: rows, kind: reshape, shape: [8, 8]}, {name: memory, kind: lstm, features: 6, output: last}, "
    "{name: out, kind: linear, features: 10}]}",
    "schedule.stages=2",
)


#: Overrides that generate the rows of an image one after the other.
GENERATED = (
    "network={name: rows, input_shape: [8, 8], layers: [{name: x, kind: linear, features: 6}, "
    "{name: attend, kind: attention, causal: true, inputs: [x, x, x]}, {name: out, kind: linear, features: 10}]}",
    "schedule={kind: inference, stages: 2, overlap: stages, positions: generated}",
)


def experiments() -> Iterator[tuple[archsim.Experiment, int]]:
    """Yield experiments of all schedules, modes, algorithms and chips, and events from checkpoint to checkpoint."""
    short = (
        "training.mini_batch=8",
        "schedule.micro_batches=2",
        "training.max_mini_batches=3",
        "data.test_samples=20",
        "run.evaluate_every=1",
    )
    tight = ("chip.buffer.capacity=7680 B", "chip.host.bytes_per_cycle=1")
    cut = ("chip.tile.rows=20", "chip.tile.columns=24")

    def load(*overrides: str, mode: str | None = None) -> archsim.Experiment:
        return archsim.load_experiment(WORKLOAD, (*short, *overrides), mode)

    for kind in KINDS_OF_SCHEDULES:
        yield load(f"schedule.kind={kind}", *tight, *cut, mode="timing"), 61
        yield load(f"schedule.kind={kind}", *tight, *cut), 97
        yield load(f"schedule.kind={kind}", mode="numerics"), 17
    two = ("schedule.kind=two-version", "chip.tile.rows=34", "chip.tile.columns=33", "chip.node_tiles=3")
    yield load(*two, mode="timing"), 61
    yield load(*two, "schedule.copies=exact", "training.algorithm=ttv2"), 97
    yield load("schedule.kind=inference", *tight, *cut), 41
    yield load("schedule.kind=inference", mode="numerics"), 5
    yield load("chip=unit", "run.timeline=false", "run.discrepancy_every=1"), 37
    yield load("schedule.places=[0, 1, 0]", "chip.buffer.capacity=32 KiB", mode="timing"), 61
    streamed = ("schedule.overlap=layers", "schedule.chunk_vectors=3", "chip.tile.double_buffered=true")
    yield load(*streamed, *cut, "chip.node_tiles=3", "schedule.stages=1"), 31
    flowing = ("schedule.overlap=stages", "schedule.chunk_vectors=3", "chip.node_tiles=3", *tight)
    yield load(*flowing, *cut), 31
    yield load(*flowing, *cut, "schedule.kind=inference"), 17
    yield load("schedule.kind=layer-serial", "schedule.stages=1", *cut), 17
    yield load(*RECURRENT), 61
    yield load(*GENERATED, mode="timing"), 41
    yield load("network.layers.4.placement=digital", "training.digital_optimizer={momentum: 0.5}"), 31
    yield load("chip=rpu-512", "run.program=true", *cut), 13
    ranges = ("chip.io.noise_management=none", "network.layers.0.scaling={input_range: {}}")
    yield load("chip.node_tiles=8", *cut, *ranges), 97
    for name in presets().values():
        few = ("chip=rpu-512", "training.max_mini_batches=1")
        yield load(*few, "chip.device={preset: soft-bounds, dw_min: 0.01}", f"training.algorithm={name}"), 53


def test_the_list_is_what_real_checkpoints_hold(tmp_path: Path) -> None:
    found: set[str] = set()
    for what, every in experiments():
        taken = checkpoints(what, tmp_path, every)
        assert taken
        for stored in taken:
            found |= tables_of(stored)["attributes"].keys()
    assert found == {kind.full_name for kind in KINDS}


def test_every_kind_on_the_list_is_one_of_archsims_and_has_the_methods_that_events_call() -> None:
    for kind in KINDS:
        assert kind.module.startswith("archsim.")
        found = kind.load()
        assert found.__module__ == kind.module
        for method in kind.calls:
            assert callable(getattr(found, method))
        assert hasattr(found, "restored") == bool(kind.rebuilt)
        assert kind.state or "__dict__" not in dir(found), "its attributes are known"


def test_containers_and_numbers_come_back_as_they_were() -> None:
    shared = [1]
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    before = {
        "list": [shared, shared, None, True, -0.0, float("inf"), 2**80, "\ud800\n"],
        (1, "a"): deque([(1.5,)]),
        3: {4, 5},
        "counter": Counter({"a": 2}),
        "default": defaultdict(int, {7: 8}),
        "frozen": frozenset({1, 2}),
        "arrays": [numbers, numbers, np.asfortranarray(numbers), np.float32(0.1), np.zeros((0, 3), bool)],
        "action": Action("U", 3, 2),
    }
    after = restore_objects(store_objects(before, {}), {})
    assert after.keys() == before.keys()
    assert after["list"][0] is after["list"][1]
    assert after["list"] == before["list"]
    assert after[1, "a"] == before[1, "a"]
    assert after[3] == before[3]
    assert after["counter"] == before["counter"]
    assert after["default"][9] == 0
    assert after["frozen"] == before["frozen"]
    assert type(after["action"]) is Action
    assert after["action"] == before["action"]
    one, same, fortran, number, empty = after["arrays"]
    assert one is same
    assert one.flags.writeable
    assert fortran.flags.f_contiguous
    assert number.dtype == np.float32
    assert empty.shape == (0, 3)
    for array in (one, fortran):
        np.testing.assert_array_equal(array, numbers)


class Elsewhere:
    """A class of another package."""


@pytest.mark.parametrize("value", [Elsewhere(), Elsewhere, len, np.array([None]), np.dtype("f4"), Path()])
def test_what_is_not_on_the_list_is_not_written(value: object) -> None:
    with pytest.raises(CheckpointError, match="cannot stand in a checkpoint"):
        store_objects([value], {})


# What somebody might make


class Harmful:
    """Runs a command when it is read by `pickle`."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch harmed",)


def pickled() -> bytes:
    file = io.BytesIO()
    pickle.dump(Harmful(), file)
    return file.getvalue()


def made(elements: bytes = b"", **tables: Any) -> bytes:
    whole = {"root": [0, 0], "attributes": {}, "values": [], "objects": [], **tables}
    return json.dumps(whole).encode() + b"\n" + elements


def of_class(name: str, *parts: Any, table: str = "objects", attributes: Any = ()) -> bytes:
    return made(**{"attributes": {name: attributes}, table: [[name, *parts]], "root": [table == "values", 0]})


def event(owner: list[Any], attributes: dict[str, Any], method: str) -> bytes:
    """Return a kernel whose only event calls a method of an object."""
    kernel = "archsim.engine.events.kernel.Kernel"
    return made(
        attributes={kernel: kinds_by_name()[kernel].attributes(), **attributes},
        values=[["tuple", 0, [0, 2], method]],
        objects=[[kernel, 0, 0, 100, [0, 1]], ["list", [1, 0]], owner],
    )


SPACE = "archsim.chip.components.BufferSpace"
SPACE_ATTRIBUTES = {SPACE: kinds_by_name()[SPACE].attributes()}
SPACE_NODE = [SPACE, *([0] * len(SPACE_ATTRIBUTES[SPACE]))]

HOSTILE: dict[str, bytes] = {
    "a pickle": pickled(),
    "nothing": b"",
    "nested without end": b"[" * 100_000 + b"\n",
    "a list in place of tables": b"[]\n",
    "the type adapter of pydantic": of_class("pydantic.TypeAdapter", "__import__('os').system('touch harmed')"),
    "what a module imported": of_class("archsim.experiment.TypeAdapter", "__import__('os')"),
    "what makes files": of_class("archsim.results.lock.FolderLock", "harmed"),
    "what starts threads": of_class("archsim.analog.threads.Workers", 64),
    "a function": of_class("archsim.results.folder.write_file", "harmed", "text"),
    "an attribute of a listed class": of_class(f"{SPACE}.claim", 1),
    "more attributes": of_class(SPACE, 1, 2, attributes=["claim"]),
    "too few values": of_class(SPACE, 1, attributes=SPACE_ATTRIBUTES[SPACE]),
    "too few values of a tuple": of_class(
        "archsim.schedule.actions.Action", "F", table="values", attributes=["kind", "micro_batch", "count"]
    ),
    "an object as a value": of_class(SPACE, *SPACE_NODE[1:], table="values", attributes=SPACE_ATTRIBUTES[SPACE]),
    "a reference behind the end": made(objects=[["list", [0, 7]]]),
    "a reference before the start": made(objects=[["list", [0, -1]]]),
    "a value that refers to itself": made(values=[["tuple", [1, 0]]], root=[1, 0]),
    "values nested without end": made(values=[["tuple"], *(["tuple", [1, i]] for i in range(200_000))], root=[1, 9]),
    "a key that cannot be one": made(objects=[["dict", [0, 0], 1]]),
    "a name of something unhashable": made(objects=[["list", [[]]]]),
    "elements of objects": made(b"\0" * 8, values=[["ndarray", "|O", [1], "C"]]),
    "elements that numpy would evaluate": made(b"\0" * 8, values=[["ndarray", "(__import__('os'),)f4", [1], "C"]]),
    "an array larger than the file": made(b"\0" * 8, values=[["ndarray", "<f8", [10**15], "C"]]),
    "an array of a negative length": made(b"\0" * 8, values=[["ndarray", "<f8", [-1, -1], "C"]]),
    "many arrays of the same elements": made(b"\0" * 8, values=[["ndarray", "<f8", [1], "C"]] * 2),
    "elements of no array": made(b"\0" * 8, objects=[["list"]]),
    "an array of a number of bytes that is none": made(b"\0" * 8, values=[["array", 0.5]]),
    "an event that calls what it may not": event(SPACE_NODE, SPACE_ATTRIBUTES, "release"),
    "an event that calls a special method": event(SPACE_NODE, SPACE_ATTRIBUTES, "__init__"),
    "an event that calls a container": event(["list"], {}, "clear"),
    "an event of no object": event(["list"], {}, "_complete"),
}


@pytest.mark.parametrize("stored", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_archsim_never_wrote_is_refused_and_does_nothing(
    stored: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="damaged or was not made by archsim"):
        restore_objects(stored, {})
    assert not list(tmp_path.iterdir())


def test_no_constructor_and_no_method_but_those_on_the_list_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def harmful(self: object, *_: object) -> None:
        pytest.fail("code ran")

    for kind in KINDS:
        for method in ("__init__", "__post_init__"):
            if method in vars(kind.load()):
                monkeypatch.setattr(kind.load(), method, harmful)
    for kind in KINDS:
        if kind.state or kind.rebuilt:  # These take over what the tables hold; see above.
            continue
        stored = of_class(
            kind.full_name, *([1] * len(kind.attributes())), attributes=kind.attributes(), table="objects"
        )
        with contextlib.suppress(CheckpointError):  # Of a value, which cannot stand among the objects.
            restore_objects(stored, {})


def test_an_event_calls_back_the_object_that_was_stored() -> None:
    kernel, called = Kernel(), []

    class Unlisted:
        def ring(self) -> None:
            called.append(1)

    kernel.after(5, Unlisted().ring)
    with pytest.raises(CheckpointError, match="Unlisted cannot stand"):
        store_objects(kernel, {})


MISLEADING: dict[str, Callable[[dict[str, Any]], None]] = {
    "another object at the root": lambda tables: tables.update(root=[0, 1]),
    "numbers in place of all objects below": lambda tables: tables.update(
        objects=[
            [node[0], *(7 if type(part) is list else part for part in node[1:])] if number else node
            for number, node in enumerate(tables["objects"])
        ]
    ),
    "texts in place of all numbers": lambda tables: tables.update(
        objects=[[node[0], *("x" if type(part) is int else part for part in node[1:])] for node in tables["objects"]]
    ),
    "references turned round": lambda tables: tables.update(
        objects=[
            [node[0], *([0, len(tables["objects"]) - 1 - part[1]] if _refers(part) else part for part in node[1:])]
            for node in tables["objects"]
        ]
    ),
    "a text in place of the length of the run": lambda tables: _change_root(tables, 3, "long"),
    "a truth value in place of the machine": lambda tables: _change_root(tables, 0, True),
    "no machine": lambda tables: _change_root(tables, 0, {}),
}


def _change_root(tables: dict[str, Any], attribute: int, reference: Any) -> None:
    """Let an attribute of what stands at the root (machine, matrices, parameters, length) refer to something else."""
    root = tables["values"][tables["root"][1]]
    assert len(root) == 5
    root[1 + attribute] = reference


def _refers(part: Any) -> bool:
    return type(part) is list and len(part) == 2 and part[0] == 0


@pytest.mark.parametrize("mislead", MISLEADING.values(), ids=MISLEADING.keys())
@pytest.mark.parametrize("mode", ["timing", "coupled", "numerics"])
def test_a_checkpoint_that_was_changed_with_care_is_an_error_not_a_traceback(
    mislead: Callable[[dict[str, Any]], None], mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = archsim.load_experiment(WORKLOAD, ("training.max_mini_batches=4", "data.test_samples=20"), mode)
    stored = checkpoints(what, tmp_path, every=5)[1]
    tables = tables_of(stored)
    mislead(tables)
    changed = json.dumps(tables).encode() + b"\n" + stored.partition(b"\n")[2]
    monkeypatch.setattr(CheckpointFolder, "load", lambda self: changed)
    with pytest.raises(CheckpointError):
        simulate(what, workspace=tmp_path, resume=True)
