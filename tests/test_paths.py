"""A path in a document means one file, wherever the command runs; a run tells which files it read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.data import load_data
from archsim.document import load_experiment, resolved
from archsim.errors import InputError

DOCUMENT = """\
network:
  input_shape: [6]
  layers: [{name: o, kind: linear, features: 3}]
chip: reram-1024
data: {name: npz, path: %s}
training: {learning_rate: 0.1, mini_batch: 4}
run: {mode: numerics}
"""
CIFAR = """\
network: mlp-64-64-32-10
chip: reram-1024
data: {name: cifar10, train_files: [%s], test_files: [test.bin]}
training: {learning_rate: 0.1}
"""


def write_npz(folder: Path, first: int, name: str = "mine.npz") -> Path:
    folder.mkdir(exist_ok=True)
    inputs = np.full((8, 6), first, np.float32)
    targets = np.arange(8) % 3
    np.savez(folder / name, train_inputs=inputs, train_targets=targets, test_inputs=inputs, test_targets=targets)
    return folder / name


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document beside its data, while other data of that name lie in the current folder."""
    write_npz(tmp_path / "theirs", 2)
    write_npz(tmp_path / "mine", 1)
    path = tmp_path / "mine" / "one.yaml"
    path.write_text(DOCUMENT % "mine.npz")
    monkeypatch.chdir(tmp_path / "theirs")
    return path


def first_input(source: Any, *overrides: str) -> float:
    return float(load_data(load_experiment(source, overrides).data).train_inputs[0, 0])


def test_a_relative_path_starts_from_the_document(document: Path) -> None:
    assert first_input(document) == 1
    assert first_input(Path("../mine/one.yaml")) == 1


def test_the_resolved_document_finds_the_same_file(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = resolved(load_experiment(Path("../mine/one.yaml")))
    Path("one.yaml").write_text(written)
    assert first_input(Path("one.yaml")) == 1
    monkeypatch.chdir("/")
    assert first_input(document.parents[1] / "theirs" / "one.yaml") == 1


def test_an_included_section_brings_its_own_folder(document: Path) -> None:
    Path("parts.yaml").write_text("name: npz\npath: mine.npz\n")
    document.write_text(
        (DOCUMENT % "mine.npz").replace("{name: npz, path: mine.npz}", "{include: ../theirs/parts.yaml}")
    )
    assert first_input(document) == 2


def test_paths_of_overrides_and_of_python_start_from_the_current_folder(document: Path) -> None:
    assert first_input(document, "data.path=mine.npz") == 2
    written: dict[str, Any] = {
        "network": {"input_shape": [6], "layers": [{"name": "o", "kind": "linear", "features": 3}]},
        "chip": "reram-1024",
        "data": {"name": "npz", "path": "mine.npz"},
        "training": {"learning_rate": 0.1},
    }
    assert first_input(written) == 2
    assert load_experiment(written).data.path == str(Path("mine.npz").absolute())


def test_a_home_folder_is_written_out(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(document.parents[1] / "theirs"))
    assert first_input(document, "data.path=~/mine.npz") == 2
    document.write_text(DOCUMENT % "~nobody-of-this-name/mine.npz")
    with pytest.raises(InputError, match=r"data\.path: the home folder is not known") as caught:
        load_experiment(document)
    assert str(caught.value).startswith(f"{document}:5:25: ")


def test_named_files_start_from_the_document_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, label in (("mine", 1), ("theirs", 2), ("root", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.bin").write_bytes(bytes([label]) * 3073)
    (tmp_path / "theirs" / "train.bin").write_bytes(bytes([5]) * 3073)
    (tmp_path / "root" / "train.bin").write_bytes(bytes([4]) * 3073)
    document = tmp_path / "mine" / "one.yaml"
    document.write_text(CIFAR % "train.bin")
    monkeypatch.chdir(tmp_path / "theirs")
    monkeypatch.setenv("ARCHSIM_DATA", str(tmp_path / "root"))
    data = load_data(load_experiment(document).data)
    assert (data.train_targets.tolist(), data.test_targets.tolist()) == ([4], [1])
    data = load_data(load_experiment(document, [f"data.path={tmp_path / 'root'}"]).data)
    assert (data.train_targets.tolist(), data.test_targets.tolist()) == ([4], [3])
    with pytest.raises(InputError, match=r"data\.train_files: there is no such data file"):
        load_data(load_experiment(document, [f"data.path={tmp_path}"]).data)


IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def write_idx(folder: Path) -> None:
    folder.mkdir()
    for name in IDX:
        shape = (2, 2, 2) if "images" in name else (2,)
        header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
        (folder / name).write_bytes(header + bytes(int(np.prod(shape))))


@pytest.mark.parametrize(("name", "place"), [("mnist", "missing"), ("mnist", "."), ("npz", "missing.npz")])
def test_other_data_never_take_the_place_of_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    write_idx(tmp_path / "root")
    write_npz(tmp_path / "root", 1, "missing.npz")
    monkeypatch.setenv("ARCHSIM_DATA", str(tmp_path / "root"))
    document = tmp_path / "one.yaml"
    document.write_text((DOCUMENT % place).replace("name: npz", f"name: {name}"))
    with pytest.raises(InputError, match=r"data\.path: ") as caught:
        load_data(load_experiment(document).data)
    assert str(tmp_path / place) in str(caught.value)
    if name == "mnist":
        assert len(load_data(load_experiment(document, ["data.path=null"]).data).train_inputs) == 2


def test_a_run_tells_which_files_it_read(document: Path, tmp_path: Path) -> None:
    run = archsim.simulate(document)
    digest = hashlib.sha256((document.parent / "mine.npz").read_bytes()).hexdigest()
    told = {"name": "mine", "folder": str(document.parent), "sha256": {"mine.npz": digest}}
    assert run.provenance.data == told
    run.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["provenance"]["data"] == told
    assert archsim.load_run(tmp_path / "run").provenance.data == told


def test_a_run_on_arrays_tells_their_digests(document: Path) -> None:
    data = load_data(load_experiment(document).data)
    arrays = archsim.DataSet("own", data.train_inputs, data.train_targets, data.test_inputs, data.test_targets, 3)
    told = archsim.simulate(load_experiment(document), data=arrays).provenance.data
    assert told is not None
    assert (told["name"], told["folder"]) == ("own", None)
    digests = told["sha256"]
    assert isinstance(digests, dict)
    assert digests["train_inputs"] == hashlib.sha256(np.full((8, 6), 1, "<f4").tobytes()).hexdigest()
    assert digests["test_targets"] == hashlib.sha256((np.arange(8) % 3).astype("<i8").tobytes()).hexdigest()


def test_a_run_without_data_tells_none(document: Path) -> None:
    timing = load_experiment(document, ["data.samples=8"], mode="timing")
    assert archsim.simulate(timing).provenance.data is None
