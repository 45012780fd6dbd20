"""Figure and page of the study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from changes import changes_page
from experiments import NETWORKS, Case
from study import MACHINE, figure, markdown

from archsim.units import format_duration, format_energy

__all__ = ["bars", "draw", "page"]

COLOURS = {"synchronous": "C0", "asynchronous": "C1"}
#: Column of the learning curve, divisor and label of each panel of a network.
AXES = (("time_ps", 1e12, "simulated time [s]"), ("energy_pj", 1e9, "energy [mJ]"))


def bars(baselines: pd.DataFrame) -> dict[str, float]:
    """Return what each network has to pass."""
    found: dict[str, float] = {}
    for name, network in NETWORKS.items():
        rows = baselines[(baselines["data of"] == network.workload) & (baselines.model == network.bar.name)]
        if network.bar.value is not None:
            found[name] = network.bar.value
        elif len(rows):
            found[name] = float(network.measure.best(rows.test))
    return found


def draw(path: Path, results: pd.DataFrame, learning: pd.DataFrame, baselines: pd.DataFrame) -> None:
    """Draw learning curves against simulated time and energy, a row of panels for each network."""
    names = [name for name in NETWORKS if name in set(results.network)]
    bar = bars(baselines)
    with figure(path, 7.5, 0.6 + 1.9 * len(names)) as drawn:
        for name, row in zip(names, drawn.subplots(len(names), 2, squeeze=False), strict=True):
            for axes, (column, unit, label) in zip(row, AXES, strict=True):
                for schedule, curve in learning[learning.network == name].groupby("schedule", sort=False):
                    look = {"color": COLOURS[str(schedule)], "marker": ".", "ms": 4, "lw": 1.2}
                    axes.plot(curve[column] / unit, curve.value, label=schedule, **look)
                axes.axhline(bar[name], color="C7", ls="--", lw=1, label="to pass")
                axes.set(xlabel=label, ylabel=NETWORKS[name].measure.name)
                axes.grid(alpha=0.3)
                axes.set_xlim(left=0)
                axes.locator_params(axis="x", nbins=6)
            row[0].set_title(name, loc="left", fontsize=9)
        known: dict[str, Any] = {}
        for axes in drawn.axes:
            handles, labels = axes.get_legend_handles_labels()
            known |= dict(zip(labels, handles, strict=True))
        drawn.legend(known.values(), known.keys(), fontsize=7, loc="outside upper right", ncols=3, frameon=False)


def page(results: pd.DataFrame, learning: pd.DataFrame, baselines: pd.DataFrame, changes: pd.DataFrame) -> str:
    """Return the text around tables and figure."""
    results = in_order(results)
    return f"""# Networks that learn, on devices and in a pipeline

Networks with convolutions, recurrence and attention are trained in coupled runs, under `synchronous` and `asynchronous`
schedules, to more than a simple model makes of the same training samples. A run has one seed and one thread. Made by
`python reports/networks_that_learn/remake.py` ({MACHINE}).

{markdown(verdicts(results, baselines))}

![learning curves](learning.svg)

`final` is the value of the last evaluation, `best` that of the best one with the mini-batch after which it was made;
the verdict is about `final`. Wall-clock and processor time are those of one core, with other work on the same machine.
Chip, device, noise of reads and learning rate are those of the workload's file unless the command says otherwise, and
the same under both schedules. Of CIFAR-10, 10,000 training images are learnt and the first 1,000 of the test set tell
the accuracy; of the spoken digits, the official 2,700 and 300 recordings.

{markdown(costs(results))}
{changes_page(changes)}
## Baselines

{markdown(fits(baselines))}

`train` and `test` are accuracies in per cent, or perplexities of a text. Logistic regression has a weight from each
value of a sample, standardized as for the network, to each class, and is fitted with the penalty l |W|^2 / 2 on the
mean cross-entropy. Unigrams, bigrams and trigrams are shares of characters after none, one and two others, smoothed by
absolute discounting; they know the characters before a window, where the networks begin each window without memory,
unless they are `stateful`. What is to pass is the best test value of a model's rows: choosing on the test samples
flatters the baseline, never the network. For LeNet-5 it is a number said in advance.

## Commands

The data sets lie in the folder that the environment variable `ARCHSIM_DATA` names.

{commands(results)}
"""


def in_order(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of known networks in the order of these, whatever that in which they were run."""
    shown = results[results.network.isin(NETWORKS)]
    return shown.sort_values("network", key=lambda names: names.map(list(NETWORKS).index), kind="stable")


def verdicts(results: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Return the values of runs beside their baselines."""
    bar, rows = bars(baselines), []
    for row in results.itertuples():
        measure, baseline = NETWORKS[str(row.network)].measure, bar[str(row.network)]
        rows.append(
            {
                "network": row.network,
                "schedule": row.schedule,
                "measure": measure.name,
                "final": f"{row.final:.2f}",
                "best": f"{row.best:.2f} (mini-batch {row.best_mini_batch})",
                "test accuracy [%]": f"{row.accuracy:.2f}",
                "to pass": f"{baseline:.2f} ({NETWORKS[str(row.network)].bar.name})",
                "passes": "yes" if measure.passes(row.final, baseline) else "**no**",
            }
        )
    return pd.DataFrame(rows)


def costs(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the runs took."""
    return pd.DataFrame(
        {
            "network": results.network,
            "schedule": results.schedule,
            "device": results.device,
            "algorithm": results.algorithm,
            "samples seen": [f"{n:,}" for n in results.samples],
            "simulated time": [format_duration(t) for t in results.time_ps],
            "energy": [format_energy(e) for e in results.energy_pj],
            "wall-clock time [s]": results.seconds,
            "processor time [s]": results.processor_seconds,
        }
    )


def fits(baselines: pd.DataFrame) -> pd.DataFrame:
    """Return the baselines, those to pass marked."""
    passed = {(NETWORKS[name].workload, NETWORKS[name].bar.name, value) for name, value in bars(baselines).items()}
    rows = baselines.itertuples(index=False)
    tests = [f"**{row.test:.2f}**" if (row[0], row.model, row.test) in passed else f"{row.test:.2f}" for row in rows]
    train, accuracy = ([f"{x:.2f}" for x in baselines[name]] for name in ("train", "accuracy"))
    shown = baselines.assign(train=train, test=tests, accuracy=accuracy)
    return shown.rename(columns={"accuracy": "test accuracy [%]"})


def commands(results: pd.DataFrame) -> str:
    """Return the command of each run that is there."""
    cases = [Case(NETWORKS[str(r.network)], str(r.schedule)) for r in results.itertuples() if r.network in NETWORKS]
    return "\n\n".join(f"```sh\n{case.command}\n```" for case in cases)
