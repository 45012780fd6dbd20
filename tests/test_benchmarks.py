"""Benchmarks call the engine's own parts, which change: a short measurement of each kind of row still works."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def convolution(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of convolutions, which is no part of the installed package."""
    monkeypatch.syspath_prepend(ROOT)
    return import_module("benchmarks.convolution")


def test_convolutions_are_measured_beside_linear_layers(convolution: ModuleType) -> None:
    rows = list(convolution.layers(budget=0.0))
    assert {row["phase"] for row in rows} == {"forward", "backward", "update"}
    assert all(row["ratio"] > 0 and row["convolution_ns"] > 0 for row in rows)


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of the executor."""
    monkeypatch.syspath_prepend(ROOT)
    return import_module("benchmarks.executor")


def test_actions_are_measured_beside_timeouts(executor: ModuleType) -> None:
    row = executor.actions(30, repeats=1)
    assert row["actions_per_minute"] > 0
    assert row["timeouts"] > 0
    assert row["slices_per_action"] > 3  # Three layers, each of whose units is traced.
    assert executor.long_pipeline("unit", repeats=1, micro_batches=20)["seconds"] > 0


def test_a_long_run_keeps_no_more_in_memory_than_a_short_one_but_its_newest_slices(executor: ModuleType) -> None:
    """Slices are written by the block, of 3 MB. In memory those of three times as many more would take 10 MB."""
    short, long = executor.memory(750, times=4)["peak_bytes"]
    assert long - short < 2 * 2**16 * 6 * 8


def test_lenet_is_measured_beside_a_product(convolution: ModuleType) -> None:
    (row,) = convolution.trainings(["training.max_mini_batches=3"], only="analog-sgd", repeats=1)
    assert row["seconds"] > 0
    assert row["sgemm_ns"] > 0
