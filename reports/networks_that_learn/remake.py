"""Train networks with convolutions, recurrence and attention on devices, and compare them with simple baselines.

Run from the repository's root with the data sets in the folder that ``ARCHSIM_DATA`` names::

    python reports/networks_that_learn/remake.py

Finished runs are kept in ``results.csv`` and ``learning.csv``, baselines in ``baselines.csv``, checkpoints of the run
at work in ``runs/networks_that_learn``; the same command goes on after a kill. ``--only`` takes some of its parts,
``--tiny`` tries it out on a few samples.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import archsim

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from changes import CHANGES, run_change  # noqa: E402
from experiments import NETWORKS, Case, Network, load_data  # noqa: E402
from page import draw, page  # noqa: E402
from study import Rows, options, write  # noqa: E402

CHECKPOINTS = HERE.parents[1] / "runs" / "networks_that_learn"
#: Mini-batches between checkpoints.
KEPT = "run.checkpoint_every=200"
RESULTS, LEARNING, BASELINES, CHANGED = "results.csv", "learning.csv", "baselines.csv", "changes.csv"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and write what is there."""
    chosen = options(__doc__ or "", (*NETWORKS, "changes"), HERE, arguments)
    results = Rows(chosen.out / RESULTS, ("network", "schedule"))
    learning = Rows(chosen.out / LEARNING, ("network", "schedule"))
    baselines = Rows(chosen.out / BASELINES, ("data of",))
    changes = Rows(chosen.out / CHANGED, ("change",))
    for network in [NETWORKS[name] for name in chosen.only if name in NETWORKS]:
        if not baselines.has({"data of": network.workload}):
            baselines.add(*({"data of": network.workload, **row} for row in fit(network, chosen.tiny)))
        for case in [Case(network, schedule) for schedule in network.schedules]:
            if not results.has(case.key):
                row, curve = run(case, chosen.tiny)
                if not learning.has(case.key):
                    learning.add(*curve)
                results.add(row)
                print(row, flush=True)
    for name in CHANGES if "changes" in chosen.only else ():
        if not changes.has({"change": name}):
            changes.add(run_change(name, NETWORKS["resnet9_cifar10"].tiny if chosen.tiny else ()))
    tables = results.frame(), learning.frame(), baselines.frame()
    draw(chosen.out / "learning.svg", *tables)
    write(chosen, lambda: page(*tables, changes.frame()))


def fit(network: Network, tiny: bool) -> list[dict[str, object]]:
    """Fit the baseline of a network to the samples that its runs see."""
    experiment = archsim.load_experiment(network.path, [*network.settings, *(network.tiny if tiny else ())])
    # Networks that learn the same samples share their baseline; it sees them as they are.
    return _fitted(network.baseline, experiment.data.model_copy(update={"augmentation": None}))


@cache
def _fitted(baseline: Callable[..., list[dict[str, object]]], data: Any) -> list[dict[str, object]]:
    return baseline(load_data(data))


def run(case: Case, tiny: bool) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Train, and return the row of the results and those of the learning curve."""
    overrides = [*case.overrides, *(case.network.tiny if tiny else [KEPT])]
    experiment = archsim.load_experiment(case.network.path, overrides, mode="coupled")
    workspace = None if tiny else CHECKPOINTS / "-".join(map(str, case.key.values())).replace(", ", "-")
    done: list[int] = []
    begin = time.perf_counter(), time.process_time()

    def tell(progress: Any) -> None:
        done.append(progress.done)

    data = load_data(experiment.data)
    result = archsim.simulate(experiment, data=data, workspace=workspace, resume=not tiny, progress=tell)
    # A run that was taken up again did a part of its mini-batches only.
    share = (done[-1] - done[0] + 1) / done[-1]
    seconds, busy = (time.perf_counter() - begin[0]) / share, (time.process_time() - begin[1]) / share
    measure = case.network.measure
    curve = [
        {**case.key, "mini_batch": row["mini_batch"], "samples": row["samples"], "time_ps": row["time_ps"],
         "energy_pj": row["energy_pj"], "train_loss": row["train_loss"],
         "value": round(measure.of(row), 4)}
        for row in result.learning.to_dict("records")
    ]  # fmt: skip
    best = measure.best(row["value"] for row in curve)
    return {
        **case.key,
        "device": experiment.chip.device.kind,
        "algorithm": experiment.training.algorithm.kind,
        "samples": curve[-1]["samples"],
        "final": curve[-1]["value"],
        "best": best,
        "accuracy": round(100 * result.metrics["accuracy"], 2),
        "best_mini_batch": next(row["mini_batch"] for row in curve if row["value"] == best),
        "time_ps": result.metrics["makespan_ps"],
        "energy_pj": result.metrics["energy_pj"],
        "seconds": round(seconds, 1),
        "processor_seconds": round(busy, 1),
    }, curve


if __name__ == "__main__":
    main()
