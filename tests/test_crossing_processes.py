"""Errors, experiments and results go from process to process, and are the same there."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import pkgutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim import Run, simulate
from archsim.analog.blocks import NotFiniteError
from archsim.errors import ArchsimError, DoesNotFit, InputError, InputErrors, Place, PluginError, Shortage
from archsim.results.workspace import FolderGone
from archsim.schedule.schedule_error import ScheduleError
from archsim.simulation import Interrupted

WORKLOAD = Path(__file__).resolve().parents[1] / "workloads" / "mlp_digits.yaml"
SHORT = ("training.max_mini_batches=2", "data.test_samples=30")


def through_pickle(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


WAYS = pytest.mark.parametrize("way", [through_pickle, copy.deepcopy, copy.copy])


@pytest.fixture(scope="module")
def run() -> Run:
    return simulate(archsim.load_experiment(WORKLOAD, SHORT))


def subclasses(base: type[ArchsimError]) -> Iterator[type[ArchsimError]]:
    yield base
    for found in base.__subclasses__():
        yield from subclasses(found)


def kinds_of_errors() -> list[type[ArchsimError]]:
    for module in pkgutil.walk_packages(archsim.__path__, "archsim."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    return sorted(
        {kind for kind in subclasses(ArchsimError) if kind.__module__.startswith("archsim.")},
        key=lambda kind: kind.__qualname__,
    )


def example(kind: type[ArchsimError], run: Run) -> ArchsimError:
    wrong = InputError(
        "too long",
        field="a.b",
        value=[1, "x"],
        allowed="2",
        remedy="shorten it",
        place=Place("experiment.yaml", 3, 4),
    )
    examples: dict[type[ArchsimError], Callable[[], ArchsimError]] = {
        InputError: lambda: wrong,
        InputErrors: lambda: InputErrors([wrong, wrong], there_are_more=True),
        DoesNotFit: lambda: DoesNotFit("too small", [Shortage("tiles", "3", "2", "a larger chip")], field="chip"),
        FolderGone: lambda: FolderGone(Path("runs/1")),
        Interrupted: lambda: Interrupted(run),
        PluginError: lambda: PluginError("loss 'mine'", ValueError("no"), "mine.py:3, in of"),
        NotFiniteError: lambda: NotFiniteError("x"),
        ScheduleError: lambda: ScheduleError("stage 0 does B0 before F0", "let F0 come before B0"),
    }
    return examples[kind]() if kind in examples else kind("what went wrong\n  remedy:  another way")


@WAYS
@pytest.mark.parametrize("kind", kinds_of_errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_the_same_elsewhere(kind: type[ArchsimError], way: Callable[[Any], Any], run: Run) -> None:
    error = example(kind, run)
    again = way(error)
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.args == error.args
    assert again.exit_code == error.exit_code
    assert again.__dict__.keys() == error.__dict__.keys()
    for name, value in error.__dict__.items():
        there = again.__dict__[name]
        # Errors within errors have no equality of their own.
        assert (list(map(str, there)) == list(map(str, value))) if name == "errors" else there == value


def test_an_error_about_what_cannot_leave_its_process_keeps_how_it_reads() -> None:
    error = InputError("not a number", field="x", value=threading.Lock())
    again = through_pickle(error)
    assert str(again) == str(error)
    assert str(through_pickle(again)) == str(error)


@WAYS
def test_experiment_and_run_are_equal_elsewhere(way: Callable[[Any], Any], run: Run, tmp_path: Path) -> None:
    for chip in ("reram-1024", "rpu-512", "unit"):
        experiment = archsim.load_experiment(WORKLOAD, [*SHORT, f"chip={chip}"])
        assert way(experiment) == experiment
        assert archsim.resolved(way(experiment)) == archsim.resolved(experiment)
    assert way(run) == run
    run.save(tmp_path / "run")
    loaded = archsim.load_run(tmp_path / "run")
    assert way(loaded) == run
    assert way(loaded).reprice(loaded.chip).metrics == run.metrics


def _simulate(overrides: list[str]) -> Run:
    return simulate(archsim.load_experiment(WORKLOAD, [*SHORT, *overrides]))


def _interrupt(experiment: archsim.Experiment) -> Run:
    return simulate(experiment, interrupted=lambda: True)


def test_a_process_pool_gives_back_runs_and_raises_errors(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # A spawned process imports this module by its name, from the path that it is given.
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1])
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        whole = pool.submit(_simulate, [])
        too_small = pool.submit(_simulate, ["chip.tiles=1"])
        stopped = pool.submit(_interrupt, archsim.load_experiment(WORKLOAD, SHORT))
        assert whole.result(300).metrics == run.metrics
        assert whole.result(300).timeline.equals(run.timeline)
        with pytest.raises(DoesNotFit) as unfit:
            too_small.result(300)
        with pytest.raises(DoesNotFit) as here:
            _simulate(["chip.tiles=1"])
        assert str(unfit.value) == str(here.value)
        assert unfit.value.shortages == here.value.shortages
        with pytest.raises(Interrupted) as end:
            stopped.result(300)
        assert end.value.run.observations.mini_batches == 0
