"""Which runs the study consists of, and what is kept of each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, pairwise
from typing import Any

import numpy as np
from curvature import largest_eigenvalue

import archsim

__all__ = [
    "BLOCKS",
    "CYCLE_PS",
    "EARLY",
    "EVEN_RATE",
    "FEWER_STAGES",
    "MAIN_RATE",
    "MICRO_BATCH",
    "MICRO_BATCHES",
    "RATES",
    "STAGES",
    "Case",
    "cases",
    "run",
]

STAGES = (1, 2, 4, 8, 12, 16)
#: Those of the learning rates that only two seeds have.
FEWER_STAGES = (1, 4, 8, 16)
BLOCKS, WIDTH = 16, 64
#: Samples of a micro-batch, and micro-batches of a mini-batch: eight are what the published synchronous bars follow.
MICRO_BATCH, MICRO_BATCHES = 8, 8
#: Learning rates of the asynchronous pipeline.
RATES = (0.002, 0.003, 0.009, 0.001)
#: How many mini-batches a run trains.
LENGTH = 500
#: That of the bars, and that at which both pipelines make as much progress per sample.
MAIN_RATE, EVEN_RATE = 0.002, 0.003
SEEDS = (1, 2, 3)
#: Mini-batches after which the curvature is measured for the first time; the target is reached later.
EARLY = 100
CYCLE_PS = 1000
#: Training samples whose loss has the curvature that is measured.
CURVATURE_SAMPLES = 500
#: Mini-batches with which the study is tried out.
TINY = 4


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes
    ----------
    part : str
        Part of the study.
    schedule : str
        Kind of schedule.
    learning_rate : float
        Learning rate.
    stages : int
        Stages of the pipeline.
    mini_batches : int
        How long it trains.
    seed : int
        Seed of devices, initial weights, noise and the order of images.
    """

    part: str
    schedule: str
    learning_rate: float
    stages: int
    mini_batches: int
    seed: int


def cases(parts: Sequence[str], tiny: bool) -> list[Case]:
    """Return the runs of some parts, the most telling first; the first three, and short ones, to try it out."""
    found = []
    if "asynchronous" in parts:
        found += [stale(MAIN_RATE, stages, seed) for seed in SEEDS for stages in STAGES]
    if "exact" in parts:
        # Averaged over eight micro-batches, eight times the rate is as much progress per sample.
        rate = MICRO_BATCHES * EVEN_RATE
        found += [Case("exact", "synchronous", rate, stages, LENGTH, 1) for stages in STAGES]
        found += [Case("exact", "synchronous", rate, 1, LENGTH, seed) for seed in SEEDS[1:]]
        found += [Case("exact", "sequential", r, STAGES[-1], LENGTH, 1) for r in (rate, EVEN_RATE)]
    if "early" in parts:
        found += [Case("early", "asynchronous", rate, 1, EARLY, seed) for seed in SEEDS for rate in RATES]
    if "rates" in parts:
        found += [stale(EVEN_RATE, stages, seed) for seed in SEEDS for stages in STAGES]
        others = [rate for rate in RATES if rate not in (MAIN_RATE, EVEN_RATE)]
        found += [stale(rate, stages, seed) for seed in SEEDS[:2] for rate in others for stages in FEWER_STAGES]
    return [replace(case, mini_batches=TINY) for case in found[:3]] if tiny else found


def stale(learning_rate: float, stages: int, seed: int) -> Case:
    """Return a run of the asynchronous pipeline."""
    part = "asynchronous" if learning_rate == MAIN_RATE else "rates"
    return Case(part, "asynchronous", learning_rate, stages, LENGTH, seed)


def network() -> tuple[dict[str, Any], list[list[str]]]:
    """Return the residual perceptron and the layers of its blocks."""
    layers: list[dict[str, Any]] = [
        {"name": "block1", "kind": "linear", "features": WIDTH},
        {"name": "sum1", "kind": "tanh"},
    ]
    blocks = [["block1", "sum1"]]
    for k in range(2, BLOCKS):
        around = f"sum{k - 1}"
        layers += [
            {"name": f"block{k}", "kind": "linear", "features": WIDTH, "inputs": [around]},
            {"name": f"act{k}", "kind": "tanh"},
            {"name": f"sum{k}", "kind": "add", "inputs": [f"act{k}", around]},
        ]
        blocks.append([f"block{k}", f"act{k}", f"sum{k}"])
    layers.append({"name": f"block{BLOCKS}", "kind": "linear", "features": 10, "inputs": [f"sum{BLOCKS - 1}"]})
    blocks.append([f"block{BLOCKS}"])
    return {"name": "residual-perceptron", "input_shape": [784], "layers": layers}, blocks


def stage_borders(stages: int) -> list[int]:
    """Return the first block of each stage, counted from 0, and the number of blocks: as even as can be."""
    return [stage * BLOCKS // stages for stage in range(stages + 1)]


def document(case: Case, tiny: bool) -> dict[str, Any]:
    """Return the experiment of a run."""
    net, blocks = network()
    stages = [list(chain(*blocks[a:b])) for a, b in pairwise(stage_borders(case.stages))]
    schedule: dict[str, Any] = {"kind": case.schedule, "stages": stages, "micro_batches": MICRO_BATCHES}
    if case.schedule == "sequential" and case.learning_rate == EVEN_RATE:
        schedule["update"] = "immediate"
    return {
        "network": net,
        "chip": {"preset": "unit", "device": {"preset": "soft-bounds", "w_max": 0.8, "w_min": -0.8}},
        "data": {"name": "mnist", "samples": 400 if tiny else 60_000, "test_samples": 100 if tiny else 1000},
        "training": {
            "algorithm": "analog-sgd",
            "learning_rate": case.learning_rate,
            "average_over": "applied",
            "mini_batch": MICRO_BATCH * MICRO_BATCHES,
            "max_mini_batches": case.mini_batches,
        },
        "schedule": schedule,
        "run": {"seed": case.seed, "evaluate_every": 2 if tiny else 10, "timeline": False},
    }


#: All runs learn the same images.
load_data = cache(archsim.load_data)


def run(case: Case, tiny: bool) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Train, and return the row of the results and those of the learning curve.

    The row has the makespan in cycles, a digest of the weights, and for asynchronous runs the largest eigenvalue of the
    Hessian at the trained weights with the share of each block in its eigenvector.
    """
    experiment = archsim.load_experiment(document(case, tiny))
    data = load_data(experiment.data)
    result = archsim.simulate(experiment, data=data)
    key = dict(vars(case))
    curve = [
        {**key, "samples": r.samples, "cycles": r.time_ps // CYCLE_PS, "test_accuracy": r.test_accuracy}
        for r in result.learning.itertuples()
    ]
    digest = hashlib.sha256(b"".join(result.weights[name].tobytes() for name in sorted(result.weights)))
    row: dict[str, object] = {
        **key,
        "cycles": result.metrics["makespan_ps"] // CYCLE_PS,
        "weights": digest.hexdigest()[:16],
        "curvature": "",
        "shares": "",
    }
    if case.schedule == "asynchronous":
        weights = {name: values.astype(float) for name, values in result.weights.items()}
        x = data.train_inputs[:CURVATURE_SAMPLES].reshape(-1, 784).astype(float)
        value, shares = largest_eigenvalue(weights, x, np.asarray(data.train_targets[:CURVATURE_SAMPLES]), BLOCKS)
        row |= {"curvature": f"{value:.4g}", "shares": " ".join(f"{share:.4f}" for share in shares)}
    return row, curve
