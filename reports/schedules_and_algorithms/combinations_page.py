"""Page of the study: its table, its claims, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from combinations import ALGORITHMS, DEVICES, RATES, SCHEDULES, TARGETS
from study import MACHINE, Claim, claims_table, markdown

from archsim.units import format_duration, format_energy

__all__ = ["at_the_end", "claims", "page", "to_target"]

#: Algorithms whose U reaches what F and B read at the end of a mini-batch only.
ACCUMULATING = ("Tiki-Taka", "c-TTv2", "mixed precision")
NAMES = {"synchronous": "1F1B (`synchronous`)"}


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


def page(results: pd.DataFrame, learning: pd.DataFrame, rates: pd.DataFrame) -> str:
    """Return the text around tables and figures."""
    results = at_the_end(results, learning)
    targets = ", ".join(f"{value} % on {device}" for device, value in TARGETS.items())
    rated = ""
    if not rates.empty:
        shown = rates.assign(accuracy=rates.accuracy.map("{:.1f} %".format), used="")
        for row in shown.itertuples():
            if RATES[row.algorithm, row.device] == row.learning_rate:
                shown.loc[row.Index, "used"] = "yes"
        rated = markdown(shown.rename(columns={"learning_rate": "learning rate"}))
    return TEXT.format(
        machine=MACHINE,
        runs=len(results),
        seconds=results.cpu_s.max(),
        minutes=results.cpu_s.sum() / 60,
        targets=targets,
        table=markdown(pd.DataFrame(table(results, learning))),
        claims=claims_table(claims(results)),
        rates=rated,
        time=_percent(results.placeholder_time),
        energy=_percent(results.placeholder_energy),
        winners=markdown(pd.DataFrame(winners(results, learning))),
    )


def _percent(shares: pd.Series) -> str:
    low, high = 100 * shares.min(), 100 * shares.max()
    return f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %"


def _spread(values: pd.Series) -> str:
    return f"{values.mean():.1f} ± {values.std():.1f}" if len(values) > 1 else f"{values.mean():.1f}"


def _groups(results: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    for device in DEVICES:
        for algorithm in ALGORITHMS:
            for schedule in SCHEDULES:
                runs = results[
                    (results.device == device) & (results.algorithm == algorithm) & (results.schedule == schedule)
                ]
                if len(runs):
                    yield device, algorithm, schedule, runs


def table(results: pd.DataFrame, learning: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Yield a row for each device, algorithm and schedule."""
    reached = to_target(learning)
    for device, algorithm, schedule, runs in _groups(results):
        at = reached.loc[reached.index.isin([(device, algorithm, schedule, seed) for seed in runs.seed])]
        first = runs.iloc[0]
        late = ", ".join(f"{first[f'staleness_{stage}']:.1f}" for stage in range(3))
        some = f" ({len(at)} of {len(runs)})" if len(at) < len(runs) else ""
        yield {
            "device": device,
            "algorithm": algorithm,
            "schedule": NAMES.get(schedule, f"`{schedule}`"),
            "gradients": _gradients(results, runs),
            "staleness": late,
            "accuracy [%]": _spread(runs.accuracy),
            "seeds": str(len(runs)),
            "time": format_duration(runs.time_ps.mean()),
            "energy": format_energy(runs.energy_pj.mean()),
            "samples to target": f"{at.samples.mean():,.0f}{some}" if len(at) else "not reached",
            "time to target": format_duration(at.time_ps.mean()) + some if len(at) else "not reached",
            "energy to target": format_energy(at.energy_pj.mean()) + some if len(at) else "not reached",
        }


def _gradients(results: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Return whether runs end in the weights of `sequential`, where these are there."""
    keys = ["device", "algorithm", "seed"]
    pairs = runs.merge(results[results.schedule == "sequential"], on=keys, suffixes=("", "_sequential"))
    if pairs.empty:
        return "not compared"
    return "exact" if (pairs.weights == pairs.weights_sequential).all() else "stale"


def winners(results: pd.DataFrame, learning: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Yield who is best in what on each device, by means over seeds; to a target only who reaches it with all."""
    reached = to_target(learning).reset_index()
    for device in DEVICES:
        runs = results[results.device == device]
        if runs.empty:
            continue
        groups = runs.groupby(["algorithm", "schedule"])
        best = groups.accuracy.mean()
        row = {"device": device, "most accurate": _who(best, best.max(), "{:.1f} %".format)}
        there = reached[reached.device == device].groupby(["algorithm", "schedule"])
        full = there.seed.count() == groups.seed.count().reindex(there.seed.count().index)
        for column, name, shown in (
            ("samples", "fewest samples to target", "{:,.0f}".format),
            ("time_ps", "first at target", format_duration),
            ("energy_pj", "least energy to target", format_energy),
        ):
            means = there[column].mean()[full]
            row[name] = _who(means, means.min(), shown) if len(means) else "none reached it"
        yield row


def _who(means: pd.Series, best: float, shown: object) -> str:
    """Return the algorithm and the schedules within a part in a thousand of the best value."""
    near = means[(means - best).abs() <= 1e-3 * abs(best)]
    algorithm = near.index[0][0]
    schedules = ", ".join(f"`{schedule}`" for schedule in SCHEDULES if (algorithm, schedule) in near.index)
    return f"{algorithm}, {schedules}: {shown(best)}"  # type: ignore[operator]


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
        *(_better(results, device, better) for device, better in (("SoftBounds", 0.0), ("ReRam", 5.0))),
    ]


def _pairs(results: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Return the runs of two schedules beside each other, where both are there."""
    keys = ["device", "algorithm", "seed"]
    return results[results.schedule == one].merge(
        results[results.schedule == other], on=keys, suffixes=("", "_other"), how="inner"
    )


def _equal(results: pd.DataFrame, schedule: str, algorithms: tuple[str, ...], source: str) -> Claim:
    pairs = _pairs(results, schedule, "sequential")
    pairs = pairs[pairs.algorithm.isin(algorithms)]
    same = int((pairs.weights == pairs.weights_other).sum())
    words = f"`{schedule}` ends in the weights of `sequential`, bit for bit"
    if len(algorithms) < len(ALGORITHMS):
        words += f", with {', '.join(algorithms[:-1])} and {algorithms[-1]}"
    return Claim(words, source, f"{same} of {len(pairs)} pairs of runs", same == len(pairs) if len(pairs) else None)


def _stale_in_place(results: pd.DataFrame) -> Claim:
    runs = results[(results.schedule == "zb-h2") & (results.algorithm == "analog SGD")]
    pairs = _pairs(results, "zb-h2", "sequential")
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
    pairs = _pairs(results[results.device == device], "asynchronous", "synchronous")
    lost = pairs.accuracy_other - pairs.accuracy
    error = 2 * float(lost.std()) / len(lost) ** 0.5 if len(lost) > 2 else float("inf")
    words = f"{device}: staleness costs `asynchronous` less than a point of accuracy, over all algorithms"
    measured = f"{lost.mean():.2f} ± {error:.2f} points lost ({len(lost)} pairs of runs)"
    undecided = abs(float(lost.mean()) - 1) <= error
    return Claim(words, "", measured, None if undecided else bool(lost.mean() < 1))


def _as_fast(results: pd.DataFrame) -> Claim:
    pairs = _pairs(results, "zb-h2", "asynchronous")
    ratio = pairs.time_ps / pairs.time_ps_other
    words = "`zb-h2` takes as long as `asynchronous`, within a hundredth: exact gradients need not cost time"
    return Claim(words, "", _range(ratio, "of the time"), bool((abs(ratio - 1) < 0.01).all()) if len(pairs) else None)


def _gains(results: pd.DataFrame) -> Claim:
    pairs = _pairs(results, "sequential", "zb-h2")
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


def _better(results: pd.DataFrame, device: str, margin: float) -> Claim:
    runs = results[(results.device == device) & (results.schedule == "synchronous")]
    accuracy = runs.pivot_table(index="seed", columns="algorithm", values="accuracy")
    words = f"{device}: Tiki-Taka ends more accurate than analog SGD"
    words += f", by {margin:g} points or more" if margin else ""
    source = "a floor of analog SGD that Tiki-Taka does not have: arXiv:2406.12774"
    if not {"Tiki-Taka", "analog SGD"} <= set(accuracy.columns):
        return Claim(words, source, "not run", None)
    gained = (accuracy["Tiki-Taka"] - accuracy["analog SGD"]).dropna()
    error = 2 * float(gained.std()) / len(gained) ** 0.5 if len(gained) > 2 else float("inf")
    undecided = abs(float(gained.mean()) - margin) <= error
    measured = f"{gained.mean():.1f} ± {error:.1f} points ({len(gained)} seeds, 1F1B)"
    return Claim(words, source, measured, None if undecided else bool(gained.mean() > margin))


def _range(values: pd.Series, unit: str) -> str:
    return f"{values.min():.4f} to {values.max():.4f} {unit}" if len(values) else "not run"


TEXT = """# Schedules and training algorithms on one perceptron

The fully connected network 784-256-128-10 with tanh learns MNIST on the chip `reram-1024`, a layer a stage, under
four schedules, by four training algorithms, on two devices: {runs} runs, each with numbers, time and energy. A sample
moves the weights by the same step under every schedule (`training.average_over: mini-batch`), and runs of a seed
share devices, noise, initial weights and the order of images.

Thinned: 10,000 of the 60,000 training images, seen once; 2,500 test images; mini-batches of ten samples, in five
micro-batches of two.

```sh
python reports/schedules_and_algorithms/remake.py
```

It goes on from the rows that are in `results.csv` and `rates.csv`. A run took at most {seconds:.0f} s of one core,
all of them {minutes:.0f} minutes ({machine}).

## Who wins where

By means over seeds. The target is {targets}; it is reached where the mean of two points of the curve passes it, which
has one every 500 samples. Only who reaches it under every seed can win.

{winners}

![accuracy against simulated time for the four algorithms under two schedules, on either device](winners.svg)

![table of time and energy to the target accuracy](to_target.svg)

## All in one table

Accuracy on the test images over the last five points of the curve, which are 2,000 samples, mean ± standard deviation
over seeds. *Gradients* are exact where a run ends in the weights of the sequential one of its seed, bit for bit, by a
digest of all weights and biases. *Staleness* is the observed mean number of updates of the stage between F and B of a
micro-batch, at the first, second and third stage: it counts U actions, wherever these go.

{table}

[learning.csv](learning.csv) has the curves, [results.csv](results.csv) the rows.

### SoftBounds

![accuracy against samples, time and energy on SoftBounds](learning_softbounds.svg)

### ReRam

![accuracy against samples, time and energy on ReRam](learning_reram.svg)

## What it says

{claims}

Ranges behind ± in this table are two standard errors of differences, taken run by run; within them there is no
verdict.

- **Exact or stale.** A U of Tiki-Taka and c-TTv2 (gamma = 0) goes to an array that no F or B reads, a U of mixed
  precision to a digital sum. `zb-h2` may then put it wherever a stage would wait, and the weights stay those of
  `sequential`. Analog SGD writes the array that the next B reads: there `zb-h2` is a stale schedule, as
  `asynchronous` is.
- **Bubbles cost time, and little energy.** What a schedule changes in energy is leakage over the time that it takes;
  reads, pulses and conversions are the same in number. Nearly half the energy of all algorithms but mixed precision
  is that of the host port, which brings the images.
- **Mixed precision** gives pipelines little to do: of the 172 us that a mini-batch takes with `zb-h2`, the first
  stage computes outer products in its digital unit for 63 us and reads the gradient of 784 x 256 weights through the
  port of its buffer for 100 us, before its rows are written. That is also where its energy goes, most of it into the
  outer products.
- **c-TTv2** here moves one of 784 lines a mini-batch, so in 1,000 mini-batches each line of the first layer has been
  moved once or twice: it has barely begun
  ([docs/algorithms.md](../../docs/algorithms.md#how-long-it-takes-until-weights-are-written)). Tiki-Taka moves eight
  lines at a time. What c-TTv2 reaches in the end is not said here.

## Settings

- SoftBounds: `soft-bounds` with bounds of ±0.8 and a step of 0.001, as in arXiv:2406.12774. ReRam: `reram-sb`,
  aihwkit's fit to Gong et al. 2018 with its symmetric point subtracted, 1,000 states, and steps that vary by 375 %
  from pulse to pulse.
- Tiki-Taka: gamma = 0, eight lines a mini-batch. c-TTv2: `c-ttv2-paper` with `auto_granularity` 1000, a line a
  mini-batch, up to 31 pulses a transfer. Both, and mixed precision, transfer at the ends of mini-batches in actions
  of their own (`schedule.transfers: separate`).
- `zb-h2` rather than `zb-h1`: with five micro-batches and three stages none of its stages waits.
- Learning rates: the best of three to five for each algorithm and device under `synchronous` with a seed that the table does
  not use (11), without a clock, by 5,000 test images:

{rates}

{time} of the time and {energy} of the energy rest on placeholder constants of `reram-1024`, most of them of the
host port and of leakage; so ratios of energy between schedules say less than those of time.
"""
