"""What the runs say: samples and clock cycles to the target, speed-ups, and how near steps are to their limits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from curvature import largest_step, scalar_limit
from pipelines import EVEN_RATE, MICRO_BATCH, MICRO_BATCHES, STAGES, stage_borders

__all__ = ["PUBLISHED", "TARGETS", "WINDOW", "both_to_target", "exact_speed_up", "steps", "to_target"]

#: Test accuracies that are asked for; what is told of the target is the mean over these.
TARGETS = (0.78, 0.79, 0.80, 0.81, 0.82)
#: A run has an accuracy when the mean of so many evaluations in a row has it, which are ten mini-batches apart.
WINDOW = 5
#: Bars of the authors' figure ``2024-pipeline.png``, read off its pixels: synchronous, asynchronous.
PUBLISHED = {1: (1.00, 1.00), 2: (1.78, 1.90), 4: (2.91, 3.95), 8: (4.27, 7.53), 12: (5.05, 5.82), 16: (5.57, 7.76)}


def reached(curve: pd.DataFrame, targets: Sequence[float]) -> tuple[float, float]:
    """Return samples and clock cycles after which a run reached its targets on average, or twice nan if it did not."""
    accuracy = curve.test_accuracy.rolling(WINDOW).mean()
    found = [curve[accuracy >= target] for target in targets]
    if any(rows.empty for rows in found):
        return np.nan, np.nan
    return float(np.mean([r.samples.iloc[0] for r in found])), float(np.mean([r.cycles.iloc[0] for r in found]))


def to_target(learning: pd.DataFrame, targets: Sequence[float] = TARGETS) -> pd.DataFrame:
    """Return samples and clock cycles to the target of each asynchronous run, and its speed-up.

    The speed-up is over training without a pipeline, on as many stages: 2 M cycles for each micro-batch, and the
    samples of one stage with the same seed and rate, since no pipeline and one stage give equal weights. `least` is
    what a run that did not reach the target needs at least.
    """
    found = []
    curves = learning[(learning.schedule == "asynchronous") & (learning.part != "early")]
    for (rate, stages, seed), curve in curves.groupby(["learning_rate", "stages", "seed"]):
        samples, cycles = reached(curve, targets)
        row = {"learning_rate": rate, "stages": stages, "seed": seed, "samples": samples, "target_cycles": cycles}
        found.append({**row, "least": curve.samples.iloc[-1]})
    columns = ["learning_rate", "stages", "seed", "samples", "target_cycles", "least"]
    table = pd.DataFrame(found, columns=columns)
    alone = table[table.stages == 1][["learning_rate", "seed", "samples"]]
    table = table.merge(alone.rename(columns={"samples": "samples_alone"}), on=["learning_rate", "seed"])
    table["speed_up"] = 2 * table.stages * table.samples_alone / MICRO_BATCH / table.target_cycles
    table["of_linear"] = table.speed_up / table.stages
    table["ratio"] = table.samples / table.samples_alone
    return table


def both_to_target(learning: pd.DataFrame) -> pd.DataFrame:
    """Return the clock cycles to the target of both pipelines with as much progress per sample, for each seed.

    Samples of the synchronous pipeline are those of one stage, since weights are equal for all numbers of stages.
    """
    stale = to_target(learning)
    stale = stale[stale.learning_rate == EVEN_RATE][["stages", "seed", "target_cycles"]]
    exact = learning[(learning.schedule == "synchronous") & (learning.stages == 1)]
    samples = {seed: reached(curve, TARGETS)[0] for seed, curve in exact.groupby("seed")}
    mini_batches = stale.seed.map(samples).astype(float) / (MICRO_BATCH * MICRO_BATCHES)
    cycles = mini_batches * 2 * (stale.stages + MICRO_BATCHES - 1)
    return stale.assign(exact_cycles=cycles, faster=cycles / stale.target_cycles)


def exact_speed_up(results: pd.DataFrame) -> dict[int, float]:
    """Return the speed-up of the synchronous pipeline: samples are equal, so it is that of the cycles."""
    runs = results[(results.schedule == "synchronous") & (results.seed == 1)]
    return {
        int(r.stages): 2 * r.stages * MICRO_BATCHES * r.mini_batches / r.cycles
        for r in runs.sort_values("stages").itertuples()
    }


def steps(results: pd.DataFrame) -> pd.DataFrame:
    """Return alpha lambda of the network of one stage, and its limits in a pipeline, for each rate, seed and time.

    `limit_first` takes all of the eigenvector to be in the first stage, `limit_shares` where it is measured to be.
    """
    found = []
    runs = results[(results.schedule == "asynchronous") & (results.stages == 1)]
    for run in runs.itertuples():
        shares = [float(share) for share in str(run.shares).split()]
        for stages in STAGES:
            parts = [sum(shares[a:b]) for a, b in pairwise(stage_borders(stages))]
            total = sum(parts)
            found.append(
                {
                    "learning_rate": run.learning_rate,
                    "seed": run.seed,
                    "mini_batches": run.mini_batches,
                    "stages": stages,
                    "step": run.learning_rate * run.curvature,
                    "limit_first": scalar_limit(stages - 1),
                    "limit_shares": largest_step([part / total for part in parts]),
                }
            )
    columns = ["learning_rate", "seed", "mini_batches", "stages", "step", "limit_first", "limit_shares"]
    return pd.DataFrame(found, columns=columns)
