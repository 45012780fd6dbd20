"""Page of the study: its tables, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from combinations import ALGORITHMS, DEVICES, RATES, SCHEDULES, TARGETS
from combinations_claims import at_the_end, claims, side_by_side, to_target
from study import MACHINE, claims_table, markdown

from archsim.units import format_duration, format_energy

__all__ = ["page"]

NAMES = {"synchronous": "1F1B (`synchronous`)"}


def page(results: pd.DataFrame, learning: pd.DataFrame, rates: pd.DataFrame) -> str:
    """Return the text around tables and figures."""
    results = at_the_end(results, learning)
    targets = ", ".join(f"{value} % on {device}" for device, value in TARGETS.items())
    rated = ""
    if not rates.empty:
        shown = rates.assign(accuracy=rates.accuracy.map("{:.1f} %".format), used="")
        for row in shown.itertuples():
            if RATES[str(row.algorithm), str(row.device)] == row.learning_rate:
                shown.loc[row.Index, "used"] = "yes"
        rated = markdown(shown.rename(columns={"learning_rate": "learning rate"}))
    return TEXT.format(
        machine=MACHINE,
        runs=len(results),
        seconds=results.cpu_s.max(),
        minutes=results.cpu_s.sum() / 60,
        targets=targets,
        table=markdown(pd.DataFrame(table(results, learning))),
        differences=markdown(pd.DataFrame(differences(results))),
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


def differences(results: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Yield what stale schedules gain in accuracy over 1F1B, seed by seed, with two standard errors."""
    for device in DEVICES:
        for algorithm in ALGORITHMS:
            row = {"device": device, "algorithm": algorithm}
            for schedule in ("asynchronous", "zb-h2"):
                pairs = side_by_side(results, schedule, "synchronous")
                pairs = pairs[(pairs.device == device) & (pairs.algorithm == algorithm)]
                gained = pairs.accuracy - pairs.accuracy_other
                exact = len(pairs) and (pairs.weights == pairs.weights_other).all()
                row[f"`{schedule}`"] = "exact" if exact else _error(gained)
            yield row


def _error(values: pd.Series) -> str:
    if len(values) < 2:
        return f"{values.mean():+.1f}" if len(values) else "not run"
    return f"{values.mean():+.1f} ± {2 * values.std() / len(values) ** 0.5:.1f}"


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

## What staleness costs

Points of accuracy that the stale schedules gain over 1F1B (negative: that they lose), seed by seed, with two standard
errors. Of three seeds these hold the true difference in four cases of five, so one of these rows in five may be
chance:

{differences}

## What it says

{claims}

Ranges behind ± in this table are two standard errors of differences, taken run by run; within them there is no
verdict. Where no source stands beside a claim, it was written with the first rows in sight.

- **Exact or stale.** A U of Tiki-Taka and c-TTv2 (gamma = 0) goes to an array that no F or B reads, a U of mixed
  precision to a digital sum. `zb-h2` may then put it wherever a stage would wait, and the weights stay those of
  `sequential`. Analog SGD writes the array that the next B reads: there `zb-h2` is a stale schedule, as
  `asynchronous` is.
- **Bubbles cost time, and little energy.** What a schedule changes in energy is leakage over the time that it takes;
  reads, pulses and conversions are nearly the same in number. Nearly half the energy of all algorithms but mixed
  precision is that of the host port, which brings the images.
- **Mixed precision** gives pipelines little to do: of the 172 us that a mini-batch takes with `zb-h2`, the first
  stage computes outer products in its digital unit for 63 us and reads the gradient of 784 x 256 weights through the
  port of its buffer for 100 us, before its rows are written. That is also where its energy goes, most of it into the
  outer products.
- **c-TTv2** moves eight lines a mini-batch, as Tiki-Taka does, so that in 1,000 mini-batches each of the 784 lines of
  the first layer is moved ten times
  ([docs/algorithms.md](../../docs/algorithms.md#how-long-it-takes-until-weights-are-written)). aihwkit and the paper
  move one line at a time, more often: with one a mini-batch each line would be moved once or twice in this run. On
  ReRam its curve still rises at the end.

## Settings

- SoftBounds: `soft-bounds` with bounds of ±0.8 and a step of 0.001, as in arXiv:2406.12774. ReRam: `reram-sb`,
  aihwkit's fit to Gong et al. 2018 with its symmetric point subtracted, 1,000 states, and steps that vary by 375 %
  from pulse to pulse.
- Tiki-Taka: gamma = 0, eight lines a mini-batch. c-TTv2: `c-ttv2-paper` with eight lines a mini-batch, an
  accumulation length of 100 mini-batches (`auto_granularity`; the 1,000 vectors of aihwkit's presets for ReRAM), and
  up to 31 pulses for a cell and transfer, where the paper has one. Both, and mixed precision, transfer at the ends of
  mini-batches in actions of their own (`schedule.transfers: separate`).
- `zb-h2` rather than `zb-h1`: with five micro-batches and three stages none of its stages waits.
- Learning rates: the best of four or five for each algorithm and device under `synchronous` with a seed that the
  table does not use (11), without a clock, by 5,000 test images:

{rates}

{time} of the time and {energy} of the energy rest on placeholder constants of `reram-1024`, most of them of the host
port and of leakage; so ratios of energy between schedules say less than those of time.
"""
