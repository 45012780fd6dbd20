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


def test_lenet_is_measured_beside_a_product(convolution: ModuleType) -> None:
    (row,) = convolution.trainings(["training.max_mini_batches=3"], only="analog-sgd", repeats=1)
    assert row["seconds"] > 0
    assert row["sgemm_ns"] > 0
