"""Any text is a document or a mistake that is told: never another exception, never a hang."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archsim.document import load_experiment, resolved
from archsim.experiment import Experiment
from tests.fuzz.mutations import fuzzed, result_or_input_error, spoiled, spoiled_text

ROOT = Path(__file__).parents[2]
TEXTS = [path.read_text() for path in sorted((ROOT / "workloads").glob("*.yaml"))]
TEXTS.append(
    """\
include: base.yaml
network:
  input_shape: [4]
  layers:
    - &first {name: fc1, kind: linear, features: 3, device: {preset: soft-bounds, w_max: 2e0}}
    - {<<: *first, name: fc2, initial_range: .5}
chip: {preset: unit, tile: {rows: 0x10}, stage_engine: {forward: 1/3 us, backward: 2 ns, update: 0}}
training: {learning_rate: 1e-3, learning_rate_schedule: {kind: step, epochs: 2, factor: 0.5}}
schedule: {stages: [[fc1], [fc2]], kind: gpipe}
data: {name: npz, path: "a\\tb", arrays: {train_inputs: x}, train_files: [a, b]}
"""
)
WORDS = [
    *("null", "~", "true", "0", "-1", "1e999", ".nan", "-.inf", "1_0", "0x1F", "9" * 30, "1" * 5000, "1e-400"),
    *("'", '"', "|", ">", "- ", "? ", ": ", "&a", "*a", "*first", "<<: *first", "!!str 3", "!x", "%YAML 1.1", "---"),
    *("...", "{", "}", "[", "]", ",", "#", "\t", "[[]]", "{}", "{a: {b: [c]}}", "- - - - 1", "[" * 60, "2020-01-01"),
    *("unit", "reram-1024", "ideal", "base.yaml", "fuzzed.yaml", "missing.yaml", "include: fuzzed.yaml", "preset: x"),
    *("include: [base.yaml, base.yaml]", "130 ns", "5 nJ", "1/0 ns", "1e9999 ns", "0 ns", "-3 ns", "1 GHz", "5 MiB"),
    *("1 9^9^9^9 s", "1 s**-1", "2 kW*us", "1 10^10^10", "3 u m ^ 2", "1 s^999999999", "1 x" + " " * 9000 + "x"),
    *("kind: ecram", "stages: 0", "\ufeff", "\u2028", "\x85", "\x07", '"\\ud800"', '"\\0"', "a: b: c", "\u00b5"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("fuzz")
    (made / "base.yaml").write_text("training: {epochs: 2}\nchip: {adc: {bits: 5}}\n")
    return made


def check(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    loaded = result_or_input_error(lambda: load_experiment(file))
    if isinstance(loaded, Experiment):
        file.write_text(resolved(loaded), encoding="utf-8")
        assert load_experiment(file) == loaded


@fuzzed(60)
@given(text=spoiled_text(TEXTS, WORDS))
@example(text="%YAML 1.1\n---\na: 1:30\n")
def test_any_text(folder: Path, text: str) -> None:
    check(folder / "fuzzed.yaml", text.encode("utf-8", "surrogatepass"))


@fuzzed(40)
@given(content=spoiled(st.sampled_from([text.encode() for text in TEXTS]), [word.encode() for word in WORDS]))
def test_any_bytes(folder: Path, content: bytes) -> None:
    check(folder / "fuzzed.yaml", content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = """
    network network.layers network.layers.0 network.layers.0.device network.layers.0.features network.input_shape
    network.layers.0.inputs chip chip.tile chip.tile.rows chip.tile.pulse_time chip.tile.pulse_time.value chip.device
    chip.device.kind chip.nmpu chip.nmpu.clock chip.adc.bits chip.stage_engine chip.buffer.capacity chip.host data
    data.arrays data.train_files training training.learning_rate training.learning_rate_schedule schedule
    schedule.stages schedule.kind run run.seed run.mode name include chip.include
"""
PATHS = st.sampled_from(PLACES.split())


@fuzzed(60)
@given(path=PATHS, value=VALUES, chip=st.sampled_from(["unit", "reram-1024"]))
def test_any_value_at_any_place(path: str, value: object, chip: str) -> None:
    plain = {
        "network": {"input_shape": [4], "layers": [{"name": "fc1", "kind": "linear", "features": 3}]},
        "chip": {"preset": chip},
        "training": {"learning_rate": 0.1},
    }
    *above, last = path.split(".")
    section: object = plain
    for part in above:
        if isinstance(section, list):
            section = section[int(part)]
        elif isinstance(section, dict):
            section = section.setdefault(part, {})
    if isinstance(section, list):
        section[int(last)] = value
    elif isinstance(section, dict):
        section[last] = value
    result_or_input_error(lambda: load_experiment(plain))


@fuzzed(60)
@given(text=st.builds("{}={}".format, PATHS, st.sampled_from(WORDS) | st.text(max_size=8)) | st.text(max_size=12))
def test_any_override(text: str) -> None:
    plain = {"network": "mlp-64-64-32-10", "chip": "reram-1024", "training": {"learning_rate": 0.1}}
    result_or_input_error(lambda: load_experiment(plain, [text]))
