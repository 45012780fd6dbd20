"""What reaches the terminal: texts that are shown and never obeyed, and one line where nothing more can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archsim.errors import InputError, printable

from .experiments import WORKLOADS

SHORT = ["--set", "training.max_mini_batches=1", "--set", "data.test_samples=20", "--set", "run.mode=timing"]


def archsim(*arguments: str, folder: Path, output: int = subprocess.PIPE) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-m", "archsim", *arguments],
        cwd=folder,
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr.decode()


@pytest.mark.parametrize("command", [["list"], ["schema"], ["--help"]])
def test_a_full_device_is_one_message(command: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, said = archsim(*command, folder=tmp_path, output=full.fileno())
    assert code == 1
    assert said == "archsim: the output cannot be written: No space left on device\n"


def test_a_run_whose_summary_cannot_be_shown_is_saved_all_the_same(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, said = archsim(
            "run", str(WORKLOADS / "mlp_digits.yaml"), *SHORT, "-o", "run", folder=tmp_path, output=full.fileno()
        )
    assert code == 1
    assert said == "archsim: the output cannot be written: No space left on device\n"
    assert (tmp_path / "run" / "run.json").is_file()


def test_a_closed_pipe_has_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code, _, said = archsim("schema", folder=tmp_path, output=writing)
    os.close(writing)
    assert code == 1
    assert "Traceback" not in said
    assert said.count("\n") <= 1


HOSTILE = "a\x1b[31mred\x07\x9b2J\u202eb"


def obeyed(output: bytes) -> list[str]:
    """Return the characters of an output that a terminal would obey."""
    return [c for c in output.decode() if not c.isprintable() and c != "\n"]


def test_escape_sequences_in_texts_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    document = (WORKLOADS / "mlp_digits.yaml").read_text()
    escaped = HOSTILE.encode("unicode_escape").decode()
    (tmp_path / "x.yaml").write_text(f'name: "{escaped}"\n' + document.replace("description: ", "# "))
    for arguments in (
        ["run", "x.yaml", *SHORT, "-o", HOSTILE],
        ["report", HOSTILE],
        ["run", "x.yaml", "--set", f"network.{HOSTILE}=1"],
        ["run", HOSTILE],
        ["run", "x.yaml", "--set", f"run.mode={HOSTILE}"],
    ):
        _, output, said = archsim(*arguments, folder=tmp_path)
        assert not obeyed(output), arguments
        assert not obeyed(said.encode()), arguments


def test_plain_texts_of_all_scripts_stay_as_they_are() -> None:
    for text in ("2 µm²", "Müller", "日本語", "two\nlines\tand a tab", "C:\\x"):
        assert printable(text) == text
    assert printable("\x1b[2J\ud800") == "\\u001b[2J\\ud800"
    assert str(InputError("wrong", value="\x1b")) == "wrong\n  found:   '\\x1b'"
