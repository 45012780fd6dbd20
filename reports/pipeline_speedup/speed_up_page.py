"""The figure and the text of the study."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pipelines import EARLY, EVEN_RATE, FEWER_STAGES, MAIN_RATE, MICRO_BATCHES, STAGES
from speed_ups import PUBLISHED, TARGETS, WINDOW, both_to_target, exact_speed_up, steps, to_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from study import MACHINE, Claim, claims_table, figure, markdown

__all__ = ["claims", "draw", "page"]

COLOURS = {0.001: "C2", 0.002: "C0", 0.003: "C4", 0.009: "C3"}


def spread(values: pd.Series, digits: int = 2) -> str:
    """Return mean and standard deviation over the seeds that reached the target."""
    found = values.dropna()
    if found.empty:
        return "not reached"
    missed = f" ({len(found)} of {len(values)} seeds)" if len(found) < len(values) else ""
    return f"{found.mean():.{digits}f} +- {found.std() if len(found) > 1 else 0.0:.{digits}f}{missed}"


def claims(results: pd.DataFrame, learning: pd.DataFrame) -> list[Claim]:
    """Return what was published or derived, and whether it came out."""
    return [*exact_claims(results), *stale_claims(results, learning)]


def exact_claims(results: pd.DataFrame) -> list[Claim]:
    """Return the claims on runs with exact gradients."""
    speed_ups = exact_speed_up(results)
    furthest = max((abs(speed_ups[m] - PUBLISHED[m][0]) for m in speed_ups), default=np.nan)
    runs = results[(results.seed == 1) & (results.part != "early")]
    alike = runs[(runs.part == "exact") & (runs.learning_rate != EVEN_RATE)]
    single = runs[(runs.learning_rate == EVEN_RATE) & ((runs.schedule == "sequential") | (runs.stages == 1))]
    return [
        Claim(
            "synchronous: speed-up in clock cycles at 1 to 16 stages within the reading error of 0.01 (F)",
            ", ".join(f"{PUBLISHED[m][0]:.2f}" for m in STAGES),
            ", ".join(f"{speed_ups[m]:.3f}" for m in speed_ups) or "not run",
            bool(furthest <= 0.01) if len(speed_ups) == len(STAGES) else None,
        ),
        Claim(
            "synchronous: weights at 1 to 16 stages and without a pipeline equal, bit for bit",
            "follows from the schedule (D)",
            counted(alike),
            bool(alike.weights.nunique() == 1) if len(alike) > len(STAGES) else None,
        ),
        Claim(
            "asynchronous on one stage and 16 stages without a pipeline: weights equal, bit for bit",
            "follows from the schedule (D)",
            counted(single),
            bool(single.weights.nunique() == 1) if len(single) == 2 else None,
        ),
    ]


def counted(runs: pd.DataFrame) -> str:
    """Return how many different sets of weights some runs end in."""
    different = runs.weights.nunique()
    return f"{different} set{'' if different == 1 else 's'} of weights in {len(runs)} runs"


def stale_claims(results: pd.DataFrame, learning: pd.DataFrame) -> list[Claim]:
    """Return the claims on runs with stale gradients."""
    table = to_target(learning)
    main = table[table.learning_rate == MAIN_RATE]
    complete = len(main) == 3 * len(STAGES)
    shares = main.pivot(index="seed", columns="stages", values="of_linear")
    speed_ups = main.pivot(index="seed", columns="stages", values="speed_up")
    means, spreads = speed_ups.mean(), speed_ups.std()
    few = [at_least(shares[m] - 0.85) for m in (2, 4, 8)] if complete else []
    many = [at_least(shares[8] - shares[m]) for m in (12, 16)] if complete else []
    made = [
        Claim(
            "asynchronous: at least 0.85 of linear at 2, 4 and 8 stages (F: near-linear)",
            "0.95, about 1, 0.94",
            ", ".join(spread(shares[m]) for m in (2, 4, 8) if m in shares),
            together(few),
        ),
        Claim(
            "asynchronous: the curve bends, further from linear at 12 and 16 stages than at 8 (F: half of linear)",
            "0.485, 0.485",
            ", ".join(spread(shares[m]) for m in (12, 16) if m in shares),
            together(many),
        ),
        Claim(
            "asynchronous: the size of the step, speed-up at 12 and 16 stages as published within two standard "
            "deviations and the reading error of 0.05 (F)",
            ", ".join(f"{PUBLISHED[m][1]:.2f}" for m in (12, 16)),
            ", ".join(spread(speed_ups[m]) for m in (12, 16) if m in speed_ups),
            bool(all(abs(means[m] - PUBLISHED[m][1]) <= 2 * spreads[m] + 0.05 for m in (12, 16))) if complete else None,
        ),
    ]
    return [*made, *limit_claims(nearness(results, table), table)]


def limit_claims(near: pd.DataFrame, table: pd.DataFrame) -> list[Claim]:
    """Return the claims on steps and their limit, over all rates and numbers of stages."""
    published = "alpha lambda <= 2 sin(pi / (4 tau + 2)) (D)"
    done = len(near) == 2 * len(STAGES) + 2 * len(FEWER_STAGES)
    needed = table.assign(ratio=table.samples.fillna(table.least) / table.samples_alone)
    ratios = {key: runs.ratio for key, runs in needed.groupby(["learning_rate", "stages"])}
    inside, outside = near[near.nearness <= 0.5], near[near.nearness > 1]
    few = [at_least(1.1 - ratios[r.learning_rate, r.stages]) for r in inside.itertuples()]
    many = [at_least(ratios[r.learning_rate, r.stages] - 1.1) for r in outside.itertuples()]
    order = near.nearness.rank().corr(near.ratio.rank())
    return [
        Claim(
            "alpha lambda up to half of its limit: at most a tenth more samples than one stage needs, at any rate",
            published,
            f"{ranged(inside.ratio)} times the samples",
            together(few) if done else None,
        ),
        Claim(
            "alpha lambda beyond its limit: more than a tenth more samples than one stage needs, at any rate",
            published,
            f"{ranged(outside.ratio)} times the samples",
            together(many) if done else None,
        ),
        Claim(
            "samples to the target rise with alpha lambda over its limit, at all rates: rank correlation 0.9 or more",
            published,
            f"{order:.2f}",
            bool(order >= 0.9) if done else None,
        ),
    ]


def at_least(values: pd.Series) -> bool | None:
    """Return whether the mean over seeds is positive, or None where that is within two standard errors of nothing."""
    found = values.dropna()
    error = float(found.std()) / len(found) ** 0.5 if len(found) > 1 else np.inf
    return None if abs(found.mean()) <= 2 * error else bool(found.mean() > 0)


def together(verdicts: Sequence[bool | None]) -> bool | None:
    """Return the verdict on several parts of a claim: one that fails is enough, and all have to hold."""
    if False in verdicts:
        return False
    return True if verdicts and None not in verdicts else None


def ranged(values: pd.Series) -> str:
    """Return the least and the largest of some numbers."""
    return f"{values.min():.2f} to {values.max():.2f}" if len(values) else "none"


def nearness(results: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return alpha lambda over its limit beside the samples that are needed, for each rate and number of stages.

    A run that did not reach the target counts with the samples it was given, which it needs at least.
    """
    early = steps(results)
    early = early[early.mini_batches == EARLY]
    early = early.assign(nearness=early.step / early.limit_shares, nearness_first=early.step / early.limit_first)
    shown = early.groupby(["learning_rate", "stages"])[["nearness", "nearness_first"]].mean()
    needed = table.assign(ratio=table.samples.fillna(table.least) / table.samples_alone)
    needed = needed.groupby(["learning_rate", "stages"])[["ratio"]].mean()
    return shown.join(needed, how="inner").reset_index()


def draw(path: Path, results: pd.DataFrame, learning: pd.DataFrame) -> None:
    """Draw the bars of the speed-up, the share of linear for each rate, and the samples against the limit."""
    table = to_target(learning)
    with figure(path, 10.5, 3.4) as drawn:
        bars, bend, limit = drawn.subplots(1, 3, width_ratios=(1.5, 1, 1))
        draw_bars(bars, results, table)
        draw_bend(bend, results, table)
        draw_limit(limit, results, table)


def draw_bars(axes: Axes, results: pd.DataFrame, table: pd.DataFrame) -> None:
    """Draw speed-ups beside the published ones."""
    places = np.arange(len(STAGES))
    exact = exact_speed_up(results)
    main = table[table.learning_rate == MAIN_RATE].groupby("stages").speed_up
    axes.plot(places, STAGES, "k.-", lw=1, label="linear")
    look = {"width": 0.2, "lw": 0.8}
    published = {"color": "white", "edgecolor": ("C1", "C0"), "hatch": "////"}
    for kind, (name, colour) in enumerate((("synchronous", "C1"), ("asynchronous", "C0"))):
        at = places + (kind - 0.5) * 0.42
        told = [PUBLISHED[m][kind] for m in STAGES]
        axes.bar(at - 0.1, told, label=f"{name}, published", **look, **(published | {"edgecolor": colour}))
        if kind == 0:
            axes.bar(at + 0.1, [exact.get(m, 0) for m in STAGES], color=colour, label=f"{name}, simulated", **look)
        else:
            means, spreads = main.mean().reindex(STAGES), main.std().reindex(STAGES)
            axes.bar(at + 0.1, means, yerr=spreads, color=colour, capsize=2, label=f"{name}, simulated", **look)
    axes.set_xticks(places, [str(m) for m in STAGES])
    axes.set(xlabel="stages", ylabel="speed-up in clock cycles to the target")
    axes.set_title(rf"published and simulated, the latter with $\alpha$ = {MAIN_RATE}", fontsize=9)
    axes.legend(fontsize=7)


def draw_bend(axes: Axes, results: pd.DataFrame, table: pd.DataFrame) -> None:
    """Draw the share of linear against stages, and where the limit is crossed."""
    early = steps(results)
    early = early[early.mini_batches == EARLY].groupby(["learning_rate", "stages"])[["step", "limit_shares"]].mean()
    for rate, runs in table.groupby("learning_rate"):
        found = runs.assign(of_linear=runs.of_linear.fillna(0)).groupby("stages").of_linear
        colour = COLOURS[float(rate)]
        axes.errorbar(
            found.mean().index,
            found.mean(),
            found.std(),
            fmt="o-",
            ms=3,
            capsize=2,
            color=colour,
            label=rf"$\alpha$ = {rate}",
        )
        if rate in early.index.get_level_values(0):
            own = early.loc[rate]
            room = np.log(own.step / own.limit_shares)
            if room.min() < 0 < room.max():
                axes.axvline(float(np.interp(0, room, room.index)), color=colour, ls=":", lw=1)
    axes.set(xlabel="stages", ylabel="speed-up / linear", ylim=(0, 1.1))
    axes.set_title("by learning rate; dotted: limit crossed", fontsize=9)
    axes.set_xticks(STAGES)
    axes.grid(alpha=0.3)
    if not table.empty:
        axes.legend(fontsize=7)


def draw_limit(axes: Axes, results: pd.DataFrame, table: pd.DataFrame) -> None:
    """Draw the samples that are needed against how near the step is to its limit."""
    near = nearness(results, table)
    for rate, runs in near.groupby("learning_rate"):
        axes.plot(runs.nearness, runs.ratio, "o", ms=4, color=COLOURS[float(rate)], label=rf"$\alpha$ = {rate}")
        for run in runs.itertuples():
            axes.annotate(str(run.stages), (run.nearness, run.ratio), (2, 3), textcoords="offset points", fontsize=6)
    axes.axvline(1, color="k", lw=0.8, ls=":")
    axes.set_title("samples against the limit", fontsize=9)
    axes.margins(x=0.12, y=0.1)
    axes.set(xscale="log", xlabel=r"$\alpha \lambda$ / its limit", ylabel="samples to target / those of one stage")
    axes.grid(alpha=0.3)
    if not near.empty:
        axes.legend(fontsize=7, loc="upper left")


def speed_ups(results: pd.DataFrame, learning: pd.DataFrame) -> pd.DataFrame:
    """Return simulated beside published speed-ups."""
    table, exact = to_target(learning), exact_speed_up(results)
    main = table[table.learning_rate == MAIN_RATE]
    rows = []
    for stages in STAGES:
        found = main[main.stages == stages]
        rows.append(
            {
                "stages": stages,
                "synchronous, published (F)": f"{PUBLISHED[stages][0]:.2f}",
                "MB / (M + B - 1) (D)": f"{stages * MICRO_BATCHES / (stages + MICRO_BATCHES - 1):.3f}",
                "synchronous": f"{exact[stages]:.3f}" if stages in exact else "not run",
                "asynchronous, published (F)": f"{PUBLISHED[stages][1]:.2f}",
                "asynchronous": spread(found.speed_up),
                "of linear": spread(found.of_linear),
                "samples to target": spread(found.samples, 0),
                "clock cycles to target": spread(found.target_cycles, 0),
            }
        )
    return pd.DataFrame(rows)


def limits(results: pd.DataFrame, learning: pd.DataFrame) -> pd.DataFrame:
    """Return steps, limits and samples for each rate and number of stages."""
    table = to_target(learning)
    found = steps(results)
    rows = []
    for (rate, stages), runs in table.groupby(["learning_rate", "stages"]):
        own = found[(found.learning_rate == rate) & (found.stages == stages)]
        early, late = own[own.mini_batches == EARLY], own[own.mini_batches != EARLY]
        after = results[
            (results.schedule == "asynchronous") & (results.learning_rate == rate) & (results.stages == stages)
        ]
        after = after[after.mini_batches != EARLY]
        rows.append(
            {
                "alpha": rate,
                "stages": stages,
                "alpha lambda, early": f"{early.step.mean():.3f}",
                "at the end": f"{late.step.mean():.3f}",
                "trained in this pipeline": f"{rate * after.curvature.astype(float).mean():.3f}",
                "2 sin(pi / (4 tau + 2))": f"{own.limit_first.mean():.3f}",
                "limit with shares, early": f"{early.limit_shares.mean():.3f}",
                "samples / those of one stage": spread(runs.ratio),
            }
        )
    return pd.DataFrame(rows)


def overall(learning: pd.DataFrame) -> pd.DataFrame:
    """Return clock cycles to the target of both pipelines."""
    table = both_to_target(learning)
    rows = [
        {
            "stages": stages,
            "synchronous, clock cycles": spread(runs.exact_cycles, 0),
            "asynchronous, clock cycles": spread(runs.target_cycles, 0),
            "asynchronous is faster by": spread(runs.faster),
        }
        for stages, runs in table.groupby("stages")
    ]
    return pd.DataFrame(rows)


def by_rate(learning: pd.DataFrame) -> pd.DataFrame:
    """Return clock cycles to the target for each rate, and the speed-up with the best rate at each number of stages."""
    table = to_target(learning)
    # A mean over the seeds that reached the target would favour rates with which some do not.
    cycles = table.groupby(["stages", "learning_rate"]).target_cycles.apply(lambda c: c.mean(skipna=False)).unstack(0)
    ran = set(zip(table.learning_rate, table.stages, strict=True))
    rows = [
        {"alpha": f"{rate}"}
        | {str(m): "not reached" if np.isnan(c) else f"{c:.0f}" for m, c in row.items() if (rate, m) in ran}
        for rate, row in cycles[[m for m in STAGES if m in cycles]].iterrows()
    ]
    least = cycles.min()
    fastest = {str(m): f"{m * least[1] / least[m]:.2f}" for m in STAGES if m in cycles}
    shown = pd.DataFrame([*rows, {"alpha": "speed-up at the best rate"} | fastest])
    shown = shown[["alpha", *(str(m) for m in STAGES if str(m) in shown)]]
    return shown.fillna("not run").rename(columns={"1": "1 stage"} | {str(m): f"{m} stages" for m in STAGES[1:]})


def other_targets(learning: pd.DataFrame) -> pd.DataFrame:
    """Return the share of linear for several targets."""
    rows = []
    for target in (0.76, 0.78, 0.80, 0.82, 0.83, 0.84, 0.85):
        table = to_target(learning, [target])
        main = table[table.learning_rate == MAIN_RATE]
        rows.append(
            {"target": f"{target:.0%}"}
            | {
                f"{stages} stage{'s' if stages > 1 else ''}": spread(runs.of_linear)
                for stages, runs in main.groupby("stages")
            }
        )
    return pd.DataFrame(rows)


def page(results: pd.DataFrame, learning: pd.DataFrame) -> str:
    """Return the text around tables and figure."""
    return TEXT.format(
        machine=MACHINE,
        targets_mean=f"{TARGETS[0]:.0%} to {TARGETS[-1]:.0%}",
        window=WINDOW,
        early=EARLY,
        main=MAIN_RATE,
        even=EVEN_RATE,
        claims=claims_table(claims(results, learning)),
        speed_ups=markdown(speed_ups(results, learning)),
        limits=markdown(limits(results, learning)),
        rates=markdown(by_rate(learning)),
        exact=markdown(overall(learning)),
        targets=markdown(other_targets(learning)),
    )


TEXT = """# Speed-up against stages, synchronous and asynchronous

The bars of arXiv:2410.15155, *Pipeline Gradient-based Model Training on Analog In-memory Accelerators*: how much
faster analog SGD trains in a pipeline of 1 to 16 stages than without one, with a synchronous pipeline (Analog-SGD-SP)
and an asynchronous one (Analog-SGD-AP). Made by `python reports/pipeline_speedup/remake.py` ({machine}).

![speed-up, share of linear, samples against the limit](speedup.svg)

{speed_ups}

Status of published values: (F) read off the authors' figure, whose pixels leave an error of 0.01 to 0.05 (the top of
the asynchronous bar at 4 stages is hidden; 3.93 to 4.0); (D) derived from the schedule. Networks, data, devices and
learning rates of the published bars are not known, so those of the asynchronous pipeline are compared in shape: that
the curve bends comes out, how far it drops does not. At 12 and 16 stages the published bars are much lower than the
simulated ones. Means and standard deviations over three seeds; within two standard errors there is no verdict.

{claims}

## What is trained

A perceptron on MNIST of 16 blocks, h_1 = tanh(W_1 x), h_k = h_(k-1) + tanh(W_k h_(k-1)) with 64 units, and a last
matrix to ten classes: 108,000 multiply-adds a sample, one block a stage at 16 stages. Devices are `soft-bounds` with
bounds +-0.8 and granularity 0.001, the others of their parameters and the converters at their defaults (30 %
variations, 7 and 9 bits, output noise 0.06). The chip is `unit`: F and B of a stage take a clock cycle, U none, as in
the paper's drawing. Time and weights come from one coupled run. A micro-batch has eight samples and a mini-batch
eight micro-batches, the number that the published synchronous bars follow. The loss is averaged over the samples that
an update applies (`training.average_over: applied`), as published: an asynchronous pipeline updates with every eight
samples, a synchronous one with every 64.

The learning rate alpha of the bars is {main}: of the rates that were tried, the largest with which alpha lambda is
within 2 sin(pi / (4 tau + 2)) for the first of eight stages (below). Runs with {even} came first, with which it is
not.

The target is a test accuracy on 1,000 images; a run has it when the mean of {window} evaluations that are ten
mini-batches apart does. Samples and clock cycles to the target are means over five targets, {targets_mean}: a single
crossing comes a tenth earlier or later by chance. Without a pipeline a micro-batch takes 2 M clock cycles on M
stages; it learns what one asynchronous stage learns. Of the synchronous pipeline one run for each number of stages
shows that weights are equal, so that its speed-up is that of its cycles. Thinned: training ends after 32,000 images;
rates other than {main} and {even} run two seeds at 1, 4, 8 and 16 stages; the synchronous pipeline runs one seed at
all stages, the others at one. A run takes 10 to 20 s of a core.

## How much faster in all

Clock cycles to the target with as much progress per sample: alpha = {even} for eight samples in the asynchronous
pipeline, eight times that for 64 in the synchronous one.

{exact}

## Why the curve bends

A gradient at stage s of M is late by tau = M - 1 - s updates. Gradient descent on a quadratic of curvature lambda is
stable with such a delay where alpha lambda <= 2 sin(pi / (4 tau + 2)). The largest eigenvalue lambda of the Hessian
of the loss, over 500 training images, is measured on the weights that one stage has after {early} mini-batches and at
the end (plain NumPy, power iteration on differences of gradients, `curvature.py`). The whole delay M - 1 holds for
the first stage only. With the share p_s of each stage in lambda's eigenvector, which is measured too, the largest
step is that with which all roots of z - 1 = -alpha lambda sum_s p_s z^-(M - 1 - s) are within the unit circle: the
*limit with shares*.

{limits}

Samples to the target rise with alpha lambda over its limit at every rate (right panel of the figure). They rise
before the limit, since a late mode near it swings for long, and earlier with alpha = 0.009, whose steps are noisier;
beyond it they rise steeply. Training does not diverge there: lambda falls while the network learns (*at the end*),
which moves the limit away, and the devices' weights are bounded. With alpha = 0.009 and 16 stages the target was not
reached: the figure has the images of the whole run, which are the least that it needs, and a speed-up of 0. The
published bars drop to half of linear between 8 and 12 stages, in one step; here the curve bends gradually, and is
near half of linear at 16 stages with alpha = 0.003.

A smaller rate bears more stages and needs more samples from the first. Clock cycles to the target for each rate, and
the speed-up over no pipeline where both have their best rate:

{rates}

## Other targets

Speed-up over linear of the asynchronous pipeline, alpha = {main}, by a single test accuracy that is asked for. What
precedes uses the mean over {targets_mean}, chosen when the runs with {main} and {even} were there: curves are still
steep there. From 83 % on they are so flat that the order of the images decides when a curve crosses the target; at
the end of training one stage has 86 %.

{targets}
"""
