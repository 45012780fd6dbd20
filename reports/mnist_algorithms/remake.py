"""Train the FCN of arXiv:2406.12774 on MNIST by digital SGD, analog SGD and Tiki-Taka, and compare with its table.

Run from the repository's root with MNIST in ``$ARCHSIM_DATA/mnist``::

    python reports/mnist_algorithms/remake.py

Finished runs are kept in ``results.csv`` and ``learning.csv``, a checkpoint of the run at work after every epoch in
``runs/mnist_algorithms``; the same command goes on after a kill. ``--only`` takes parts of the study, ``--tiny`` tries
it out on a few images.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import archsim

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from study import MACHINE, Claim, Rows, claims_table, figure, markdown, options, write  # noqa: E402

WORKLOAD = HERE.parents[1] / "workloads" / "mlp_mnist.yaml"
CHECKPOINTS = HERE.parents[1] / "runs" / "mnist_algorithms"
EPOCHS = 80
#: Test accuracies in percent of arXiv:2406.12774, table 1, and their standard deviations over three seeds.
PUBLISHED = {
    ("digital-sgd", 0.8): (98.15, 0.04),
    ("analog-sgd", 0.7): (11.35, 0.00),
    ("analog-sgd", 0.8): (97.78, 0.36),
    ("tiki-taka", 0.7): (97.64, 0.17),
    ("tiki-taka", 0.8): (97.50, 0.11),
}
#: Test accuracies in percent of arXiv:2502.06309 for analog SGD and residual learning, by response, gamma_res and tau;
#: 15 stands for "below 15".
PUBLISHED_RESPONSES = {
    ("power", 0.5, 0.6): (96.01, 96.92),
    ("power", 0.5, 0.7): (97.40, 97.05),
    ("power", 0.5, 0.8): (97.38, 96.82),
    ("power", 1.0, 0.6): (15, 97.39),
    ("power", 1.0, 0.7): (15, 97.33),
    ("power", 1.0, 0.8): (15, 97.34),
    ("power", 2.0, 0.6): (15, 96.93),
    ("power", 2.0, 0.7): (15, 97.27),
    ("power", 2.0, 0.8): (15, 97.18),
    ("exponential", 0.5, 0.6): (15, 97.27),
    ("exponential", 0.5, 0.7): (15, 97.39),
    ("exponential", 0.5, 0.8): (94.00, 97.16),
    ("exponential", 1.0, 0.6): (15, 97.46),
    ("exponential", 1.0, 0.7): (15, 97.49),
    ("exponential", 1.0, 0.8): (15, 97.25),
    ("exponential", 2.0, 0.6): (15, 97.19),
    ("exponential", 2.0, 0.7): (15, 97.72),
    ("exponential", 2.0, 0.8): (15, 97.06),
}
LEARN_SCALES = [f"network.layers.{i}.scaling={{learn_out_scaling: true}}" for i in (0, 2, 4)]
#: What the algorithms of arXiv:2406.12774 are told beyond their names: alpha = 0.05 (0.1 in digital), beta = 0.01.
ALGORITHMS = {
    "digital-sgd": ["training.algorithm=digital-sgd", "training.learning_rate=0.1"],
    "analog-sgd": ["training.algorithm=analog-sgd"],
    "tiki-taka": ["training.algorithm={kind: tiki-taka, fast_lr: 0.01, scale_fast_lr: false}"],
    "residual-learning": ["training.algorithm=residual-learning"],
}
#: A few images, and a checkpoint after each epoch of all of them.
TINY = ["training.max_mini_batches=20", "data.samples=400", "data.test_samples=200"]
KEPT = ["run.checkpoint_every=6000"]
KEY = ("part", "algorithm", "device", "tau", "seed")


@dataclass(frozen=True)
class Case:
    """One run: an algorithm on a device.

    Attributes
    ----------
    part : str
        Part of the study.
    algorithm : str
        One of `ALGORITHMS`.
    device : str
        Response of the device, with its gamma_res for those of arXiv:2502.06309.
    tau : float
        Bounds of the device.
    seed : int
        Seed of everything.
    epochs : int
        How long it is trained.
    """

    part: str
    algorithm: str
    device: str
    tau: float
    seed: int
    epochs: int = EPOCHS

    @property
    def name(self) -> str:
        """A name for its checkpoints."""
        return f"{self.part}-{self.algorithm}-{self.device}-{self.tau}-{self.seed}-{self.epochs}".replace(" ", "-")

    @property
    def overrides(self) -> list[str]:
        """What makes the workload this run."""
        bounds = f"w_max: {self.tau}, w_min: -{self.tau}"
        made = ["schedule={kind: sequential, stages: 1}", *LEARN_SCALES, *ALGORITHMS[self.algorithm]]
        made += [f"run.seed={self.seed}", f"training.epochs={self.epochs}", f"chip.device.w_max={self.tau}"]
        if self.part == "responses":
            response, gamma = self.device.split()
            device = f"{{preset: {response}-response, gamma_res: {gamma}, {bounds}, dw_min: 0.001}}"
            step = f"{{kind: step, epochs: {max(self.epochs // 2, 1)}, factor: 0.5}}"
        else:
            device = f"{{preset: soft-bounds-reference, {bounds}}}"
            step = "{kind: step, epochs: 35, factor: 0.1}"
        if self.part == "text":
            made += ["chip.io={out_bound: 20, out_noise: 0.1}", "chip.dac.bits=8", "chip.adc.bits=8"]
        return [*made, f"chip.device={device}", f"training.learning_rate_schedule={step}"]


def cases(parts: Sequence[str]) -> list[Case]:
    """Return the runs of some parts, the most telling first."""
    found = []
    if "main" in parts:
        names = ("analog-sgd", "tiki-taka", "digital-sgd")
        seeds = [(1, name) for name in names] + [(seed, name) for name in names for seed in (2, 3)]
        found += [Case("main", name, "soft bounds", 0.8, seed) for seed, name in seeds]
    if "text" in parts:
        found += [Case("text", name, "soft bounds", 0.8, 1) for name in ("analog-sgd", "tiki-taka")]
    if "taus" in parts:
        found += [Case("taus", name, "soft bounds", 0.7, 1) for name in ("analog-sgd", "tiki-taka")]
    if "responses" in parts:
        grid = sorted(PUBLISHED_RESPONSES, key=lambda row: (row[2] != 0.7, row))
        names = ("analog-sgd", "residual-learning")
        found += [Case("responses", name, f"{r} {gamma}", tau, 1, 30) for r, gamma, tau in grid for name in names]
    return found


#: All runs learn the same images.
load_data = cache(archsim.load_data)


def run(case: Case, tiny: bool) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Train, and return the row of the results and those of the learning curve."""
    experiment = archsim.load_experiment(WORKLOAD, [*case.overrides, *(TINY if tiny else KEPT)], mode="numerics")
    begin, done = time.perf_counter(), [0, 0]

    def tell(progress: Any) -> None:
        done[0] = done[0] or progress.done
        done[1] = progress.done
        if progress.done % 6000 == 0:
            print(f"{case.name}: epoch {progress.done // 6000}, {time.perf_counter() - begin:.0f} s", flush=True)

    workspace = None if tiny else CHECKPOINTS / case.name
    data = load_data(experiment.data)
    result = archsim.simulate(experiment, data=data, workspace=workspace, resume=not tiny, progress=tell)
    per_mini_batch = (time.perf_counter() - begin) / (done[1] - done[0] + 1)
    key = {name: getattr(case, name) for name in KEY}
    curve = [
        {**key, "epoch": row.samples / 60_000, "train_loss": row.train_loss, "test_accuracy": row.test_accuracy}
        for row in result.learning.itertuples()
    ]
    accuracies = [100 * float(row["test_accuracy"]) for row in curve]
    row = {**key, "epochs": case.epochs, "accuracy": round(accuracies[-1], 2), "best": round(max(accuracies), 2)}
    return {**row, "seconds_per_epoch": round(6000 * per_mini_batch, 2)}, curve


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and write what is there."""
    chosen = options(__doc__ or "", ("main", "text", "taus", "responses"), HERE, arguments)
    results, learning = Rows(chosen.out / "results.csv", KEY), Rows(chosen.out / "learning.csv", KEY)
    wanted = cases(chosen.only)
    for case in wanted[:3] if chosen.tiny else wanted:
        if not results.has(vars(case)):
            row, curve = run(case, chosen.tiny)
            if not learning.has(vars(case)):
                learning.add(*curve)
            results.add(row)
            print(row, flush=True)
            write_page(chosen, results.frame(), learning.frame())
    write_page(chosen, results.frame(), learning.frame())


def write_page(chosen: argparse.Namespace, results: pd.DataFrame, learning: pd.DataFrame) -> None:
    """Draw and describe what is there."""
    if not results.empty:
        draw(chosen.out / "learning.svg", learning)
        write(chosen, lambda: page(results))


def draw(path: Path, learning: pd.DataFrame) -> None:
    """Draw test accuracy against epochs for the runs that are compared with the table, a line for each seed."""
    shown = learning[learning.part != "responses"]
    colours = {"digital-sgd": "C7", "analog-sgd": "C0", "tiki-taka": "C1"}
    with figure(path, 7.5, 3.4) as drawn:
        whole, close = drawn.subplots(1, 2)
        for axes in (whole, close):
            for (part, algorithm, tau), curves in shown.groupby(["part", "algorithm", "tau"]):
                style = {0.8: "-", 0.7: ":"}[float(tau)]
                label = algorithm if algorithm == "digital-sgd" else f"{algorithm}, tau = {tau}"
                look = {"color": colours[algorithm], "lw": 1, "alpha": 0.4 if part == "text" else 1}
                label += ", 8-bit converters" if part == "text" else ""
                for _, curve in curves.groupby("seed"):
                    axes.plot(curve.epoch, 100 * curve.test_accuracy, style, label=label, **look)
                    label = "_"
            axes.set(xlabel="epochs of 60,000 images")
            axes.grid(alpha=0.3)
        whole.set(ylabel="test accuracy [%]", ylim=(0, 100))
        close.set(ylim=(92, 99), title="the same, closer")
        whole.legend(fontsize=7, loc="lower right")


def page(results: pd.DataFrame) -> str:
    """Return the text around tables and figure."""
    return f"""# MNIST by digital SGD, analog SGD and Tiki-Taka

The fully connected network 784-256-128-10 with sigmoids of arXiv:2406.12774, trained on 60,000 images for 80 epochs
in batches of ten; learning rate 0.1 for digital SGD and 0.05 for the others (beta = 0.01 for Tiki-Taka's first array),
times 0.1 every 35 epochs. Devices: `soft-bounds-reference` with bounds +-tau, other parameters at their defaults (30 %
variations, granularity 0.001); learned output scales; one line is transferred a batch. Converters have their defaults
(7 and 9 bits, output range 12, output noise 0.06), as in the paper's scripts; its text states 8 bits, range 20 and
noise 0.1, which were tried as well. Each seed draws devices, initial weights, noise and the order of images anew.
Numbers without a clock, one thread. Made by `python reports/mnist_algorithms/remake.py` ({MACHINE}).

{claims_table(claims(results))}

![learning curves](learning.svg)

## All runs

Published values: arXiv:2406.12774, table 1 (three seeds, last epoch). Test accuracy in percent.

{markdown(runs_table(results))}

Runs at tau = 0.7 and with other converters are shown without a verdict. The time is wall-clock time per epoch, with
other work on the same two cores.

Analog SGD loses accuracy in the epochs after its learning rate falls: the noise of gradients pulls all weights to their
symmetric points, by the same amount for the same progress, however small the rate; Tiki-Taka's first array takes this
pull, and its second goes on learning. The noisier the reads, the larger the loss.
{responses_page(results)}"""


def claims(results: pd.DataFrame) -> list[Claim]:
    """Return whether accuracies are within a point of the published ones, where three seeds are there."""
    made = []
    for algorithm in ("digital-sgd", "analog-sgd", "tiki-taka"):
        found = results[(results.part == "main") & (results.algorithm == algorithm)]
        mean, published = found.accuracy.mean(), PUBLISHED[algorithm, 0.8]
        spread = f" +- {found.accuracy.std():.2f}" if len(found) > 1 else ""
        text = f"{mean:.2f}{spread} ({len(found)} seeds)" if len(found) else "not run"
        holds = bool(abs(mean - published[0]) <= 1) if len(found) >= 3 else None
        where = "" if algorithm == "digital-sgd" else " at tau = 0.8"
        made.append(
            Claim(f"{algorithm}{where} within 1 point", f"{published[0]:.2f} +- {published[1]:.2f}", text, holds)
        )
    return made


def runs_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return runs on soft bounds beside the published values."""
    rows = []
    for row in results[results.part != "responses"].itertuples():
        mean, deviation = PUBLISHED[row.algorithm, row.tau]
        rows.append(
            {
                "algorithm": row.algorithm,
                "tau": row.tau if row.algorithm != "digital-sgd" else "",
                "converters": "8 bits" if row.part == "text" else "",
                "seed": row.seed,
                "epochs": row.epochs,
                "last epoch": f"{row.accuracy:.2f}",
                "best epoch": f"{row.best:.2f}",
                "published": f"{mean:.2f} +- {deviation:.2f}",
                "time per epoch [s]": row.seconds_per_epoch,
            }
        )
    return pd.DataFrame(rows, columns=None if rows else ["algorithm"])


def responses_page(results: pd.DataFrame) -> str:
    """Return the section on other responses, if any were run."""
    shown = results[results.part == "responses"]
    if shown.empty:
        return ""
    rows = []
    for (device, tau), runs in shown.groupby(["device", "tau"], sort=False):
        response, gamma = str(device).split()
        published = PUBLISHED_RESPONSES[response, float(gamma), float(tau)]
        row: dict[str, object] = {"response": response, "gamma_res": gamma, "tau": tau}
        for name, value in zip(("analog-sgd", "residual-learning"), published, strict=True):
            found = runs[runs.algorithm == name].accuracy
            row[name] = f"{found.iloc[0]:.2f}" if len(found) else "not run"
            row[f"{name}, published"] = "< 15" if value == 15 else f"{value:.2f}"
        rows.append(row)
    return f"""
## Other responses

The same network on devices without variations, one seed, {int(shown.epochs.iloc[0])} epochs, the learning rate halved
after half of them; converters at their defaults, granularity 0.001; gamma = 0.4 and beta = 0.01 for residual learning.
Published: the table of MNIST results of arXiv:2502.06309, beside which these runs are shown without a verdict. That
paper's other tables fine-tune networks that were trained on ImageNet, which is not done here.

{markdown(pd.DataFrame(rows))}
"""


if __name__ == "__main__":
    main()
