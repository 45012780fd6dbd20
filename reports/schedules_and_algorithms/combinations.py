"""What the study runs: schedules, algorithms, devices, and the learning rates that were chosen for them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

import archsim

__all__ = [
    "ALGORITHMS",
    "DEVICES",
    "GRID",
    "KEY",
    "RATES",
    "RATE_KEY",
    "SCHEDULES",
    "SEEDS",
    "TARGETS",
    "Case",
    "cases",
    "rate_row",
    "train",
]

#: A mini-batch of ten samples has five micro-batches, the least with which no stage of `zb-h2` waits: 2 M - 1.
NETWORK = (
    "network.layers.1.kind=tanh",
    "network.layers.3.kind=tanh",
    "data.samples=10000",
    "data.test_samples=2500",
    "training.mini_batch=10",
    "training.average_over=mini-batch",
    "run.timeline=false",
)
#: Evaluations of the curve: mini-batches between two of them.
EVERY = "run.evaluate_every=50"
#: Test images by which a learning rate is judged, once: more than at each point of a curve.
JUDGES = "data.test_samples=5000"
TINY = ("data.samples=100", "data.test_samples=100", "run.evaluate_every=5")
SCHEDULES = ("sequential", "synchronous", "zb-h2", "asynchronous")
DEVICES = {
    "SoftBounds": "chip.device={preset: soft-bounds, w_max: 0.8, w_min: -0.8, dw_min: 0.001}",
    "ReRam": "chip.device=reram-sb",
}
#: Transfers fall due at the end of a mini-batch, so that U of `zb-h2` reaches what F and B read only there. Tiki-Taka
#: and c-TTv2 move as many lines. With a mini-batch of ten, 100 is the accumulation length of 1,000 vectors of aihwkit's
#: presets for ReRAM.
ALGORITHMS = {
    "analog SGD": "analog-sgd",
    "Tiki-Taka": "{kind: tiki-taka, gamma: 0, transfer_every: 1, units_in_mbatch: true, n_reads_per_transfer: 8}",
    "c-TTv2": (
        "{preset: c-ttv2-paper, gamma: 0, transfer_every: 1, units_in_mbatch: true, n_reads_per_transfer: 8, "
        "auto_granularity: 100, transfer_update: {desired_bl: 31}}"
    ),
    "mixed precision": "mixed-precision",
}
#: Learning rates that were tried for each algorithm, under `synchronous` and with a seed of its own.
GRID = {
    "analog SGD": (0.02, 0.05, 0.1, 0.2, 0.4),
    "Tiki-Taka": (0.1, 0.2, 0.4, 0.8),
    "c-TTv2": (0.02, 0.1, 0.5, 1.0, 2.0),
    "mixed precision": (0.02, 0.05, 0.1, 0.2, 0.4),
}
RATES = {
    ("analog SGD", "SoftBounds"): 0.05,
    ("analog SGD", "ReRam"): 0.2,
    ("Tiki-Taka", "SoftBounds"): 0.2,
    ("Tiki-Taka", "ReRam"): 0.4,
    ("c-TTv2", "SoftBounds"): 0.5,
    ("c-TTv2", "ReRam"): 0.5,
    ("mixed precision", "SoftBounds"): 0.05,
    ("mixed precision", "ReRam"): 0.1,
}
RATE_SEED, SEEDS = 11, (1, 2, 3)
#: Test accuracies, in percent, until which time and energy are compared.
TARGETS = {"SoftBounds": 80, "ReRam": 50}
KEY, RATE_KEY = ("device", "algorithm", "schedule", "seed"), ("device", "algorithm", "learning_rate")

load_data = cache(archsim.load_data)


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes
    ----------
    device, algorithm, schedule : str
        Of `DEVICES`, `ALGORITHMS` and `SCHEDULES`.
    seed : int
        Seed of devices, noise, initial weights and the order of samples.
    learning_rate : float
        Where none is given, that of `RATES`.
    """

    device: str
    algorithm: str
    schedule: str
    seed: int
    learning_rate: float

    @property
    def overrides(self) -> list[str]:
        """What makes the workload `mlp_mnist` this run."""
        transfers = "fused" if self.algorithm == "analog SGD" else "separate"
        return [
            *NETWORK,
            EVERY,
            DEVICES[self.device],
            f"training.algorithm={ALGORITHMS[self.algorithm]}",
            f"training.learning_rate={self.learning_rate}",
            f"schedule={{kind: {self.schedule}, stages: 3, micro_batches: 5, transfers: {transfers}}}",
            f"run.seed={self.seed}",
        ]


def cases(tiny: bool) -> list[Case]:
    """Return the runs of the table: all of the first seed, then of the others those first that nothing makes equal."""

    def order(case: Case) -> tuple[bool, bool, int]:
        twin = case.schedule == "sequential" or (case.schedule == "zb-h2" and case.algorithm != "analog SGD")
        return case.seed != SEEDS[0], twin, case.seed

    found = [
        Case(device, algorithm, schedule, seed, RATES[algorithm, device])
        for seed in (SEEDS[:1] if tiny else SEEDS)
        for device in (list(DEVICES)[:1] if tiny else DEVICES)
        for algorithm in ALGORITHMS
        for schedule in SCHEDULES
    ]
    return sorted(found, key=order)


def train(case: Case, tiny: bool) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Train a case with numbers, time and energy, and return its row and those of its learning curve."""
    run, seconds = _simulate(case, "coupled", TINY if tiny else ())
    metrics, key = run.metrics, {name: getattr(case, name) for name in KEY}
    curve = [
        {
            **key,
            "samples": row.samples,
            "time_ps": row.time_ps,
            "energy_pj": round(row.energy_pj),
            "train_loss": round(row.train_loss, 5),
            "accuracy": round(100 * row.test_accuracy, 2),
        }
        for row in run.learning.itertuples()
    ]
    row = {
        **key,
        "accuracy": curve[-1]["accuracy"],
        "loss": round(metrics["loss"], 5),
        "time_ps": metrics["makespan_ps"],
        "energy_pj": round(metrics["energy_pj"]),
        "leakage_pj": round(metrics["leakage_pj"]),
        "bubble": round(metrics["bubble_fraction"], 4),
        **{f"staleness_{stage}": round(late, 4) for stage, late in enumerate(metrics["staleness"])},
        "stored": max(metrics["stored_max"]),
        "pulses": sum(metrics["pulses"].values()),
        "placeholder_time": round(metrics["placeholder_share"]["time"], 3),
        "placeholder_energy": round(metrics["placeholder_share"]["energy"], 3),
        "weights": digest(run),
        "cpu_s": round(seconds, 1),
    }
    return row, curve


def rate_row(device: str, algorithm: str, learning_rate: float, tiny: bool) -> dict[str, object]:
    """Train without a clock at a learning rate, and return what came out."""
    case = Case(device, algorithm, "synchronous", RATE_SEED, learning_rate)
    run, _ = _simulate(case, "numerics", TINY if tiny else (JUDGES,))
    found = {"device": device, "algorithm": algorithm, "learning_rate": learning_rate}
    return {**found, "accuracy": round(100 * run.metrics["accuracy"], 2)}


def digest(run: archsim.Run) -> str:
    """Return the beginning of the SHA-256 of all weights, biases and scales: equal for equal bits alone."""
    found = hashlib.sha256()
    for name in sorted(run.weights):
        found.update(name.encode())
        found.update(np.ascontiguousarray(run.weights[name]).tobytes())
    return found.hexdigest()[:16]


def _simulate(case: Case, mode: str, overrides: Sequence[str]) -> tuple[archsim.Run, float]:
    begin = time.process_time()
    experiment = archsim.load_experiment("mlp_mnist", [*case.overrides, *overrides], mode=mode)
    run = archsim.simulate(experiment, data=load_data(experiment.data))
    return run, time.process_time() - begin
