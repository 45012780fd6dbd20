"""`archsim init` writes an experiment to begin with, and shells complete names and keys."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import archsim
from archsim import differing_keys, load_experiment
from archsim.cli.app import app
from archsim.document import starting_document
from archsim.document.field_descriptions import load_field_descriptions
from archsim.results.save import DOCUMENT_FILE


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_it_runs_as_it_is_and_is_the_shipped_workload() -> None:
    assert invoke("init").exit_code == 0
    assert differing_keys(load_experiment("experiment.yaml"), load_experiment("mlp_digits")).keys() == {"name"}
    done = invoke("run", "experiment.yaml", "--set", "training.max_mini_batches=2", "-o", "out")
    assert done.exit_code == 0, done.output
    assert Path("out", DOCUMENT_FILE).is_file()


def test_every_key_has_its_description_before_it() -> None:
    lines = starting_document().splitlines()
    text = " ".join(line.strip().removeprefix("# ") for line in lines)
    descriptions = load_field_descriptions()
    for model in ("TrainingSpecification", "ScheduleSpecification", "RunSpecification", "DataSpecification"):
        for name, said in descriptions[model].items():
            assert " ".join(said.text.split()) in text
            assert any(re.match(rf"  #?{name}:", line) for line in lines), name
    for before, line in pairwise(lines):
        if re.match(r" *#?\w+:", line):
            assert before.strip().startswith("# "), line
    assert max(map(len, lines)) <= 100


def test_what_stands_there_as_a_comment_is_the_default() -> None:
    text = starting_document()
    opened = re.sub(r"^( *)#(?=\w+:)", r"\1", text, flags=re.MULTILINE)
    assert opened != text
    Path("closed.yaml").write_text(text)
    Path("opened.yaml").write_text(opened)
    assert differing_keys(load_experiment("closed.yaml"), load_experiment("opened.yaml")).keys() == {"name"}


def test_nothing_is_overwritten_unless_asked_for() -> None:
    Path("mine.yaml").write_text("mine")
    Path("folder").mkdir()
    Path("link.yaml").symlink_to("nowhere")
    for name in ("mine.yaml", "folder", "link.yaml"):
        refused = invoke("init", name)
        assert refused.exit_code == 2
        assert "there is something of this name already" in refused.output
    assert Path("mine.yaml").read_text() == "mine"
    assert invoke("init", "folder", "--force").exit_code == 2
    assert invoke("init", "mine.yaml", "--force").exit_code == 0
    assert load_experiment("mine.yaml").name == "mine"


def test_chip_network_and_schedule_can_be_chosen() -> None:
    assert invoke("init", "a.yaml", "--chip", "rpu-512", "--schedule", "gpipe").exit_code == 0
    chosen = load_experiment("a.yaml")
    assert (chosen.chip.name, chosen.schedule.kind) == ("rpu-512", "gpipe")
    assert invoke("init", "b.yaml", "--network", "fcn-784-256-128-10").exit_code == 0
    assert load_experiment("b.yaml").data.name == "mnist"
    for option, close in (("--chip", "rpu-521"), ("--network", "mlp-64"), ("--schedule", "gpip")):
        refused = invoke("init", "c.yaml", option, close)
        assert refused.exit_code == 2
        assert option in refused.output
    assert not Path("c.yaml").exists()


def test_a_network_for_which_there_are_no_data_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})
    layers = [{"name": "a", "kind": "linear", "features": 3}]
    archsim.register("network", "tiny", {"input_shape": [7], "layers": layers})
    Path("tiny.yaml").write_text(starting_document(network="tiny"))
    experiment = load_experiment("tiny.yaml", ["training.max_mini_batches=1"])
    assert (experiment.run.mode, experiment.schedule.stages) == ("timing", 1)
    assert archsim.simulate(experiment).metrics["makespan_ps"] > 0


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("archsim run mlp_d", ["mlp_digits"]),
        ("archsim diff pipeline_unit pipe", ["pipeline_unit"]),
        ("archsim show reram-10", ["reram-1024"]),
        ("archsim show reram-e", ["reram-es"]),
        ("archsim list wo", ["workloads"]),
        ("archsim init --chip un", ["unit", "unit-fbu"]),
        ("archsim init --schedule gp", ["gpipe"]),
        ("archsim init --network mlp-", ["mlp-64-64-32-10"]),
        ("archsim run x --set sche", ["schedule."]),
        ("archsim run x --set training.ep", ["training.epochs="]),
        ("archsim run x --set chip.adc.bi", ["chip.adc.bits="]),
        ("archsim run x --set network.layers.0.feat", ["network.layers.0.features="]),
    ],
)
def test_shells_complete_names_and_keys(words: str, offered: list[str]) -> None:
    environment = {"_ARCHSIM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    shown = CliRunner().invoke(app, [], env=environment, prog_name="archsim")
    assert shown.output.split() == offered


def test_the_script_for_a_shell_is_there() -> None:
    shown = CliRunner().invoke(app, [], env={"_ARCHSIM_COMPLETE": "source_zsh"}, prog_name="archsim").output
    assert "compdef" in shown
    assert "_ARCHSIM_COMPLETE" in shown


@pytest.mark.parametrize(("kind", "micro_batches"), [("gpipe", 5), ("synchronous", 5), ("asynchronous", 1)])
def test_a_schedule_that_flushes_has_micro_batches_to_overlap(kind: str, micro_batches: int) -> None:
    assert invoke("init", "new.yaml", "--schedule", kind).exit_code == 0
    schedule = load_experiment("new.yaml").schedule
    assert (schedule.kind, schedule.micro_batches) == (kind, micro_batches)
