"""Small experiments that several tests simulate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import archsim
from archsim import Run

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"


def digits(*overrides: str, mode: str | None = None) -> Run:
    """Simulate the digits workload, shortened."""
    short = ("training.max_mini_batches=24", "training.mini_batch=12", "run.evaluate_every=8", "data.test_samples=120")
    return archsim.simulate(archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", [*short, *overrides], mode))


def unit_pipeline(kind: str, stages: int, micro_batches: int, mini_batches: int, *overrides: str) -> Run:
    """Simulate the textbook pipeline."""
    overrides = (
        *overrides,
        f"schedule.kind={kind}",
        f"schedule.stages={stages}",
        f"schedule.micro_batches={micro_batches}",
        f"training.max_mini_batches={mini_batches}",
    )
    return archsim.simulate(archsim.load_experiment(WORKLOADS / "pipeline_unit.yaml", overrides, "timing"))


def chain(layers: Sequence[dict[str, Any]], **sections: Any) -> dict[str, Any]:
    """Return the document of a network of scalar layers on the unit chip with ideal devices and converters."""
    document: dict[str, Any] = {
        "network": {"input_shape": [1], "layers": list(layers), "loss": "mean-squared-error"},
        "chip": {"preset": "unit", "device": "ideal", "io": {"is_perfect": True}},
        "schedule": {"kind": "asynchronous", "stages": len(layers)},
    }
    return document | sections
