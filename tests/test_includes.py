"""Included files: what wins over what, where paths start, and what is said about every way to get them wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsim.analog.specification import SoftBounds
from archsim.document import load_experiment, resolved
from archsim.errors import InputError, InputErrors

BASE = """\
network: mlp-64-64-32-10
chip:
  preset: reram-1024
  adc: {bits: 8}
  device: {preset: soft-bounds, w_max: 0.9}
training:
  learning_rate: 0.5
  epochs: 7
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def error_of(source: Any, *overrides: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load_experiment(source, overrides)
    return caught.value


def test_own_keys_win_over_included_ones(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE)
    path = write(tmp_path, "own.yaml", "training: {epochs: 3}\ninclude: base.yaml\nchip: {adc: {bits: 6}}\n")
    experiment = load_experiment(path)
    assert experiment.name == "own"
    assert (experiment.training.learning_rate, experiment.training.epochs) == (0.5, 3)
    assert experiment.chip.adc.bits == 6
    assert experiment.chip.device == SoftBounds(w_max=0.9)
    assert load_experiment(write(tmp_path, "again.yaml", resolved(experiment))) == experiment


def test_later_files_win_over_earlier_ones(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE)
    write(tmp_path, "one.yaml", "training: {epochs: 1, mini_batch: 4}\nname: one\n")
    write(tmp_path, "two.yaml", "training: {epochs: 2}\n")
    experiment = load_experiment(write(tmp_path, "own.yaml", "include: [base.yaml, one.yaml, two.yaml]\n"))
    assert (experiment.training.epochs, experiment.training.mini_batch, experiment.name) == (2, 4, "one")


def test_a_section_includes_over_its_preset_and_under_its_keys(tmp_path: Path) -> None:
    write(tmp_path, "tile.yaml", "tile: {rows: 128, columns: 64}\ndac: {bits: 5}\n")
    chip = "chip:\n  include: tile.yaml\n  preset: reram-1024\n  tile: {columns: 32}\n"
    experiment = load_experiment(
        write(tmp_path, "own.yaml", f"network: mlp-64-64-32-10\n{chip}training: {{learning_rate: 1}}\n")
    )
    tile = experiment.chip.tile
    assert (tile.rows, tile.columns, experiment.chip.dac.bits) == (128, 32, 5)


def test_who_names_a_preset_starts_anew(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE)
    for chip in ("chip: unit\n", "chip: {preset: unit}\n"):
        own = load_experiment(write(tmp_path, "own.yaml", f"include: base.yaml\n{chip}"))
        assert (
            own.chip
            == load_experiment(
                write(tmp_path, "plain.yaml", BASE.split("chip")[0] + chip + "training: {learning_rate: 1}")
            ).chip
        )
    device = load_experiment(
        write(tmp_path, "own.yaml", "include: base.yaml\nchip: {device: {preset: ideal}}\n")
    ).chip.device
    assert device.kind == "ideal"


def test_a_constant_changed_over_an_included_one_loses_its_source(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE + "data: {}\n")
    nmpu = load_experiment(
        write(tmp_path, "own.yaml", "include: base.yaml\nchip: {nmpu: {multiply_add: 3 pJ}}\n")
    ).chip.nmpu
    assert nmpu is not None
    assert (nmpu.multiply_add.value, nmpu.multiply_add.status) == (3.0, "user")


def test_paths_start_from_the_file_in_which_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "parts/chips/chip.yaml", "preset: unit\ntile: {rows: 33}\ndevice: ../device.yaml\n")
    write(tmp_path, "parts/device.yaml", "preset: soft-bounds\nw_max: 0.7\n")
    write(tmp_path, "parts/rate.yaml", "learning_rate: 0.25\n")
    write(
        tmp_path, "parts/base.yaml", "network: mlp-64-64-32-10\nchip: chips/chip.yaml\ntraining: {include: rate.yaml}\n"
    )
    path = write(tmp_path, "deep/own.yaml", "include: ../parts/base.yaml\n")
    experiment = load_experiment(path)
    assert experiment.chip.tile.rows == 33
    assert experiment.chip.device == SoftBounds(w_max=0.7)
    assert experiment.training.learning_rate == 0.25
    # In overrides and in mappings, from the current folder.
    monkeypatch.chdir(tmp_path / "parts")
    assert load_experiment({"include": "base.yaml"}) == experiment.model_copy(update={"name": "experiment"})
    write(tmp_path, "parts/more.yaml", "training: {epochs: 9}\n")
    assert load_experiment(path, ["include=more.yaml"]).training.epochs == 9
    assert load_experiment(path, ["training.include=rate.yaml", "training.epochs=4"]).training.epochs == 4


def test_mistakes_are_placed_inside_included_files_and_preset_files(tmp_path: Path) -> None:
    base = write(
        tmp_path, "base.yaml", BASE.replace("epochs: 7", "epochs: 7\n  mini_bach: 4").replace("bits: 8", "bits: 99")
    )
    chip = write(tmp_path, "chip.yaml", "preset: unit\ntile:\n  rows: 0\n")
    error = error_of(write(tmp_path, "own.yaml", "include: base.yaml\ntraining: {epochs: -1}\n"))
    assert isinstance(error, InputErrors)
    assert {str(one.place) for one in error.errors} == {
        f"{base}:4:15",
        f"{base}:9:3",
        f"{tmp_path / 'own.yaml'}:2:20",
    }
    error = error_of(write(tmp_path, "own.yaml", "include: base.yaml\nchip: chip.yaml\ntraining: {mini_bach: 4}\n"))
    assert f"{chip}:3:9: chip.tile.rows: the number is too small" in str(error)
    assert f"{tmp_path / 'own.yaml'}:3:12: training.mini_bach: unknown key 'mini_bach'" in str(error)


def test_broken_yaml_is_placed_inside_included_files(tmp_path: Path) -> None:
    base = write(tmp_path, "base.yaml", BASE + "training:\n  epochs: 1\n")
    own = write(tmp_path, "own.yaml", "include: base.yaml\n")
    error = error_of(own)
    assert str(error).startswith(f"{base}:9:1: training: the key 'training' stands here twice")
    base.write_text("a: [1\nb: 2\n")
    assert str(error_of(own)).startswith(f"{base}:2:")


def test_a_circle_is_named(tmp_path: Path) -> None:
    one = write(tmp_path, "one.yaml", "include: two.yaml\n")
    two = write(tmp_path, "two.yaml", "training:\n  include: three.yaml\n")
    three = write(tmp_path, "three.yaml", "include: one.yaml\n")
    error = error_of(one)
    assert f"in a circle: {one} -> {two} -> {three} -> {one}" in str(error)
    assert str(error.place) == f"{three}:1:10"
    own = write(tmp_path, "own.yaml", "include: own.yaml\n")
    assert f"in a circle: {own} -> {own}" in str(error_of(own))


def test_a_chain_that_is_too_long_is_named(tmp_path: Path) -> None:
    for i in range(12):
        write(tmp_path, f"f{i}.yaml", f"include: f{i + 1}.yaml\n")
    error = error_of(tmp_path / "f0.yaml")
    assert "files refer to each other too deeply" in str(error)
    assert f"{tmp_path / 'f7.yaml'} -> {tmp_path / 'f8.yaml'}" in str(error)
    assert "allowed: up to 8 levels" in str(error)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("none.yaml", "there is no such file"),
        ("3", "a file is included by its path"),
        ("", "a file is included by its path"),
        ("[base.yaml, {a: 1}]", "a file is included by its path"),
        (".", "not a file"),
        ("'~nobody-of-this-name/x.yaml'", "the home folder is not known"),
        ("'" + "x" * 5000 + "'", "there is no such file"),
        ('"a\\0b"', "there is no such file"),
    ],
)
def test_what_cannot_be_included(tmp_path: Path, value: str, words: str) -> None:
    write(tmp_path, "base.yaml", BASE)
    own = write(tmp_path, "own.yaml", f"training:\n  include: {value}\n")
    error = error_of(own)
    assert words in str(error)
    assert error.field == "training.include"
    assert error.place is not None
    assert (error.place.file, error.place.line) == (str(own), 2)


def test_files_that_include_each_other_again_and_again_are_stopped(tmp_path: Path) -> None:
    for i in range(6):
        write(tmp_path, f"f{i}.yaml", f"include: [{', '.join([f'f{i + 1}.yaml'] * 20)}]\n")
    write(tmp_path, "f6.yaml", "a: 1\n")
    assert "too many included files" in str(error_of(tmp_path / "f0.yaml"))


def test_files_are_bounded_together(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"big{i}.yaml", f"description: {'x' * 400_000}\n")
    error = error_of(write(tmp_path, "own.yaml", "include: [big0.yaml, big1.yaml, big2.yaml]\n"))
    assert "the document is too large" in str(error)
    assert str(tmp_path / "big2.yaml") in str(error)


def test_a_misspelt_include_is_suggested(tmp_path: Path) -> None:
    error = error_of(write(tmp_path, "own.yaml", BASE + "inclued: other.yaml\n"))
    assert "did you mean 'include'?" in str(error)
