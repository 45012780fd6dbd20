"""What README and docs show works: every block is run, every table is current, every link leads somewhere.

Blocks of a page are run in order in one folder, in which the workloads are shortened. Python blocks share one
namespace; a block that begins with the path of a file becomes that file. Commands that set up an environment or run
all tests are compared with the script of all checks instead, which runs them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from ruamel.yaml import YAML

from archsim import load_experiment, plugins
from archsim.document.workloads import SHIPPED

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README, PLACES = PAGES[0], [str(page.relative_to(ROOT)) for page in PAGES]

BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)(?P<target>[^)#]+)[^)]*\)")
SET_UP = "python3 -m venv"
RUNNABLE = ("python", "sh", "console", "yaml", "toml", "text")
#: Enough for every shown line to do something, and quick.
SHORTENED = {"epochs": 1, "max_mini_batches": 4}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        yield Block(found["language"], found["text"], text[: found.start()].count("\n") + 2)


class Reader:
    """Somebody who does what a page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace: dict[str, Any] = {"__name__": "documentation"}
        self.environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "150"}
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.yaml = YAML(typ="safe")
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        self._shorten_workloads()

    def _shorten_workloads(self) -> None:
        target = self.folder / "workloads"
        target.mkdir()
        for path in (ROOT / "workloads").glob("*.yaml"):
            document = self.yaml.load(path.read_text(encoding="utf-8"))
            document["training"] = document["training"] | SHORTENED
            document.setdefault("name", path.stem)
            YAML().dump(document, target / path.name)

    def do(self, block: Block, page: Path) -> None:
        getattr(self, f"_{block.language}")(block, f"{page.name}:{block.line}")

    def _python(self, block: Block, place: str) -> None:
        first = block.text.splitlines()[0]
        if first.startswith("# ") and first.endswith(".py"):
            file = self.folder / first.removeprefix("# ")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        # Padded, so that a traceback names the line of the page.
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, place, "exec", dont_inherit=True), self.namespace)

    def _sh(self, block: Block, place: str) -> None:
        commands = block.text
        if commands.startswith(SET_UP):
            commands = commands.rpartition(" && ")[2]
            if commands.startswith(".venv/bin/pytest"):
                return
        done = self._shell(commands)
        assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{done.stdout}"
        sys.stdout.write(done.stdout)

    def _console(self, block: Block, place: str) -> None:
        for part in block.text.removeprefix("$ ").split("\n$ "):
            command, _, expected = part.partition("\n")
            shown = [line.rstrip() for line in self._shell(command).stdout.rstrip().splitlines()]
            assert shown == expected.rstrip().splitlines(), f"{place}: {command}"

    def _yaml(self, block: Block, place: str) -> None:
        base = self.yaml.load((self.folder / "workloads" / "mlp_digits.yaml").read_text(encoding="utf-8"))
        load_experiment(base | self.yaml.load(block.text))

    def _toml(self, block: Block, place: str) -> None:
        """Install what an entry point says, as an installer would: in a folder of metadata on the path."""
        groups = tomllib.loads(block.text)["project"]["entry-points"]
        lines = []
        for group, points in groups.items():
            lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
        metadata = self.folder / "documented-0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: documented\nVersion: 0\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _text(self, block: Block, place: str) -> None:
        """Nothing to do: what a page says is printed is compared with what its blocks printed."""

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})  # What a page registers goes with it.
    return Reader(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=PLACES)
def test_every_block_does_what_the_page_says(page: Path, reader: Reader, capfd: pytest.CaptureFixture[str]) -> None:
    shown = []
    if page == README:
        shown += ["time ", "energy ", "accuracy (test)"]
    for block in blocks(page):
        assert block.language in RUNNABLE, f"{page.name}:{block.line}: nobody runs blocks of '{block.language}'"
        reader.do(block, page)
        if block.language == "text":
            shown.append(block.text)
    printed = capfd.readouterr().out
    for text in shown:
        assert text in printed, f"{page.name} says that this is printed, and it was not:\n{text}"
    if page.name == "results.md":
        assert listed_names(page, "file") == {path.name for path in (reader.folder / "runs" / "example").iterdir()}


def test_there_are_blocks_to_run() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert {"python", "sh", "console", "yaml", "toml"} <= languages
    fences = sum(page.read_text(encoding="utf-8").count("\n```") for page in PAGES)
    assert fences == 2 * sum(1 for page in PAGES for _ in blocks(page)), "a fence without a language, or not closed"


def set_up_commands() -> list[str]:
    return [block.text.strip() for block in blocks(README) if block.text.startswith(SET_UP)]


def test_two_commands_set_up_everything() -> None:
    run, test = set_up_commands()
    assert run.split(" && ") == [
        "python3 -m venv .venv",
        ".venv/bin/pip install -e .",
        ".venv/bin/archsim run mlp_digits",
    ]
    assert test.split(" && ") == [
        "python3 -m venv .venv",
        ".venv/bin/pip install -e '.[test]'",
        ".venv/bin/pytest -n auto --dist worksteal",
    ]


def test_the_script_of_all_checks_sets_up_as_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    _, install, test = set_up_commands()[1].split(" && ")
    assert " -m venv " in script
    assert shlex.split(install)[1:] in [
        [word for word in shlex.split(line, comments=True)[1:] if word != "--quiet"]
        for line in script.splitlines()
        if "bin/pip" in line
    ]
    assert f"check {Path(test).name}" in script.splitlines()


@pytest.mark.parametrize("page", PAGES, ids=PLACES)
def test_links_lead_somewhere(page: Path) -> None:
    for found in LINK.finditer(page.read_text(encoding="utf-8")):
        assert (page.parent / found["target"]).exists(), f"{page.name} links to {found['target']}"


@pytest.mark.parametrize("page", PAGES, ids=PLACES)
def test_named_objects_exist(page: Path) -> None:
    for name in re.findall(r"`(archsim(?:\.\w+)+)`", page.read_text(encoding="utf-8")):
        if name not in get_args(plugins.Group):
            assert pkgutil.resolve_name(name) is not None


@pytest.mark.parametrize("group", ["schedules", "chips", "devices", "operators"])
def test_the_readme_lists_what_is_registered(group: str) -> None:
    assert listed_names(README, group.removesuffix("s")) == set(plugins.names(f"archsim.{group}"))  # type: ignore[arg-type]


def test_the_device_page_lists_every_device() -> None:
    assert listed_names(ROOT / "docs" / "devices.md", "name") == set(plugins.names("archsim.devices"))


def test_the_page_of_experiments_lists_every_workload() -> None:
    assert listed_names(ROOT / "docs" / "experiment.md", "workload") == {path.stem for path in SHIPPED.glob("*.yaml")}


def test_the_page_of_algorithms_lists_every_algorithm() -> None:
    assert listed_names(ROOT / "docs" / "algorithms.md", "name") == set(plugins.names("archsim.algorithms"))


def listed_names(page: Path, title: str) -> set[str]:
    """The names in the first column of the table whose first column has this title."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {title} |"))
    names: set[str] = set()
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        names.update(re.findall(r"`([^`]+)`", line.split("|")[1]))
    return names


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    if specification is None or specification.loader is None:
        raise ImportError("docs/generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_reference_is_current(generator: ModuleType) -> None:
    written = generator.REFERENCE.read_text(encoding="utf-8")
    assert written == generator.reference(), "run: python docs/generate.py"


def test_the_table_of_metrics_is_current(generator: ModuleType) -> None:
    written = generator.RESULTS.read_text(encoding="utf-8")
    assert generator.BEGIN in written
    assert generator.with_metrics(written) == written, "run: python docs/generate.py"


def test_the_page_of_networks_is_current(generator: ModuleType) -> None:
    written = generator.NETWORKS.read_text(encoding="utf-8")
    assert generator.with_networks(written) == written, "run: python docs/generate.py"
    assert all(f"`{point.name}`" in written for point in entry_points(group="archsim.operators"))


def test_the_devices_are_current(generator: ModuleType) -> None:
    drawn = generator.curves()
    written = generator.DEVICES.read_text(encoding="utf-8")
    assert generator.BEGIN_DEVICES in written
    assert generator.with_devices(written, drawn) == written, "run: python docs/generate.py"
    assert {file.stem for file in generator.FIGURES.glob("*.svg")} == drawn.keys()
    stored, fresh = json.loads(generator.RESPONSES.read_text(encoding="utf-8")), generator.responses(drawn)
    assert stored.keys() == fresh.keys()
    for name, numbers in fresh.items():
        for what, values in numbers.items():
            # Of cells with noise, percentiles may move by a rounding on another processor.
            assert stored[name][what] == pytest.approx(values, rel=1e-3, abs=1e-3), f"{name}: {what}"


def test_no_meaning_is_left_over(generator: ModuleType) -> None:
    known: dict[str, set[str]] = {}
    for model in generator.specifications():
        for base in model.__mro__:
            known.setdefault(base.__name__.partition("[")[0], set()).update(model.model_fields)
    for name, fields in generator.load_field_descriptions().items():
        assert set(fields) <= known.get(name, set()), f"docs/field_descriptions.yaml: {name}"


def test_the_changelog_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_page_that_lies_is_found_out(reader: Reader) -> None:
    page = reader.folder / "lie.md"
    page.write_text("```console\n$ echo one\ntwo\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="echo one"):
        reader.do(next(blocks(page)), page)
    page.write_text("```sh\narchsim run no-such-workload\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="exit code 2"):
        reader.do(next(blocks(page)), page)
