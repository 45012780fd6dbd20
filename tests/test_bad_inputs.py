"""Everything that goes wrong with documents and data is told with its place, and with a remedy or what is allowed."""

from __future__ import annotations

import gzip
import io
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.data import load_data
from archsim.document import load_experiment, parse
from archsim.errors import InputError, InputErrors

DOCUMENT = """\
network:
  input_shape: [4]
  layers:
    - {name: fc1, kind: linear, features: 3}
    - {name: fc2, kind: linear, features: 2}
chip:
  preset: reram-1024
  tile: {rows: 64, columns: 64}
training:
  learning_rate: 0.1
  mini_batch: 4
schedule:
  kind: gpipe
  stages: 2
  micro_batches: 2
"""

SCHEDULE = DOCUMENT[DOCUMENT.index("schedule") :]


@dataclass(frozen=True)
class Bad:
    """One mistake: what is changed in the document, where the error points, what it says."""

    old: str
    new: str
    place: str
    words: str


DOCUMENTS = {
    "misspelt section": Bad("training:", "trainning:", "9:1", "did you mean 'training'?"),
    "misspelt key": Bad("learning_rate:", "learnig_rate:", "10:3", "did you mean 'learning_rate'?"),
    "key of another program": Bad("learning_rate:", "lr:", "10:3", "did you mean 'learning_rate'?"),
    "misspelt key of a layer": Bad("features: 3", "feature: 3", "4:33", "did you mean 'features'?"),
    "missing key": Bad("  learning_rate: 0.1\n", "", "10:3", "add 'learning_rate: ...' under 'training'"),
    "missing section": Bad(
        DOCUMENT[DOCUMENT.index("training") : DOCUMENT.index("schedule")], "", "1:1", "'training' is"
    ),
    "more threads than any computer has": Bad(
        "schedule:\n", "run: {threads: 1000000000}\nschedule:\n", "12:16", "1 or more and 1024 or less"
    ),
    "perfect bias": Bad(
        "  preset: reram-1024\n",
        "  preset: reram-1024\n  device: {preset: soft-bounds, perfect_bias: true}\n",
        "8:47",
        "biases are digital",
    ),
    "perfect bias of one of several devices": Bad(
        "features: 3}",
        "features: 3, device: {kind: vector, devices: [ecram, {kind: soft-bounds, perfect_bias: true}]}}",
        "4:120",
        "biases are digital",
    ),
    "perfect bias of an algorithm's own device": Bad(
        "  mini_batch: 4",
        "  mini_batch: 4\n  algorithm: {preset: tiki-taka, fast_device: {preset: soft-bounds, perfect_bias: true}}",
        "12:83",
        "biases are digital",
    ),
    "two bounds of an input": Bad(
        "features: 3}",
        "features: 3, scaling: {input_range: {init_value: 1}}}",
        "4:69",
        "noise management",
    ),
    "zero stages": Bad("stages: 2", "stages: 0", "14:11", "a whole number, 1 or more"),
    "no stage": Bad("stages: 2", "stages: []", "14:11", "a list of one or more"),
    "half a stage": Bad("stages: 2", "stages: 1.5", "14:11", "a whole number, 1 or more"),
    "NaN learning rate": Bad("rate: 0.1", "rate: .nan", "10:18", "not a finite number"),
    "infinite learning rate": Bad("rate: 0.1", "rate: .inf", "10:18", "not a finite number"),
    "negative learning rate": Bad("rate: 0.1", "rate: -0.1", "10:18", "a number, above 0"),
    "learning rate in quotes": Bad("rate: 0.1", "rate: '0.1'", "10:18", "not a number"),
    "overflowing number": Bad("rate: 0.1", "rate: 1e999", "10:18", "not a finite number"),
    "number of a thousand digits": Bad("rate: 0.1", f"rate: {'1' * 2000}", "10:18", "too many digits"),
    "truth for a number": Bad("mini_batch: 4", "mini_batch: true", "11:15", "not a whole number"),
    "text for a section": Bad("training:\n", "training: fast\nrun:\n", "9:11", "a section with the keys"),
    "list for a section": Bad("training:\n", "training: []\nrun:\n", "9:11", "a section with the keys"),
    "empty section that needs keys": Bad("training:\n", "training: {}\nrun:\n", "9:1", "'learning_rate' is missing"),
    "micro-batches that do not divide": Bad("batches: 2", "batches: 3", "15:18", "do not divide"),
    "schedule of no kind": Bad("kind: gpipe", "kind: null", "13:9", "allowed: asynchronous, "),
    **{
        f"{name} for a pair": Bad(
            "features: 3}",
            f"features: 3}}\n    - {{name: c, kind: conv2d, channels: 2, kernel: {given}}}",
            "5:52",
            f"{words}\n  found:   {given}\n"
            "  allowed: a whole number, 1 or more; or a list of 2 whole numbers, 1 or more",
        )
        for name, given, words in (
            ("one number", "[3]", "the list is too short"),
            ("three numbers", "[3, 3, 3]", "the list is too long"),
            ("nothing", "[]", "the list is too short"),
        )
    },
    "an entry of a pair": Bad(
        "features: 3}",
        "features: 3}\n    - {name: c, kind: conv2d, channels: 2, kernel: [3, a]}",
        "5:56",
        "kernel.1: not a whole number",
    ),
    "unknown schedule": Bad("kind: gpipe", "kind: gpip", "13:9", "did you mean 'gpipe'?"),
    "misspelt schedule without a section": Bad(SCHEDULE, "schedule: gpip", "12:11", "did you mean 'gpipe'?"),
    "unknown schedule without a section": Bad(
        SCHEDULE, "schedule: fast", "12:11", "allowed: asynchronous, bounded, breadth-first, dualpipe-v, file, gpipe"
    ),
    "key of another schedule": Bad(
        "kind: gpipe", "kind: gpipe\n  stored_max: 3", "14:3", "a kind that has it: zb-h1, zb-h2"
    ),
    "keys that a schedule knows": Bad("kind: gpipe", "kind: gpipe\n  bogus: 3", "14:3", "positions\n"),
    "key of another schedule among mistakes": Bad(
        "kind: gpipe\n  stages: 2", "kind: gpipe\n  stages: 0\n  stored_max: 3", "15:3", "unknown key 'stored_max'"
    ),
    "unknown operator": Bad("kind: linear, features: 2", "kind: liner", "5:25", "did you mean 'linear'?"),
    "unknown preset": Bad("preset: reram-1024", "preset: reram-124", "7:11", "did you mean 'reram-1024'?"),
    "preset that is no text": Bad("preset: reram-1024", "preset: 3", "7:11", "by its name or by the path"),
    "missing preset file": Bad("preset: reram-1024", "preset: my.yaml", "7:11", "there is no such file"),
    "two layers of one name": Bad("name: fc2", "name: fc1", "2:3", "two layers are called 'fc1'"),
    "no rows": Bad("rows: 64", "rows: 0", "8:16", "a whole number, 1 or more"),
    "time without unit": Bad("rows: 64", "pulse_time: 3", "8:22", "such as '130 ns'"),
    "time in joules": Bad("rows: 64", "pulse_time: 3 nJ", "8:22", "the unit of an energy, and a time is needed"),
    "unit that does not exist": Bad("rows: 64", "pulse_time: 3 nss", "8:22", "there is no unit 'nss'"),
    "negative time": Bad("rows: 64", "pulse_time: -3 ns", "8:22", "cannot be negative"),
    "part of a picosecond": Bad("rows: 64", "pulse_time: 0.3 ps", "8:22", "a whole number of picoseconds"),
    "duplicate key": Bad("  mini_batch: 4", "  mini_batch: 4\n  mini_batch: 5", "12:3", "remove one of the two"),
    "duplicate section": Bad("schedule:", "training: {}\nschedule:", "12:1", "stands here twice"),
    "tab for indentation": Bad("  learning", "\tlearning", "10:1", "indent with blanks, not tabs"),
    "bracket left open": Bad("[4]", "[4", "3:9", "not valid YAML"),
    "quote left open": Bad("kind: gpipe", "kind: 'gpipe", "16:1", "not valid YAML"),
    "undefined alias": Bad("rate: 0.1", "rate: *rate", "10:18", "not valid YAML"),
    "value inside itself": Bad("[4]", "&a [*a]", "2:16", "contains itself"),
    "tag": Bad("rate: 0.1", "rate: !!python/name:os.system 1", "10:18", "YAML tags are not used here"),
    "two documents": Bad("training:", "---\ntraining:", "9:1", "not valid YAML"),
    "control character": Bad("gpipe", "gp\aipe", "13:11", "a character that no text has"),
    "nested too deeply": Bad("[4]", "[" * 60 + "4" + "]" * 60, "2:65", "nested too deeply"),
    "list for a key": Bad("training:", "[a, b]: 1\ntraining:", "9:1", "a key must be a text"),
    "included file that is missing": Bad("training:\n", "training:\n  include: my.yaml\n", "10:12", "no such file"),
    "included number": Bad("training:\n", "training:\n  include: 3\n", "10:12", "included by its path"),
    "document that includes itself": Bad("network:", "include: bad.yaml\nnetwork:", "1:10", "in a circle: "),
}


def check(error: InputError, place: str, words: str) -> None:
    text = str(error)
    assert words in text
    assert text.startswith((place, f"{len(error.errors)} mistakes:\n" if isinstance(error, InputErrors) else place))
    for one in error.errors if isinstance(error, InputErrors) else (error,):
        assert one.place is not None
        assert one.allowed or one.remedy or " as '" in one.problem, str(one)
    assert error.exit_code == 2
    assert not re.search(r"pydantic|Traceback|Error\b|<unicode string>|Input should|ruamel", text)


@pytest.mark.parametrize("bad", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_bad_document(tmp_path: Path, bad: Bad) -> None:
    assert bad.old in DOCUMENT
    path = tmp_path / "bad.yaml"
    path.write_text(DOCUMENT.replace(bad.old, bad.new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    check(caught.value, f"{path}:{bad.place}: ", bad.words)


def bomb() -> bytes:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{c}: &{c} [{', '.join([f'*{chr(ord(c) - 1)}'] * 10)}]" for c in "bcdefgh"]
    return "\n".join(lines).encode()


FILES = {
    "empty file": (b"", "", "the file is empty"),
    "only comments": (b"# nothing\n", "", "the file is empty"),
    "list for a document": (b"- network\n", ":1:1", "not a mapping of keys to values"),
    "text for a document": (b"just text", ":1:1", "not a mapping of keys to values"),
    "picture for YAML": (b"\x89PNG\r\n\x1a\n" + bytes(100), ":1:1", "not a text file"),
    "archive for YAML": (gzip.compress(DOCUMENT.encode()), ":1:2", "not a text file"),
    "zero bytes in a text": (b"name: a\nb: \0\n", ":2:4", "not a text file"),
    "UTF-16": (DOCUMENT.encode("utf-16"), ":1:1", "the text is in UTF-16"),
    "Latin-1": ("name: a\ndescription: Köln\n".encode("latin-1"), ":2:15", "not a text file"),
    "10 MB document": (b"name: a\n" + b"# padding\n" * 2**20, "", "the document is too large"),
    "as many values as bytes": (b"a: [" + b"1," * 50_000 + b"]", ":1:", "the document has too many values"),
    "aliases of aliases": (bomb(), ":", "the document grows too large"),
}


@pytest.mark.parametrize(("content", "place", "words"), FILES.values(), ids=FILES)
def test_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, place: str, words: str) -> None:
    monkeypatch.setattr(parse, "MOST_NODES", 5000)  # All of it takes seconds.
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    check(caught.value, f"{path}{place}", words)


@pytest.mark.parametrize(
    "name", ["none.yaml", "folder", "\0.yaml", "x" * 5000 + ".yaml", "~nobody-of-this-name/a.yaml"]
)
def test_a_document_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"EXPERIMENT: (there is no such file|not a file)") as caught:
        load_experiment(name)
    assert "the path of a YAML file" in str(caught.value)


def test_thousands_of_mistakes_are_not_all_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(DOCUMENT + "".join(f"key{i}: 1\n" for i in range(5000)))
    with pytest.raises(InputErrors) as caught:
        load_experiment(path)
    assert len(caught.value.errors) == 20
    assert str(caught.value).startswith("the first 20 mistakes:")


def idx(*shape: int) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(int(np.prod(shape)))


IDX = {
    "train-images-idx3-ubyte": idx(3, 4, 4),
    "train-labels-idx1-ubyte": idx(3),
    "t10k-images-idx3-ubyte": idx(2, 4, 4),
    "t10k-labels-idx1-ubyte": idx(2),
}
RECORDS = {"train.bin": bytes(3073), "test.bin": bytes(3073)}


def npz(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **{name: np.asarray(array) for name, array in arrays.items()})
    return stream.getvalue()


def npz_with(**changes: object) -> bytes:
    good = {"train_inputs": np.zeros((3, 2)), "train_targets": [0, 1, 2], "test_inputs": np.zeros((1, 2))}
    return npz(**(good | {"test_targets": [0]} | changes))


def edited(name: str, change: Callable[[bytes], bytes]) -> dict[str, bytes | None]:
    return {name: change((IDX | RECORDS)[name])}


Data = tuple[str, dict[str, bytes | None], str]
DATA: dict[str, Data] = {
    "folder without files": ("mnist", dict.fromkeys(IDX), "the folder holds no file of the data set 'mnist'"),
    "missing file": ("mnist", {"t10k-labels-idx1-ubyte": None}, "a file of the data set is missing"),
    "truncated IDX": ("mnist", edited("train-images-idx3-ubyte", lambda b: b[:-5]), "promises 3 x 4 x 4 bytes, and 43"),
    "IDX cut in its header": ("mnist", edited("train-labels-idx1-ubyte", lambda b: b[:6]), "ends inside its header"),
    "labels in place of images": ("mnist", {"train-images-idx3-ubyte": idx(3)}, "it starts with 00 00 08 01"),
    "fewer labels than images": ("mnist", {"train-labels-idx1-ubyte": idx(2)}, "2 labels, and train-images"),
    "absurd IDX size": (
        "mnist",
        edited("train-images-idx3-ubyte", lambda b: b[:4] + b"\xff" * 12),
        "allowed: up to 1024 MiB",
    ),
    "truncated gzip": (
        "mnist",
        {"train-images-idx3-ubyte": None, "train-images-idx3-ubyte.gz": gzip.compress(idx(3, 4, 4))[:-3]},
        "the compressed data are damaged or cut short",
    ),
    "label out of range": ("mnist", {"t10k-labels-idx1-ubyte": idx(2)[:-1] + b"\x0b"}, "label 1 is 11"),
    "images of two sizes": ("mnist", {"t10k-images-idx3-ubyte": idx(2, 4, 5)}, "its images have 20 pixels"),
    "truncated CIFAR": ("cifar10", edited("train.bin", lambda b: b[:-1]), "no whole number of records of 3073 bytes"),
    "CIFAR label out of range": ("cifar10", edited("test.bin", lambda b: b"\x0a" + b[1:]), "record 0 has the label 10"),
    "CIFAR for Python": ("cifar10", {"train.bin": b"\x80\x02}q"}, "the version for Python"),
    "missing CIFAR": ("cifar10", {"train.bin": None}, "there is no such data file; looked in: "),
    "text for npz": ("npz", {"mine.npz": b"train_inputs"}, "it is no .npz file"),
    "npz without an array": ("npz", {"mine.npz": npz(a=1)}, "it has no array 'train_inputs'"),
    "npz of Python objects": ("npz", {"mine.npz": npz_with(train_targets=[{}] * 3)}, "has the type object"),
    "npz of two lengths": ("npz", {"mine.npz": npz_with(train_targets=[0])}, "3 inputs and 1 targets"),
    "npz with NaN": ("npz", {"mine.npz": npz_with(test_inputs=[[0, np.nan]])}, "inputs must be finite"),
    "npz of two shapes": ("npz", {"mine.npz": npz_with(test_inputs=[[0.0]])}, "training samples have the shape"),
    "missing npz": ("npz", {}, "there is no such data file"),
}


@pytest.mark.parametrize(("name", "changes", "words"), DATA.values(), ids=DATA)
def test_bad_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, changes: dict[str, bytes | None], words: str
) -> None:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)
    for file, content in ({"mnist": IDX, "cifar10": RECORDS}.get(name, {}) | changes).items():
        if content is not None:
            (tmp_path / file).write_bytes(content)
    fields = {"name": name, "path": str(tmp_path / "mine.npz" if name == "npz" else tmp_path)}
    files = {"train_files": ["train.bin"], "test_files": ["test.bin"]} if name == "cifar10" else {}
    experiment = load_experiment(
        {"network": "mlp-64-64-32-10", "chip": "unit", "training": {"learning_rate": 1}, "data": fields | files}
    )
    with pytest.raises(InputError) as caught:
        load_data(experiment.data)
    error = caught.value
    assert words in str(error)
    assert str(tmp_path) in str(error)
    assert error.field is not None
    assert error.field.startswith("data.")
    assert error.allowed or error.remedy


def test_samples_that_are_vectors_take_any_shape_of_as_many_numbers() -> None:
    layers = [{"name": "flat", "kind": "flatten"}, {"name": "fc", "kind": "linear", "features": 10}]
    network = {"input_shape": [3, 8, 8], "layers": layers}
    document = {"network": network, "chip": "unit", "training": {"learning_rate": 1}, "data": {"name": "digits"}}
    with pytest.raises(InputError, match=r"the shape \[64\]") as caught:
        archsim.simulate(document)
    assert caught.value.field == "network.input_shape"
    assert caught.value.allowed == "any shape of 64 numbers, such as [64] or [1, 8, 8]"


def test_there_are_enough_of_them() -> None:
    assert len(DOCUMENTS) + len(FILES) + len(DATA) > 70
