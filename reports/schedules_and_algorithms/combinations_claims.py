"""What the study says, and whether its rows say so."""

from __future__ import annotations

import pandas as pd
from combinations import ALGORITHMS, DEVICES, TARGETS
from study import Claim

__all__ = ["at_the_end", "claims", "side_by_side", "to_target"]

#: Algorithms whose U reaches what F and B read at the end of a mini-batch only.
ACCUMULATING = ("Tiki-Taka", "c-TTv2", "mixed precision")


#: Algorithms that are published to have no floor where analog SGD has one, and where.
FLOORLESS = {
    "Tiki-Taka": "a floor of analog SGD that Tiki-Taka does not have: arXiv:2406.12774",
    "c-TTv2": "matrices are programmed with less error than by in-memory SGD: arXiv:2303.04721",
}


def to_target(learning: pd.DataFrame) -> pd.DataFrame:
    """Return for each run the samples, time and energy at which the mean of two points in a row passes the target."""
    keys = ["device", "algorithm", "schedule", "seed"]
    mean = learning.groupby(keys).accuracy.transform(lambda curve: curve.rolling(2).mean())
    return learning[mean >= learning.device.map(TARGETS)].drop_duplicates(keys).set_index(keys)


def at_the_end(results: pd.DataFrame, learning: pd.DataFrame) -> pd.DataFrame:
    """Return results with the mean accuracy over the last five points of their curves: one alone is noisy."""
    keys = ["device", "algorithm", "schedule", "seed"]
    ends = learning.groupby(keys).accuracy.apply(lambda curve: curve.tail(5).mean()).reset_index()
    return results.drop(columns="accuracy").merge(ends, on=keys)


def side_by_side(results: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Return the runs of two schedules beside each other, where both are there."""
    keys = ["device", "algorithm", "seed"]
    return results[results.schedule == one].merge(
        results[results.schedule == other], on=keys, suffixes=("", "_other"), how="inner"
    )


def claims(results: pd.DataFrame) -> list[Claim]:
    """Return what the study says, and whether its rows say so."""
    return [
        _equal(results, "synchronous", tuple(ALGORITHMS), "arXiv:2410.15155"),
        _equal(results, "zb-h2", ACCUMULATING, "arXiv:2401.10241, for digital gradients"),
        _stale_in_place(results),
        *(_lost(results, device) for device in DEVICES if device in set(results.device)),
        _as_fast(results),
        _gains(results),
        _dear(results),
        *(
            _better(results, device, algorithm, margin)
            for algorithm in FLOORLESS
            for device, margin in (("SoftBounds", 0.0), ("ReRam", 5.0))
        ),
    ]


def _equal(results: pd.DataFrame, schedule: str, algorithms: tuple[str, ...], source: str) -> Claim:
    pairs = side_by_side(results, schedule, "sequential")
    pairs = pairs[pairs.algorithm.isin(algorithms)]
    same = int((pairs.weights == pairs.weights_other).sum())
    words = f"`{schedule}` ends in the weights of `sequential`, bit for bit"
    if len(algorithms) < len(ALGORITHMS):
        words += f", with {', '.join(algorithms[:-1])} and {algorithms[-1]}"
    return Claim(words, source, f"{same} of {len(pairs)} pairs of runs", same == len(pairs) if len(pairs) else None)


def _stale_in_place(results: pd.DataFrame) -> Claim:
    runs = results[(results.schedule == "zb-h2") & (results.algorithm == "analog SGD")]
    pairs = side_by_side(results, "zb-h2", "sequential")
    pairs = pairs[pairs.algorithm == "analog SGD"]
    late = sorted({(row.staleness_0, row.staleness_1, row.staleness_2) for row in runs.itertuples()})
    other = int((pairs.weights != pairs.weights_other).sum())
    measured = (
        f"staleness {', '.join(map(str, late))} updates by stage; weights differ in {other} of {len(pairs)} pairs"
    )
    # min(max(k - 2 s, 0), 2 (M - s) - 2) over the five micro-batches k of a mini-batch.
    holds = late == [(2.0, 0.6, 0.0)] and other == len(pairs) if len(pairs) else None
    return Claim("with in-place analog SGD `zb-h2` is stale: 2, 0.6 and 0 updates in the mean", "", measured, holds)


def _lost(results: pd.DataFrame, device: str) -> Claim:
    # Runs of 1F1B stand for those of `sequential`, whose weights they share.
    pairs = side_by_side(results[results.device == device], "asynchronous", "synchronous")
    lost = pairs.accuracy_other - pairs.accuracy
    error = 2 * float(lost.std()) / len(lost) ** 0.5 if len(lost) > 2 else float("inf")
    words = f"{device}: staleness costs `asynchronous` less than a point of accuracy, over all algorithms"
    measured = f"{lost.mean():.2f} ± {error:.2f} points lost ({len(lost)} pairs of runs)"
    undecided = abs(float(lost.mean()) - 1) <= error
    return Claim(words, "", measured, None if undecided else bool(lost.mean() < 1))


def _as_fast(results: pd.DataFrame) -> Claim:
    pairs = side_by_side(results, "zb-h2", "asynchronous")
    ratio = pairs.time_ps / pairs.time_ps_other
    words = "`zb-h2` takes as long as `asynchronous`, within two hundredths: exact gradients need not cost time"
    return Claim(words, "", _range(ratio, "of the time"), bool((abs(ratio - 1) < 0.02).all()) if len(pairs) else None)


def _gains(results: pd.DataFrame) -> Claim:
    pairs = side_by_side(results, "sequential", "zb-h2")
    gain = (pairs.time_ps / pairs.time_ps_other).groupby(pairs.algorithm).mean()
    words = "a pipeline without bubbles gains most with analog SGD and least with mixed precision"
    measured = ", ".join(f"{name} {gain[name]:.2f}" for name in ALGORITHMS if name in gain)
    known = len(gain) == len(ALGORITHMS)
    holds = bool(gain.idxmax() == "analog SGD" and gain.idxmin() == "mixed precision") if known else None
    return Claim(words, "", f"speed-up over `sequential`: {measured}", holds)


def _dear(results: pd.DataFrame) -> Claim:
    means = results[results.schedule == "asynchronous"].groupby("algorithm")[["time_ps", "energy_pj"]].mean()
    words = "a sample costs mixed precision more than five times the time and energy of any other algorithm"
    if len(means) < len(ALGORITHMS):
        return Claim(words, "", "not run", None)
    ratio = means.loc["mixed precision"] / means.drop("mixed precision").max()
    measured = f"{ratio.time_ps:.1f} times the time and {ratio.energy_pj:.1f} times the energy of the next one"
    return Claim(words, "", measured, bool((ratio > 5).all()))


def _better(results: pd.DataFrame, device: str, algorithm: str, margin: float) -> Claim:
    runs = results[(results.device == device) & (results.schedule == "synchronous")]
    accuracy = runs.pivot_table(index="seed", columns="algorithm", values="accuracy")
    words = f"{device}: {algorithm} ends more accurate than analog SGD"
    words += f", by {margin:g} points or more" if margin else ""
    source = FLOORLESS[algorithm]
    if not {algorithm, "analog SGD"} <= set(accuracy.columns):
        return Claim(words, source, "not run", None)
    gained = (accuracy[algorithm] - accuracy["analog SGD"]).dropna()
    error = 2 * float(gained.std()) / len(gained) ** 0.5 if len(gained) > 2 else float("inf")
    undecided = abs(float(gained.mean()) - margin) <= error
    measured = f"{gained.mean():.1f} ± {error:.1f} points ({len(gained)} seeds, 1F1B)"
    return Claim(words, source, measured, None if undecided else bool(gained.mean() > margin))


def _range(values: pd.Series, unit: str) -> str:
    return f"{values.min():.4f} to {values.max():.4f} {unit}" if len(values) else "not run"
