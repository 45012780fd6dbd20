"""Documents: what they mean, how they come back, and what is said about every way to get them wrong."""

from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim import plugins
from archsim.analog.specification import Ideal, LinearStep, SoftBounds
from archsim.document import load_experiment, load_preset, readable, resolved
from archsim.document.parse import parse
from archsim.errors import InputError, InputErrors, Place
from archsim.experiment import Experiment
from archsim.results import differing_keys
from archsim.simulation import identity

DOCUMENT = """\
description: a small one
network:
  name: tiny
  input_shape: [4]
  layers:
    - {name: fc1, kind: linear, features: 3}
    - {name: act1, kind: tanh}
    - name: fc2
      kind: linear
      features: 2
chip: unit
training:
  learning_rate: 0.1
  mini_batch: 4
schedule:
  kind: gpipe
  stages: 2
  micro_batches: 2
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(DOCUMENT)
    return path


def write(folder: Path, text: str, name: str = "written.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def error_of(source: Any, *overrides: str, mode: str | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        load_experiment(source, overrides, mode)
    return caught.value


# What documents mean


def test_a_document_becomes_an_experiment(document: Path) -> None:
    experiment = load_experiment(document)
    assert experiment.name == "tiny"
    assert experiment.network.input_shape == (4,)
    assert [layer.name for layer in experiment.network.layers] == ["fc1", "act1", "fc2"]
    assert experiment.chip.name == "unit"
    assert experiment.schedule.stages == 2
    assert experiment.run.mode == "coupled"


def test_a_mapping_is_a_document_too() -> None:
    unit = load_preset("archsim.chips", "unit")
    network = load_preset("archsim.networks", "mlp-64-64-32-10")
    experiment = load_experiment({"network": network, "chip": unit, "training": {"learning_rate": 1}})
    assert experiment.chip == unit
    assert experiment.network == network
    assert experiment.training.learning_rate == 1.0


def needs_a_key(registered: object) -> bool:
    """Return whether a name alone does not say all of a section, as that of a schedule from a file."""
    settings = getattr(registered, "Settings", None)
    return settings is not None and any(field.is_required() for field in settings.model_fields.values())


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("chip.interconnect", "archsim.interconnects"),
        ("chip.interconnect.arbitration", "archsim.arbitrations"),
        ("chip.arbitration", "archsim.arbitrations"),
        ("chip.nmpu.arithmetic", "archsim.arithmetics"),
        ("chip.device", "archsim.devices"),
        ("training.algorithm", "archsim.algorithms"),
        ("schedule", "archsim.schedules"),
    ],
)
def test_a_bare_name_is_read_and_written_without_a_warning_of_a_library(
    key: str, group: plugins.Group, tmp_path: Path
) -> None:
    head, _, last = key.rpartition(".")
    # The words of every arithmetic fit these buffers.
    others = ["chip.buffer.element_bits=16"] if group == "archsim.arithmetics" else []
    for name in plugins.names(group):
        if needs_a_key(plugins.load(group, name)):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            laid_over = load_experiment("mlp_digits", [*others, f"{key}={name}"])
            base = load_experiment("mlp_digits", others).model_dump(mode="json")
            section = base
            for part in filter(None, head.split(".")):
                section = section[part]
            section[last] = name
            for experiment in (laid_over, load_experiment(base)):
                assert load_experiment(experiment.model_dump(mode="json")) == experiment
                assert load_experiment(write(tmp_path, resolved(experiment))) == experiment
                experiment.model_dump()
                experiment.model_dump_json()
                differing_keys(experiment, laid_over)


def test_a_description_tells_the_overrides_and_belongs_to_no_comparison(document: Path, tmp_path: Path) -> None:
    plain = load_experiment(document)
    assert plain.description == "a small one"
    laid_over = load_experiment(document, ["training.epochs=3", "chip.adc.bits = 7"], mode="timing")
    told = "a small one (overrides: training.epochs=3, chip.adc.bits = 7, run.mode=timing)"
    assert laid_over.description == told
    again = load_experiment(write(tmp_path, resolved(laid_over)), ["training.epochs=4"])
    assert again.description == f"{told} (overrides: training.epochs=4)"
    assert identity(again) == identity(laid_over)
    assert set(differing_keys(plain, again)) == {"training.epochs", "chip.adc.bits", "run.mode"}
    assert load_experiment(document, ["description=mine", "training.epochs=3"]).description == "mine"
    assert load_experiment(document, ["description=''"]).description == ""
    assert load_experiment({**plain.model_dump(), "description": ""}, ["training.epochs=3"]).description == ""
    long = load_experiment(document, [f"name={'x' * 100}"])
    assert len(long.description) < 90


def test_overrides_apply_in_order_after_the_preset(document: Path) -> None:
    experiment = load_experiment(
        document,
        [
            "chip.tile.rows=7",
            "chip=rpu-512",
            "chip.tile.columns=9",
            "network.layers.0.features=5",
            "schedule.stages=[[fc1, act1], [fc2]]",
            "training.epochs=1e2",
            "training.learning_rate_schedule={kind: step, epochs: 3, factor: 0.5}",
            "training.learning_rate_schedule.factor=0.25",
        ],
        mode="timing",
    )
    assert (experiment.chip.tile.rows, experiment.chip.tile.columns) == (512, 9)
    assert experiment.network.layers[0].features == 5
    assert experiment.schedule.stages == (("fc1", "act1"), ("fc2",))
    assert experiment.training.epochs == 100
    assert experiment.training.learning_rate_schedule is not None
    assert experiment.training.learning_rate_schedule.factor == 0.25
    assert experiment.run.mode == "timing"


def test_an_inline_mapping_starts_from_a_preset_and_overrides_it_deeply() -> None:
    plain = load_preset("archsim.chips", "reram-1024")
    experiment = load_experiment(
        {
            "network": "mlp-64-64-32-10",
            "chip": {"preset": "reram-1024", "tile": {"rows": 128}, "device": {"w_max": 0.9}},
            "training": {"learning_rate": 0.1},
        }
    )
    expected = plain.model_dump(mode="json")
    expected["tile"]["rows"] = 128
    expected["device"]["w_max"] = 0.9
    assert experiment.chip.model_dump(mode="json") == expected


def test_a_device_comes_as_a_preset_inline_or_for_one_layer(document: Path) -> None:
    chip = load_experiment(document, ["chip.device={preset: soft-bounds, w_max: 0.8}"]).chip
    assert chip.device == SoftBounds(w_max=0.8)
    layers = load_experiment(document, ["network.layers.0.device=ideal"]).network.layers
    assert layers[0].device == Ideal()
    assert layers[2].device is None


@pytest.mark.parametrize("override", ["chip.device.kind=linear-step", "chip.device={kind: linear-step}"])
def test_a_device_of_another_kind_starts_from_its_own_defaults(override: str) -> None:
    base = {"network": "mlp-64-64-32-10", "training": {"learning_rate": 0.1}}
    chip = {"preset": "unit", "device": {"preset": "soft-bounds", "w_max": 0.123}}
    assert load_experiment({**base, "chip": chip}, [override]).chip.device == LinearStep()


def test_presets_come_from_files_beside_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts").mkdir()
    write(tmp_path / "parts", "preset: unit\ntile: {rows: 99}\ndevice: device.yaml\n", "chip.yaml")
    write(tmp_path / "parts", "preset: soft-bounds\nw_max: 0.7\n", "device.yaml")
    write(tmp_path, "name: other\ninput_shape: [3]\nlayers: [{name: a, kind: identity}]\n", "network.yaml")
    path = write(tmp_path, "network: mlp-64-64-32-10\nchip: parts/chip.yaml\ntraining: {learning_rate: 1}\n")
    chip = load_experiment(path).chip
    assert chip.tile.rows == 99
    assert chip.device == SoftBounds(w_max=0.7)
    # In an override, a path starts from the current folder.
    monkeypatch.chdir(tmp_path)
    assert load_experiment(path, ["network=network.yaml"]).network.name == "other"


@pytest.mark.parametrize(
    "override",
    ["chip.nmpu.multiply_add=3 pJ", "chip.nmpu.multiply_add.value=3 pJ", "chip={nmpu: {multiply_add: 3 pJ}}"],
)
def test_a_constant_that_is_changed_loses_its_source(override: str) -> None:
    base = {"network": "mlp-64-64-32-10", "chip": "reram-1024", "training": {"learning_rate": 0.1}}
    before = load_experiment(base).chip.nmpu
    after = load_experiment(base, [override]).chip.nmpu
    assert before is not None
    assert before.multiply_add.status != "user"
    assert after is not None
    assert (after.multiply_add.value, after.multiply_add.status) == (3.0, "user")
    assert after.multiply_add.source == "experiment document"
    assert after.activation == before.activation


def test_a_constant_keeps_a_source_that_is_given_with_it() -> None:
    base = {"network": "mlp-64-64-32-10", "chip": "reram-1024", "training": {"learning_rate": 0.1}}
    constant = "{value: 3 pJ, source: 'doi:10.1/x', status: published}"
    nmpu = load_experiment(base, [f"chip.nmpu.multiply_add={constant}"]).chip.nmpu
    assert nmpu is not None
    assert (nmpu.multiply_add.source, nmpu.multiply_add.status) == ("doi:10.1/x", "published")


def test_yaml_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = DOCUMENT.replace("training:\n", "training: &t\n").replace(
        "schedule:\n  kind: gpipe\n", "schedule:\n  kind: gpipe\n  update: &u immediate\n"
    )
    assert load_experiment(write(tmp_path, text)).schedule.update == "immediate"
    merged = "network: mlp-64-64-32-10\nchip:\n  preset: unit\n  tile: {<<: {rows: 5, columns: 6}, rows: 7}\n"
    tile = load_experiment(write(tmp_path, merged + "training: {learning_rate: 1}\n")).chip.tile
    assert (tile.rows, tile.columns) == (7, 6)


def test_a_later_anchor_takes_the_place_of_an_earlier_one(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    text = (
        DOCUMENT.replace("[4]", "[&n 4]")
        .replace("features: 3", "features: &n 3")
        .replace("features: 2", "features: *n")
    )
    assert load_experiment(write(tmp_path, text)).network.layers[2].features == 3
    assert not recwarn


def test_a_section_without_contents_is_one_with_defaults(document: Path) -> None:
    document.write_text(DOCUMENT + "run:\ndata:\n")
    empty = load_experiment(document)
    document.write_text(DOCUMENT)
    assert empty == load_experiment(document)


# How they come back


@pytest.mark.parametrize("chip", ["unit", "reram-1024", "rpu-512"])
def test_the_resolved_document_gives_the_same_experiment(tmp_path: Path, chip: str) -> None:
    experiment = load_experiment({"network": "mlp-64-64-32-10", "chip": chip, "training": {"learning_rate": 0.1}})
    text = resolved(experiment)
    assert text.startswith("# Resolved by archsim ")
    assert "preset" not in text.split("\n", 1)[1].split("description")[0]
    again = load_experiment(write(tmp_path, text))
    assert again == experiment
    assert resolved(again) == text


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)


@settings(max_examples=25, deadline=None)
@given(
    name=TEXTS,
    description=TEXTS
    | st.sampled_from(["null", "1e3", "true", "2020-01-01", "'", "# no", "a: b", "- x", "~", " ", ""]),
    learning_rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    energy_pj=st.floats(min_value=0, max_value=1e12),
    time_ps=st.integers(0, 10**12),
    hertz=st.fractions(min_value=1, max_value=10**12),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_experiment_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    description: str,
    learning_rate: float,
    energy_pj: float,
    time_ps: int,
    hertz: Any,
    seed: int,
) -> None:
    chip = load_preset("archsim.chips", "reram-1024").model_dump(mode="json")
    chip["nmpu"]["multiply_add"] = f"{energy_pj!r} pJ"
    chip["nmpu"]["clock"] = f"{hertz.numerator}/{hertz.denominator} Hz"
    chip["tile"]["pulse_time"] = f"{time_ps} ps"
    experiment = load_experiment(
        {
            "name": name,
            "description": description,
            "network": "mlp-64-64-32-10",
            "chip": chip,
            "training": {"learning_rate": learning_rate},
            "run": {"seed": seed},
        }
    )
    path = tmp_path_factory.mktemp("resolved") / "experiment.yaml"
    path.write_text(resolved(experiment), encoding="utf-8")
    assert load_experiment(path) == experiment


def test_the_readable_form_names_the_sources() -> None:
    text = readable(load_preset("archsim.chips", "reram-1024"))
    assert "# published: " in text
    assert "# placeholder: " in text


# What is said about mistakes

MISTAKES = [
    ("trainning.epochs=1", "trainning", ["unknown key 'trainning'", "did you mean 'training'?"]),
    ("training.epoch=1", "training.epoch", ["unknown key 'epoch'", "did you mean 'epochs'?", "allowed: algorithm"]),
    ("schedule.stages=0", "schedule.stages", ["too small", "found:   0", "a whole number, 1 or more; or a list"]),
    ("schedule.stages=two", "schedule.stages", ["found:   'two'", "a whole number, 1 or more; or a list"]),
    ("schedule.stages=[[fc1], []]", "schedule.stages.1", ["too short", "a list of one or more (a text)"]),
    ("schedule.stages=[[fc1], [3]]", "schedule.stages.1.0", ["not a text"]),
    ("training.learning_rate=nan", "training.learning_rate", ["not a number", "a number, above 0"]),
    ("training.learning_rate=.nan", "training.learning_rate", ["not a finite number"]),
    ("training.learning_rate=.inf", "training.learning_rate", ["not a finite number"]),
    ("training.learning_rate=-1", "training.learning_rate", ["too small", "found:   -1", "a number, above 0"]),
    ("training.learning_rate=true", "training.learning_rate", ["not a number"]),
    ("training.learning_rate='0.1'", "training.learning_rate", ["not a number"]),
    ("training.learning_rate=null", "training.learning_rate", ["not a number"]),
    ("training.learning_rate.x=1", "training.learning_rate", ["a single value and has no 'x'"]),
    (
        "training.learning_rate_schedule={kind: step, epochs: 0}",
        "training.learning_rate_schedule.epochs",
        ["too small", "2 mistakes"],
    ),
    ("training.mini_batch=2.5", "training.mini_batch", ["not a whole number", "found:   2.5"]),
    ("training.mini_batch=true", "training.mini_batch", ["not a whole number"]),
    ("training.algorithm=analog-sdg", "training.algorithm", ["did you mean 'analog-sgd'?"]),
    (
        "training.algorithm={kind: analog-sgd, momentum: 0.9}",
        "training.algorithm.momentum",
        ["training.digital_optimizer.momentum", "a kind that has it: digital-sgd, hardware-aware, mixed-precision"],
    ),
    ("training=3", "training", ["not a section", "algorithm, learning_rate"]),
    ("schedule.micro_batches=3", "schedule.micro_batches", ["3 micro-batches do not divide", "mini_batch = 4"]),
    ("schedule.kind=gpip", "schedule.kind", ["there is no schedule of this name", "did you mean 'gpipe'?"]),
    ("schedule.update=later", "schedule.update", ["not one of the choices", "immediate, deferred, scheduled; or null"]),
    ("chip=no-such-chip", "chip", ["there is no chip of this name", "reram-1024, rpu-512, rpu-512-single, unit"]),
    ("chip=reram-1204", "chip", ["did you mean 'reram-1024'?"]),
    ("chip=nosuch.yaml", "chip", ["there is no such file", "nosuch.yaml"]),
    ("chip=some/chip.txt", "chip", ["a file of another kind", ".yaml"]),
    ("chip=3", "chip", ["not a section"]),
    ("chip={preset: 3}", "chip.preset", ["by its name or by the path of a file"]),
    ("chip={preset: unti}", "chip", ["did you mean 'unit'?"]),
    ("chip.preset=unti", "chip", ["did you mean 'unit'?"]),
    ("chip.tiles=0", "chip.tiles", ["too small", "auto; or a whole number, 1 or more"]),
    ("chip.tiles=many", "chip.tiles", ["found:   'many'", "auto; or a whole number"]),
    ("chip.adc.bits=99", "chip.adc.bits", ["too large", "2 or more and 16 or less; or null"]),
    ("chip.adc.step_time=5", "chip.adc.step_time", ["a time needs a number and its unit, such as '130 ns'"]),
    ("chip.adc.step_time=5 nJ", "chip.adc.step_time", ["unit of an energy, and a time is needed"]),
    ("chip.adc.step_time={value: 1 ns, status: x}", "chip.adc.step_time.status", ["measured, published, derived"]),
    ("chip.adc.step_time={source: x}", "chip.adc.step_time.value", ["missing", "such as '130 ns'"]),
    ("chip.stage_engine=null", "chip", ["needs the sections nmpu, buffer, interconnect, host"]),
    ("chip.device.kind=idael", "chip.device.kind", ["no such kind", "ideal", "did you mean 'ideal'?"]),
    ("chip.device.kind={}", "chip.device.kind", ["there is no such kind", "soft-bounds"]),
    ("chip.device={kind: linear-step, gama_up: 1}", "chip.device.gama_up", ["did you mean 'gamma_up'?"]),
    ("chip.device={kind: soft-bounds, w_max: -1}", "chip.device.w_max", ["too small", "0 or more"]),
    ("chip.device={kind: soft-bounds, w_max: 0, w_min: 0}", "chip.device", ["w_max must lie above w_min"]),
    ("network=none", "network", ["there is no network of this name"]),
    ("network.layers=[]", "network.layers", ["too short"]),
    ("network.layers.0.kind=lin", "network.layers.0.kind", ["no such kind", "did you mean 'linear'?"]),
    ("network.layers.0.name=1st", "network.layers.0.name", ["not a valid name"]),
    ("network.layers.0.name=fc2", "network", ["two layers are called 'fc2'"]),
    ("network.layers.0.feature=3", "network.layers.0.feature", ["did you mean 'features'?"]),
    ("network.layers.0.device={preset: idael}", "network.layers.0.device", ["did you mean 'ideal'?"]),
    ("network.layers.9.features=3", "network.layers", ["a position from 0 to 2"]),
    (
        "network.layers.fc3.features=3",
        "network.layers",
        ["a position from 0 to 2, or a name: fc1, act1, fc2", "found:   'fc3'", "did you mean 'fc2'?"],
    ),
    ("network.layers.fc2.feature=3", "network.layers.2.feature", ["did you mean 'features'?"]),
    ("run.mode=fast", "run.mode", ["timing, numerics, coupled"]),
    ("run.seed=-1", "run.seed", ["too small", "0 or more and below 9223372036854775808"]),
    ("run.seed=99999999999999999999", "run.seed", ["too large"]),
    ("run.timeline=1", "run.timeline", ["neither true nor false"]),
    ("name=3", "name", ["not a text"]),
    ("data.samples=0", "data.samples", ["too small", "a whole number, 1 or more; or null"]),
]


@pytest.mark.parametrize(("override", "field", "words"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_wrong_override_names_itself_the_field_and_what_is_allowed(
    document: Path, override: str, field: str, words: list[str]
) -> None:
    error = error_of(document, override)
    first = error.errors[0] if isinstance(error, InputErrors) else error
    assert first.field == field
    text = str(error)
    assert f"--set {override}: " in text
    for word in words:
        assert word in text
    for foreign in ("pydantic", "Input should", "Traceback", "validation error"):
        assert foreign not in text


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epochs", "not an override"),
        ("=3", "not an override"),
        ("a..b=3", "not an override"),
        ("training.epochs=", "no value after '='"),
        ("training.epochs=[1", "not valid YAML"),
        ("training.epochs=!x 1", "YAML tags are not used"),
    ],
)
def test_what_is_no_override(document: Path, override: str, words: str) -> None:
    error = error_of(document, override)
    assert words in str(error)
    assert f"--set {override}" in str(error)


def test_a_wrong_mode_names_the_option(document: Path) -> None:
    error = error_of(document, mode="fast")
    assert str(error).startswith("--mode fast: run.mode: not one of the choices")
    assert "timing, numerics, coupled" in str(error)


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "field", "words"),
    [
        ("learning_rate: 0.1", "learning_rate: fast", 13, 18, "training.learning_rate", "not a number"),
        ("learning_rate: 0.1", "learnin_rate: 0.1", 13, 3, "training.learnin_rate", "did you mean 'learning_rate'?"),
        ("      features: 2", "      features: -2", 10, 17, "network.layers.2.features", "too small"),
        ("features: 3", "featuers: 3", 6, 33, "network.layers.0.featuers", "did you mean 'features'?"),
        ("kind: gpipe", "kind: gpype", 16, 9, "schedule.kind", "did you mean 'gpipe'?"),
        ("chip: unit", "chip: unti", 11, 7, "chip", "did you mean 'unit'?"),
        ("  mini_batch: 4", "  mini_batch: 4\n  mini_batch: 5", 15, 3, "training.mini_batch", "stands here twice"),
        ("  learning_rate: 0.1\n", "", 13, 3, "training.learning_rate", "is missing"),
        ("micro_batches: 2", "micro_batches: 3", 18, 18, "schedule.micro_batches", "do not divide"),
    ],
)
def test_a_mistake_in_a_file_is_placed(
    document: Path, old: str, new: str, line: int, column: int, field: str, words: str
) -> None:
    document.write_text(DOCUMENT.replace(old, new))
    error = error_of(document)
    first = error.errors[0] if isinstance(error, InputErrors) else error
    assert first.field == field
    assert first.place is not None
    assert (first.place.file, first.place.line, first.place.column) == (str(document), line, column)
    assert words in str(error)


def test_a_wrong_entry_does_not_make_a_list_too_short(document: Path) -> None:
    error = error_of(document, "schedule.stages=[[3]]")
    assert not isinstance(error, InputErrors)
    assert (error.field, error.problem) == ("schedule.stages.0.0", "not a text")


def test_unknown_names_are_told_together_each_where_it_stands(document: Path) -> None:
    text = DOCUMENT.replace("kind: tanh}", "kind: tanh, inputs: [fc2]}").replace("rate: 0.1", "rate: -1")
    document.write_text(text.replace("stages: 2", "stages: [[fc1, akt1], [fc1, fc3]]"))
    error = error_of(document)
    assert isinstance(error, InputErrors)
    found = [(str(one.place), one.field, one.value) for one in error.errors]
    assert found == [
        (f"{document}:7:41", "network.layers.1.inputs.0", "fc2"),
        (f"{document}:13:18", "training.learning_rate", -1),
        (f"{document}:17:18", "schedule.stages.0.1", "akt1"),
        (f"{document}:17:26", "schedule.stages.1.0", "fc1"),
        (f"{document}:17:31", "schedule.stages.1.1", "fc3"),
    ]
    assert "did you mean 'act1'?" in str(error)
    assert f"remove one of the two; the first is at {document}:17:13" in str(error)


def test_mistakes_stand_in_the_order_of_lines(document: Path) -> None:
    text = DOCUMENT.replace("features: 3", "featurs: 3").replace("kind: gpipe", "kind: g")
    document.write_text(text.replace("chip: unit", "chip: unit\nrum: 1"))
    error = error_of(document, "chip.tiles=0")
    assert isinstance(error, InputErrors)
    lines = [one.place.line for one in error.errors if one.place is not None]
    assert lines == [6, 12, 17, None]


def test_a_chip_of_a_bare_tile_is_told_which_lines_it_needs(tmp_path: Path) -> None:
    chip = "chip:\n  name: mine\n  tile: {rows: 64, columns: 64}\n"
    bare = f"network: mlp-64-64-32-10\n{chip}training: {{learning_rate: 0.1}}\n"
    error = error_of(write(tmp_path, bare))
    assert "a chip needs the sections nmpu, buffer, interconnect, host, or a stage_engine" in error.problem
    assert error.remedy is not None
    lines = error.remedy.splitlines()[1:]
    assert [line.strip().partition(":")[0] for line in lines] == ["nmpu", "buffer", "interconnect", "host"]
    pasted = bare.replace("  name: mine", "\n".join(["  name: mine", *(f"  {line.strip()}" for line in lines)]))
    assert load_experiment(write(tmp_path, pasted)).chip.name == "mine"
    partly = bare.replace("  name: mine", "\n".join(["  name: mine", *(f"  {line.strip()}" for line in lines[:3])]))
    assert "a chip needs the section host, or" in error_of(write(tmp_path, partly)).problem


@pytest.mark.parametrize(
    ("device", "line", "found", "remedy"),
    [
        ("w_max: 0\n    w_min: 0", 15, {"w_max": 0, "w_min": 0}, "change w_max or w_min"),
        ("w_max: 0\n    dw_min: 0.1\n    w_min: 0", 16, {"w_max": 0, "w_min": 0}, "change w_max or w_min"),
    ],
)
def test_keys_that_do_not_go_together_are_named_with_their_values(
    document: Path, device: str, line: int, found: object, remedy: str
) -> None:
    document.write_text(DOCUMENT.replace("chip: unit", "chip:\n  preset: unit\n  device: {kind: soft-bounds}"))
    text = document.read_text().replace("{kind: soft-bounds}", f"\n    kind: soft-bounds\n    {device}")
    document.write_text(text)
    error = error_of(document)
    assert error.place is not None
    assert (error.place.line, error.value, error.remedy) == (line + 1, found, remedy)


def test_several_mistakes_are_told_together(document: Path) -> None:
    document.write_text(DOCUMENT.replace("features: 3", "features: 0").replace("kind: gpipe", "kind: g"))
    error = error_of(document, "run.sed=1", "training.learning_rate=-1")
    assert isinstance(error, InputErrors)
    fields = {one.field for one in error.errors}
    assert fields == {"network.layers.0.features", "schedule.kind", "run.sed", "training.learning_rate"}
    assert str(error).startswith("4 mistakes:")
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"- a\n- b\n", "not a mapping"),
        (b"just text", "not a mapping"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        (b"a: 1\0", "not a text file"),
        (b"a: [1", "not valid YAML"),
        (b"a: 1: 2", "not valid YAML"),
        (b"a:\n\t- 1", "indent with blanks"),
        (b"a: 1\n---\nb: 2", "not valid YAML"),
        (b"a: *nothing", "not valid YAML"),
        (b"a: &x [*x]", "contains itself"),
        (b"a: !!python/object:os.system {}", "YAML tags are not used"),
        (b"[1]: 2", "a key must be a text"),
        (b'a: "\\ud800"', "cannot be read as a value"),
        (b"a: {<<: 3}", "'<<' takes a mapping"),
        (b"[" * 1500, "nested too deeply"),
        (
            b"a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + b"".join(
                b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 10)) for c in range(ord("b"), ord("h"))
            ),
            "grows too large",
        ),
    ],
)
def test_what_is_no_document(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    error = error_of(path)
    assert words in str(error)
    assert str(path) in str(error)


TABS = [
    ("a: 10\t# ten\nb: 2", {"a": 10, "b": 2}),
    ("a: 1\n\t# a comment\nb:\t2\t\n", {"a": 1, "b": 2}),
    ("a: 1\n \t \nb: 2", {"a": 1, "b": 2}),
    ("a: two\twords\t\nb: 'x'\t# y\n", {"a": "two\twords", "b": "x"}),
    ("a\t: 1\nb: {c:\t1,\td: 2}\n", {"a": 1, "b": {"c": 1, "d": 2}}),
    ("a:\t# below\n  - x\n  -\ty\nb: [\n\t1\n\t]", {"a": ["x", "y"], "b": [1]}),
    ("a: |\t# text\n  b\tc\n", {"a": "b\tc\n"}),
]


@pytest.mark.parametrize(("text", "value"), TABS, ids=range(len(TABS)))
def test_tabs_stand_wherever_yaml_allows_them(text: str, value: object) -> None:
    assert parse(text, Place("tabs.yaml")).plain() == value


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: 1\n\tb: 1", "2:1"), ("a:\n  b: 1\n  \tc: 2", "3:3"), ("a:\n-\tb: 1", "2:4"), ("a:\n- \t- 1", "2:4")],
)
def test_a_tab_that_indents_is_refused_with_a_remedy_that_helps(text: str, place: str) -> None:
    with pytest.raises(InputError, match="not valid YAML") as caught:
        parse(text, Place("tabs.yaml"))
    assert str(caught.value).startswith(f"tabs.yaml:{place}: ")
    assert caught.value.remedy == "indent with blanks, not tabs"
    assert isinstance(parse(text.replace("\t", ""), Place("x")).plain(), dict)


def test_a_file_whose_name_is_no_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/tin\xff.yaml"))
    path.write_text(DOCUMENT)
    assert load_experiment(path).name == "tin\\xff"
    path.write_text(DOCUMENT + "data: {name: npz, path: x.npz}\nname: x\n")
    assert load_experiment(path).data.path == str(tmp_path / "x.npz")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xff"))
    folder.mkdir()
    path = path.rename(folder / "one.yaml")
    error = error_of(path)
    assert "data.path: the name of a folder or file is no UTF-8 text" in str(error)
    assert str(error.value).endswith("f\\xff/x.npz")


def test_numpy_values_and_paths_in_a_mapping(tmp_path: Path) -> None:
    written = {
        "network": {
            "input_shape": np.array([4]),
            "layers": [{"name": "out", "kind": "linear", "features": np.int64(3), "bias": np.bool_(False)}],
        },
        "chip": "unit",
        "data": {"name": "npz", "path": tmp_path / "x.npz"},
        "training": {"learning_rate": np.float32(0.5), "mini_batch": np.uint8(4)},
        "schedule": {"stages": np.array([["out"]])},
        "name": np.str_("numpy"),
    }
    plain = {
        "network": {
            "input_shape": [4],
            "layers": [{"name": "out", "kind": "linear", "features": 3, "bias": False}],
        },
        "chip": "unit",
        "data": {"name": "npz", "path": str(tmp_path / "x.npz")},
        "training": {"learning_rate": 0.5, "mini_batch": 4},
        "schedule": {"stages": [["out"]]},
        "name": "numpy",
    }
    assert load_experiment(written) == load_experiment(plain)


@pytest.mark.parametrize("number", ["10", "1e1", "10.0", "1.0e+1", "10."])
def test_whole_numbers_may_be_written_with_a_point(document: Path, number: str) -> None:
    assert load_experiment(document, [f"training.epochs={number}"]).training.epochs == 10
    assert load_experiment(document, [f"training.learning_rate={number}"]).training.learning_rate == 10.0
    tree = {"network": "mlp-64-64-32-10", "chip": "unit", "training": {"learning_rate": 1, "epochs": float(number)}}
    assert load_experiment(tree).training.epochs == 10


def test_what_was_written_with_a_point_is_quoted_so(document: Path) -> None:
    assert "found:   10.0" in str(error_of(document, "run.mode=10.0"))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert "there is no such file" in str(error_of(tmp_path / "none.yaml"))
    assert "not a file" in str(error_of(tmp_path))
    assert "neither a file nor a workload" in str(error_of("no-such-workload"))


def test_presets_in_a_circle(tmp_path: Path) -> None:
    path = write(tmp_path, "preset: one.yaml\n", "one.yaml")
    error = error_of({"network": "mlp-64-64-32-10", "chip": str(path), "training": {"learning_rate": 1}})
    assert "in a circle" in str(error)


@pytest.mark.parametrize("value", [object(), b"bytes", {1: 2}])
def test_a_mapping_holds_only_what_a_document_can(value: object) -> None:
    error = error_of({"data": {"samples": value}})
    assert "data.samples" in str(error)


def test_experiments_are_frozen_and_equal_by_value(document: Path) -> None:
    one, two = load_experiment(document), load_experiment(document)
    assert one == two
    assert isinstance(one, Experiment)
    with pytest.raises(ValueError, match="frozen"):
        one.training.epochs = 3  # type: ignore[misc]
    assert copy.deepcopy(one) == one
