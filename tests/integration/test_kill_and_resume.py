"""Nothing is lost: real processes, stopped at any moment in any way, go on to the results of an unbroken run."""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archsim
from archsim.errors import InputError

from .commands import Command, checkpoints
from .experiments import WORKLOADS

KINDS = ("sequential", "gpipe", "synchronous", "asynchronous")
MINI_BATCHES = 30
SHORT = (
    f"training.max_mini_batches={MINI_BATCHES}",
    "training.mini_batch=12",
    "schedule.micro_batches=2",
    "data.test_samples=60",
    "run.evaluate_every=7",
    "run.checkpoint_every=1",
    "chip.host.bytes_per_cycle=1",
)
#: As many micro-batches as a schedule needs at stage 0, and no more: the host waits for space. Each has 6 samples and
#: of each five vectors of 64 numbers: input, output, activation, error, and the gradient that comes back.
#: Beside them lie the sums of the gradients of 64 biases.
CAPACITY = {"sequential": 2, "gpipe": 2, "synchronous": 2, "asynchronous": 3}


def arguments(kind: str, *more: str, overrides: tuple[str, ...] = (), folder: str = "run") -> list[str]:
    capacity = f"chip.buffer.capacity={CAPACITY[kind] * 6 * 5 * 64 + 64} B"
    settings = [part for text in (*SHORT, capacity, f"schedule.kind={kind}", *overrides) for part in ("--set", text)]
    return ["run", str(WORKLOADS / "mlp_digits.yaml"), *settings, "-o", folder, *more]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of the unbroken run of a schedule; each is run once."""
    place = tmp_path_factory.mktemp("unbroken")

    def folder(kind: str) -> Path:
        if not (place / kind).exists():
            code, said = Command(arguments(kind, folder=kind), place).ended()
            assert code == 0, said
            assert any(
                "buffer 0" in cause for cause in pd.read_parquet(place / kind / "timeline.parquet").cause.unique()
            )
        return place / kind

    return folder


def assert_same_results(folder: Path, whole: Path) -> None:
    for name in ("learning.csv", "cost.csv"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    with np.load(folder / "weights.npz") as one, np.load(whole / "weights.npz") as other:
        assert one.files == other.files
        for name in one.files:
            np.testing.assert_array_equal(one[name].view(np.uint32), other[name].view(np.uint32))
    timelines = [pd.read_parquet(place / "timeline.parquet") for place in (folder, whole)]
    pd.testing.assert_frame_equal(timelines[0], timelines[1])
    first, second = (json.loads((place / "run.json").read_text()) for place in (folder, whole))
    assert first["complete"] is second["complete"] is True
    for key in ("metrics", "observations", "tallies", "warnings"):
        assert first[key] == second[key]


def assert_finished(folder: Path) -> None:
    """Nothing is left that only a run in progress needs."""
    assert not {"run.lock", "checkpoints", "timeline", "replaced"} & {path.name for path in folder.iterdir()}
    assert not list(folder.glob(".*"))
    assert not list(folder.parent.glob(f".{folder.name}.*"))


# SIGKILL


def moments(kind: str, threads: int) -> Iterator[tuple[int, float]]:
    """Yield for each kill the checkpoint after which it comes, and how long after, in seconds: 20 kills in all."""
    generator = random.Random(f"{kind} {threads}")
    kills = 2 if threads == 1 else 3
    for number in sorted(generator.sample(range(MINI_BATCHES * 2 // 3), kills)):
        yield number, generator.uniform(0, 0.02)


def killed(command_line: list[str], folder: Path, number: int, later: float) -> bool:
    """Kill a run some time after a checkpoint; return whether it had not come to its end before."""
    command = Command(command_line, folder.parent)
    assert command.until(lambda: folder.exists() and checkpoints(folder) >= number) or (folder / "run.json").exists()
    command.process.join(later)
    command.signal(signal.SIGKILL)
    code, said = command.ended()
    assert code in (0, -signal.SIGKILL), said
    return code != 0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_moment_and_resumed_equals_unbroken(
    kind: str, threads: int, unbroken: Callable[[str], Path], tmp_path: Path
) -> None:
    whole, folder = unbroken(kind), tmp_path / "run"
    with_threads = (f"run.threads={threads}",)
    for number, later in moments(kind, threads):
        while not killed(arguments(kind, "--resume", overrides=with_threads), folder, number, later):
            shutil.rmtree(folder)  # The run was faster than the kill: once more.
        with pytest.raises(InputError, match=r"not finished(.|\n)*--resume"):
            archsim.load_run(folder)
    code, said = Command(arguments(kind, "--resume", overrides=with_threads), tmp_path).ended()
    assert code == 0, said
    assert_same_results(folder, whole)
    assert_finished(folder)


def test_killed_while_the_results_are_written(unbroken: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = Command(arguments("gpipe"), tmp_path, drawn=True)
    assert command.until(lambda: (folder / ".results.partial" / "run.json").exists())
    command.signal(signal.SIGKILL)
    assert command.ended()[0] == -signal.SIGKILL
    assert not (folder / "run.json").exists()
    code, said = Command(arguments("gpipe", "--resume"), tmp_path).ended()
    assert code == 0, said
    assert_same_results(folder, unbroken("gpipe"))
    assert_finished(folder)


# Signals that ask


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_and_the_results_so_far(
    number: signal.Signals, unbroken: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    command = Command(arguments("asynchronous"), tmp_path, drawn=True)
    assert command.until(lambda: checkpoints(folder) >= 10)
    command.signal(number)
    code, said = command.ended()
    assert code == 130, said
    assert said.count("archsim: ") == 1
    assert said.endswith("  resume:  archsim run run/experiment.yaml -o run --resume\n")
    run = archsim.load_run(folder)
    done = run.observations.mini_batches
    assert 10 <= done < MINI_BATCHES
    assert f"interrupted after {done} mini-batches; a checkpoint and the results so far are in run" in said
    assert f"interrupted after {done} mini-batches: these are the results so far" in run.warnings
    assert json.loads((folder / "run.json").read_text())["complete"] is False
    assert "interrupted after" in (folder / "report.html").read_text()
    refused, why = Command(arguments("asynchronous"), tmp_path).ended()
    assert refused == 2
    assert "--resume" in why
    code, said = Command(["run", "run/experiment.yaml", "-o", "run", "--resume"], tmp_path).ended()
    assert code == 0, said
    assert_same_results(folder, unbroken("asynchronous"))
    assert_finished(folder)


def test_a_second_interruption_ends_at_once(unbroken: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = Command(arguments("gpipe"), tmp_path, drawn=True)
    assert command.until(lambda: checkpoints(folder) >= 3)
    command.signal(signal.SIGINT)
    assert command.until(lambda: (folder / ".results.partial" / "run.json").exists())
    command.signal(signal.SIGINT)
    assert command.ended() == (130, "archsim: interrupted\n")
    assert not (folder / "run.json").exists()
    code, said = Command(arguments("gpipe", "--resume"), tmp_path).ended()
    assert code == 0, said
    assert_same_results(folder, unbroken("gpipe"))


# Going on


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run that was killed after its fifth checkpoint; tests work on copies."""
    place = tmp_path_factory.mktemp("begun")
    command = Command(arguments("synchronous"), place)
    assert command.until(lambda: checkpoints(place / "run") >= 5)
    command.signal(signal.SIGKILL)
    assert command.ended()[0] == -signal.SIGKILL
    return place / "run"


@pytest.fixture
def unfinished(begun: Path, tmp_path: Path) -> Path:
    return shutil.copytree(begun, tmp_path / "run")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_another_experiment_is_not_taken_up(unfinished: Path, tmp_path: Path) -> None:
    before = contents(unfinished / "checkpoints")
    other = ("training.learning_rate=0.3", "chip.device.dw_min=0.004")
    code, said = Command(arguments("synchronous", "--resume", overrides=other), tmp_path).ended()
    assert code == 2
    assert "training.learning_rate: begun with 0.1, now 0.3" in said
    assert "chip.device.dw_min" in said
    assert "run.threads" not in said
    assert "remedy:" in said
    assert contents(unfinished / "checkpoints") == before


def test_another_version_is_not_taken_up(unfinished: Path, tmp_path: Path) -> None:
    lock = unfinished / "run.lock"
    signed: dict[str, Any] = json.loads(lock.read_text())
    mine = signed["archsim"]
    lock.write_text(json.dumps(signed | {"archsim": "0.0.1"}))
    before = contents(unfinished)
    code, said = Command(arguments("synchronous", "--resume"), tmp_path).ended()
    assert code == 2
    assert "version 0.0.1" in said
    assert f"version {mine}" in said
    assert contents(unfinished) == before


def test_a_damaged_checkpoint_is_passed_over(unfinished: Path, unbroken: Callable[[str], Path], tmp_path: Path) -> None:
    newest = max((unfinished / "checkpoints").glob("checkpoint-*.bin"))
    newest.write_bytes(newest.read_bytes()[:-1000])
    code, said = Command(arguments("synchronous", "--resume"), tmp_path).ended()
    assert code == 0, said
    assert_same_results(unfinished, unbroken("synchronous"))


def test_a_finished_run_is_shown_and_a_missing_one_started(tmp_path: Path) -> None:
    few = ("training.max_mini_batches=2",)
    command = arguments("gpipe", "--resume", overrides=few)
    first = Command(command, tmp_path).ended()
    before = contents(tmp_path / "run")
    assert first[0] == 0
    assert Command(command, tmp_path).ended() == first
    assert contents(tmp_path / "run") == before


# What the machine does


def test_a_full_disk_keeps_the_last_checkpoint(
    unfinished: Path, unbroken: Callable[[str], Path], tmp_path: Path
) -> None:
    size = max(path.stat().st_size for path in (unfinished / "checkpoints").iterdir())
    code, said = Command(arguments("synchronous", "--resume"), tmp_path, file_limit=size + 4096).ended()
    assert code == 1, said
    assert said.count("archsim: ") == 1
    assert "the last one is kept" in said
    assert "archsim run run/experiment.yaml -o run --resume" in said
    assert not list(unfinished.rglob("*.partial"))
    assert checkpoints(unfinished) >= 5
    code, said = Command(arguments("synchronous", "--resume"), tmp_path).ended()
    assert code == 0, said
    assert_same_results(unfinished, unbroken("synchronous"))


def test_a_disk_too_full_for_the_results(tmp_path: Path) -> None:
    few = ("training.max_mini_batches=2", "run.checkpoint_every=null")
    code, said = Command(arguments("gpipe", overrides=few), tmp_path, file_limit=30_000).ended()
    assert code == 1, said
    assert said.count("archsim: ") == 1
    assert "the results cannot be written to" in said
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob(".run*"))


def test_a_folder_that_is_deleted_ends_its_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = Command(arguments("asynchronous"), tmp_path)
    assert command.until(lambda: checkpoints(folder) >= 2)
    command.signal(signal.SIGSTOP)
    shutil.rmtree(folder)
    command.signal(signal.SIGCONT)
    code, said = command.ended()
    assert code == 1, said
    assert said.startswith("archsim: the folder of this run is gone: ")
    assert said.count("archsim: ") == 1
    assert not folder.exists()


def test_a_folder_that_another_run_took_stays_its_own(unfinished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    command = Command(arguments("asynchronous", folder="mine"), tmp_path)
    assert command.until(lambda: checkpoints(folder) >= 2)
    command.signal(signal.SIGSTOP)
    shutil.rmtree(folder)
    unfinished.rename(folder)
    before = contents(folder)
    command.signal(signal.SIGCONT)
    code, said = command.ended()
    assert code == 1, said
    assert said.startswith("archsim: the folder of this run is gone: ")
    assert contents(folder) == before


def test_two_runs_never_share_a_folder(unbroken: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = Command(arguments("asynchronous"), tmp_path)
    assert first.until(lambda: checkpoints(folder) >= 2)
    first.signal(signal.SIGSTOP)
    (tmp_path / "elsewhere").mkdir()
    for option in ((), ("--resume",), ("--force",)):
        code, said = Command(arguments("asynchronous", *option, folder=str(folder)), tmp_path / "elsewhere").ended()
        assert code == 2
        assert f"another archsim (process {first.process.pid} on " in said
    first.signal(signal.SIGCONT)
    code, said = first.ended()
    assert code == 0, said
    assert_same_results(folder, unbroken("asynchronous"))
