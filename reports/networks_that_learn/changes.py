"""What lets a network learn on devices: the same short run with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from experiments import NETWORKS, load_data
from study import markdown

import archsim

__all__ = ["CHANGES", "changes_page", "run_change"]

WORKLOAD = NETWORKS["resnet9_cifar10"].path
MINI_BATCHES = 150
#: What is changed, and how. Overrides with a layer's name are for that layer, with ``*`` for all that have a matrix.
CHANGES: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "exact cells, reads and updates": ("chip.device=ideal", "chip.io={is_perfect: true}"),
    "weights lie on the cells as large as they are": ("*.scaling=null",),
    "the classifier learns at the full rate": ("out.learning_rate_factor=1",),
    "10,000 states instead of 1,250": ("chip.device=idealized",),
}


def run_change(name: str, tiny: Sequence[str]) -> dict[str, object]:
    """Train for a short time with a change, and return its row."""
    layers = archsim.load_experiment(WORKLOAD).network.layers
    overrides = ["run.timeline=false", f"training.max_mini_batches={MINI_BATCHES}", *tiny]
    for override in CHANGES[name]:
        layer, _, rest = override.partition(".")
        chosen = [i for i, found in enumerate(layers) if layer == found.name or (layer == "*" and _scaled(found))]
        overrides += [f"network.layers.{i}.{rest}" for i in chosen] or [override]
    experiment = archsim.load_experiment(WORKLOAD, overrides, mode="coupled")
    run = archsim.simulate(experiment, data=load_data(experiment.data))
    return {
        "change": name,
        "mini_batches": run.metrics["mini_batches"],
        "train_loss": round(run.metrics["loss"], 3),
        "accuracy": round(100 * run.metrics["accuracy"], 2),
    }


def _scaled(layer: Any) -> bool:
    return getattr(layer, "scaling", None) is not None


def changes_page(rows: pd.DataFrame) -> str:
    """Return the section about changes, if any were run."""
    if rows.empty:
        return ""
    table = pd.DataFrame(
        {
            "change": rows.change,
            "training loss": [f"{loss:.3f}" for loss in rows.train_loss],
            "test accuracy [%]": [f"{accuracy:.2f}" for accuracy in rows.accuracy],
        }
    )
    return f"""
## What lets a network learn

`resnet9_cifar10` after {rows.mini_batches.iloc[0]} mini-batches under `synchronous`, with one thing changed at a time;
the loss is the mean over them, the accuracy that after them.

{markdown(table)}
"""
