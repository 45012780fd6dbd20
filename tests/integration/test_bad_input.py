"""Wrong input of every kind: exit 2, one message that says where and how to mend it, and nothing left behind."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archsim.cli.app import app

VALID = """\
network: mlp-64-64-32-10
chip: reram-1024
data:
  name: digits
training:
  learning_rate: 0.1
  mini_batch: 10
  max_mini_batches: 2
schedule:
  stages: 3
"""


@dataclass(frozen=True)
class Bad:
    """A wrong input.

    Attributes
    ----------
    name : str
        What is wrong.
    words : tuple of str
        What the message must say.
    arguments : tuple of str
        The command.
    document : str, bytes or None
        What stands in ``bad.yaml``.
    prepare : callable or None
        Makes what else is there.
    """

    name: str
    words: tuple[str, ...]
    arguments: tuple[str, ...] = ("run", "bad.yaml", "-o", "out")
    document: str | bytes | None = VALID
    prepare: Callable[[], None] | None = None


def changed(old: str, new: str) -> str:
    assert old in VALID
    return VALID.replace(old, new)


def setting(*overrides: str) -> tuple[str, ...]:
    return ("run", "bad.yaml", "-o", "out", *(part for text in overrides for part in ("--set", text)))


def idx(dimensions: tuple[int, ...], content: bytes) -> bytes:
    return struct.pack(f">BBBB{len(dimensions)}I", 0, 0, 8, len(dimensions), *dimensions) + content


def mnist(images: bytes, *, labels: int = 3, labels_name: str = "train-labels-idx1-ubyte") -> Callable[[], None]:
    def prepare() -> None:
        folder = Path("data")
        folder.mkdir()
        (folder / "train-images-idx3-ubyte").write_bytes(images)
        (folder / labels_name).write_bytes(idx((labels,), bytes(labels)))
        (folder / "t10k-images-idx3-ubyte").write_bytes(idx((3, 8, 8), bytes(192)))
        (folder / "t10k-labels-idx1-ubyte").write_bytes(idx((3,), bytes(3)))

    return prepare


def truncated_gzip() -> None:
    mnist(b"")()
    Path("data/train-images-idx3-ubyte").unlink()
    Path("data/train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx((3, 8, 8), os.urandom(192)))[:-40])


def cyclic() -> None:
    Path("one.yaml").write_text("include: two.yaml\n")
    Path("two.yaml").write_text("include: one.yaml\n")


def out_file() -> None:
    Path("out").write_text("mine")


def foreign() -> None:
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("years of work")


def link_to_foreign() -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/thesis.tex").write_text("years of work")
    Path("out").symlink_to("elsewhere")


def folder_as_document() -> None:
    Path("folder.yaml").mkdir()


RUN = ("run", "bad.yaml")
IMAGES = idx((3, 8, 8), bytes(192))
MNIST = setting("data.name=mnist", "data.path=data", "network.input_shape=[64]")
LAYER = "network:\n  input_shape: [64]\n  layers:\n    - {name: a, kind: linear, features: 10}\n"
CASES = (
    # the document as text
    Bad(
        "misspelt section",
        ("bad.yaml:5", "trainig", "did you mean 'training'?"),
        document=changed("training", "trainig"),
    ),
    Bad(
        "misspelt key",
        ("bad.yaml:6", "did you mean 'learning_rate'?"),
        document=changed("learning_rate", "learning_rat"),
    ),
    Bad("duplicate key", ("bad.yaml:11", "chip"), document=VALID + "chip: unit\n"),
    Bad("tabs", ("bad.yaml:6",), document=changed("  learning_rate", "\tlearning_rate")),
    Bad("unclosed bracket", ("bad.yaml:",), document=VALID + "run: {seed: 1\n"),
    Bad("binary", ("bad.yaml", "not a text file"), document=bytes(range(256))),
    Bad("empty", ("bad.yaml",), document=""),
    Bad("a list", ("bad.yaml",), document="- a\n- b\n"),
    Bad("a word", ("bad.yaml",), document="chip\n"),
    Bad("ten megabytes", ("bad.yaml",), document=VALID + "description: " + "x" * 10_000_000 + "\n"),
    Bad("deep nesting", ("bad.yaml",), document="chip: " + "[" * 5000 + "]" * 5000 + "\n"),
    Bad("an anchor in itself", ("bad.yaml",), document="chip: &a\n  b: *a\n"),
    Bad(
        "a billion laughs",
        ("bad.yaml",),
        document="a: &a [x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)),
    ),
    Bad("a Python object", ("bad.yaml",), document=VALID + "run: !!python/object:os.system {}\n"),
    Bad("cyclic include", ("one.yaml", "include"), document="include: one.yaml\n" + VALID, prepare=cyclic),
    Bad("missing include", ("none.yaml",), document="include: none.yaml\n" + VALID),
    Bad("two documents", ("bad.yaml",), document=VALID + "---\n" + VALID),
    # what stands in it
    Bad("no network", ("network", "missing"), document=changed("network: mlp-64-64-32-10\n", "")),
    Bad("no learning rate", ("training.learning_rate", "missing"), document=changed("  learning_rate: 0.1\n", "")),
    Bad("unknown chip", ("chip", "did you mean 'reram-1024'?"), document=changed("reram-1024", "reram-1042")),
    Bad("unknown network", ("network", "did you mean"), document=changed("mlp-64-64-32-10", "mlp-64-64-32-11")),
    Bad("unknown device", ("chip.device", "ideal"), setting("chip.device=memristor")),
    Bad("unknown data set", ("data.name", "digits"), document=changed("name: digits", "name: imagenot")),
    Bad("unknown schedule", ("schedule.kind", "did you mean 'gpipe'?"), setting("schedule.kind=gpip")),
    Bad("unknown algorithm", ("training.algorithm", "analog-sgd"), setting("training.algorithm=adam")),
    Bad(
        "unknown layer kind",
        ("network.layers.0.kind", "linear"),
        document=changed("network: mlp-64-64-32-10\n", LAYER.replace("kind: linear", "kind: lineal")),
    ),
    Bad("unknown mode", ("--mode", "timing, numerics, coupled"), (*RUN, "-o", "out", "--mode", "quick")),
    Bad("wrong unit", ("chip.tile.update_fixed_time", "a time"), setting("chip.tile.update_fixed_time=3 pJ")),
    Bad("no unit", ("chip.tile.update_fixed_time", "unit"), setting("chip.tile.update_fixed_time=512")),
    Bad(
        "unknown unit", ("chip.tile.update_fixed_time", "did you mean"), setting("chip.tile.update_fixed_time=512 nss")
    ),
    Bad("negative time", ("chip.tile.update_fixed_time", "negative"), setting("chip.tile.update_fixed_time=-1 ns")),
    Bad("huge time", ("chip.tile.update_fixed_time", "2^63"), setting("chip.tile.update_fixed_time=1e30 s")),
    Bad("learning rate NaN", ("bad.yaml:6", "training.learning_rate"), document=changed("0.1", ".nan")),
    Bad("learning rate infinite", ("training.learning_rate",), document=changed("0.1", ".inf")),
    Bad("learning rate a text", ("training.learning_rate", "a number"), document=changed("0.1", "fast")),
    Bad("stages a text", ("schedule.stages",), setting("schedule.stages=many")),
    Bad("zero stages", ("bad.yaml:10", "schedule.stages"), document=changed("stages: 3", "stages: 0")),
    Bad("half a stage", ("schedule.stages",), setting("schedule.stages=2.5")),
    Bad("more stages than layers", ("schedule.stages",), document=changed("stages: 3", "stages: 4")),
    Bad("negative epochs", ("training.epochs", "0 or more"), setting("training.epochs=-3")),
    Bad("huge seed", ("run.seed",), setting(f"run.seed={10**30}")),
    Bad("true for a number", ("training.mini_batch",), setting("training.mini_batch=true")),
    Bad(
        "micro-batches that do not divide",
        ("schedule.micro_batches", "do not divide"),
        setting("schedule.micro_batches=3"),
    ),
    Bad("mini-batch larger than the data", ("training.mini_batch", "1438"), setting("training.mini_batch=5000")),
    Bad("too few tiles", ("tiles",), setting("chip.tiles=1")),
    Bad("buffer too small", ("buffer",), setting("chip.buffer.capacity=1 B")),
    Bad("other inputs than the data has", ("network.input_shape", "[64]"), setting("network.input_shape=[65]")),
    # data
    Bad("missing data", ("data.name", "ARCHSIM_DATA"), setting("data.name=mnist")),
    Bad("missing data folder", ("data.path", "nowhere"), setting("data.name=mnist", "data.path=nowhere")),
    Bad("truncated IDX", ("train-images-idx3-ubyte",), MNIST, prepare=mnist(idx((3, 8, 8), bytes(100)))),
    Bad("truncated gzip", ("train-images-idx3-ubyte.gz",), MNIST, prepare=truncated_gzip),
    Bad("IDX that is none", ("train-images-idx3-ubyte",), MNIST, prepare=mnist(b"<html>not found</html>")),
    Bad(
        "fewer labels than images",
        ("train-labels-idx1-ubyte",),
        MNIST,
        prepare=mnist(idx((3, 8, 8), bytes(192)), labels=2),
    ),
    # the command line
    Bad("no such document", ("EXPERIMENT", "no such file"), ("run", "none.yaml", "-o", "out")),
    Bad("a folder as document", ("EXPERIMENT", "not a file"), ("run", "folder.yaml"), prepare=folder_as_document),
    Bad("no such workload", ("EXPERIMENT", "neither a file nor a workload"), ("run", "none")),
    Bad("override without a value", ("training.epochs", "not an override"), setting("training.epochs")),
    Bad("override of nothing", ("trainig.epochs", "did you mean 'training'?"), setting("trainig.epochs=3")),
    Bad("resume and force", ("--resume, --force", "leave one of them out"), (*RUN, "-o", "out", "--resume", "--force")),
    Bad("resume of nothing", ("--resume", "-o"), (*RUN, "--resume")),
    Bad(
        "resume of a foreign folder",
        ("--resume", "not the folder of a run"),
        (*RUN, "-o", "out", "--resume"),
        prepare=foreign,
    ),
    Bad("resume of a file", ("--resume", "not the folder of a run"), (*RUN, "-o", "out", "--resume"), prepare=out_file),
    Bad("output is a file", ("not a folder", "-o"), prepare=out_file),
    Bad("output below a file", ("not a folder", "-o"), (*RUN, "-o", "out/deep"), prepare=out_file),
    Bad("output is there", ("exists already",), prepare=foreign),
    Bad("force on a foreign folder", ("never replaced",), (*RUN, "-o", "out", "--force"), prepare=foreign),
    Bad("force on a link", ("never replaced",), (*RUN, "-o", "out", "--force"), prepare=link_to_foreign),
    Bad("unwritable folder", ("cannot be made",), (*RUN, "-o", "/proc/archsim")),
    Bad("name too long", ("cannot be made",), (*RUN, "-o", "x" * 300)),
    Bad("window backwards", ("--trace-window", "START:END"), (*RUN, "-o", "out", "--trace-window", "20 us:10 us")),
    Bad("window without unit", ("--trace-window", "START:END"), (*RUN, "-o", "out", "--trace-window", "1:2")),
    Bad("schedule of a wrong experiment", ("schedule.stages",), ("schedule", "bad.yaml", "--set", "schedule.stages=9")),
    Bad("schedule into a file that is there", ("exists already",), ("schedule", "bad.yaml", "-o", "bad.yaml")),
    Bad("report of no run", ("holds no run",), ("report", "out"), prepare=foreign),
    Bad("comparison of no run", ("holds no run",), ("compare", "out"), prepare=foreign),
)
#: One of these stands in every message that does not point into the document.
HELPS = ("allowed:", "remedy:", "'130 ns'", "what would make it fit")
NAMES = [case.name for case in CASES]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)


def prepare(case: Bad) -> dict[str, bytes]:
    """Make what the case needs; return all files with their content."""
    if case.document is not None:
        Path("bad.yaml").write_bytes(case.document if isinstance(case.document, bytes) else case.document.encode())
    if case.prepare is not None:
        case.prepare()
    return files()


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in Path().rglob("*")}


def assert_clear(said: str, words: tuple[str, ...]) -> None:
    assert said.count("archsim: ") == 1
    assert said.startswith("archsim: ")
    assert "Traceback" not in said
    assert len(said) < 5000
    for word in words:
        assert word in said
    assert any(label in said for label in (*HELPS, "bad.yaml:"))


def test_there_are_fifty_and_each_is_one_of_its_kind() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 50


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_wrong_input_is_refused_clearly_and_leaves_nothing(case: Bad) -> None:
    before = prepare(case)
    result = CliRunner().invoke(app, list(case.arguments))
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert_clear(result.stderr, case.words)
    assert files() == before


@pytest.mark.parametrize("name", ["misspelt key", "binary", "cyclic include", "resume of a foreign folder"])
def test_a_process_says_the_same(name: str) -> None:
    case = CASES[NAMES.index(name)]
    before = prepare(case)
    done = subprocess.run(
        [sys.executable, "-m", "archsim", *case.arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert_clear(done.stderr, case.words)
    assert files() == before
