"""How fast whole training is: numbers, time and energy together, and what numbers or events take alone.

``python -m benchmarks.training [--quick] [--set FIELD=VALUE ...] [--json FILE]``. A fully connected network of
784-256-128-10 learns from 10,000 images in mini-batches of ten, on one thread, as `archsim.simulate` runs it. The time
is that of the simulation loop; reading data, making the chip and the devices are stated beside it. Images are MNIST's,
where ARCHSIM_DATA has them, else random ones that are as sparse.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import archsim
from archsim.data import DataSet, load_data
from archsim.data.specification import DataSpecification
from archsim.engine.observer import Progress
from archsim.errors import InputError

IMAGES = 10_000
WORKLOAD = Path(__file__).parents[1] / "workloads" / "mlp_mnist.yaml"
#: Sigmoids stay near chance for the first epochs, with errors that say little of later training.
NETWORK = ("network.layers.1.kind=tanh", "network.layers.3.kind=tanh")
TRANSFERS = ("chip.device=reram-sb", "training.learning_rate=0.1")
CASES = {
    "analog-sgd SoftBounds": (),
    "ChoppedTTv2ReRamSB": (*TRANSFERS, "training.algorithm=c-ttv2-reram"),
    "AGADReRamSB": (*TRANSFERS, "training.algorithm=agad-reram"),
    "TikiTakaReRamSB": (*TRANSFERS, "training.algorithm=tiki-taka"),
}
#: Modes of a run: all together, and what the floor of that is.
MODES = {"coupled": "together", "numerics": "numbers alone", "timing": "events alone"}
#: Of MNIST: the share of pixels that are not black, and their mean.
INK, GREY = 0.19, 0.69


@dataclass
class Clock:
    """When the mini-batches of a run were done."""

    begin: float = field(default_factory=time.perf_counter)
    times: list[float] = field(default_factory=list)

    def __call__(self, progress: Progress) -> None:
        """Note a mini-batch."""
        self.times.append(time.perf_counter())

    @property
    def loop(self) -> float:
        """Seconds of all mini-batches, of which the first ends with the start-up and is taken as long as the others."""
        return (self.times[-1] - self.times[0]) * len(self.times) / (len(self.times) - 1)


def images(count: int) -> DataSet:
    """Return training images, and a few to test on: evaluations are no training."""
    try:
        return load_data(DataSpecification(name="mnist", samples=count, test_samples=10))
    except InputError:
        random = np.random.default_rng(1)
        inked = random.random((count, 784)) < INK
        pixels = (inked * random.uniform(2 * GREY - 1, 1, inked.shape)).astype(np.float32)
        classes = random.integers(0, 10, count)
        return DataSet("stand-in for mnist", pixels, classes, pixels[:10], classes[:10], classes=10)


def loop_seconds(
    workload: Path, overrides: Sequence[str], mode: str, data: DataSet, repeats: int
) -> tuple[float, float]:
    """Return the shortest time of the loop of several runs, and that of the rest of that run, in seconds."""
    settings = [*overrides, f"data.samples={len(data.train_inputs)}", "data.test_samples=10"]
    found = []
    for _ in range(repeats):
        clock = Clock()
        archsim.simulate(
            archsim.load_experiment(workload, settings, mode), data=None if mode == "timing" else data, progress=clock
        )
        found.append((clock.loop, time.perf_counter() - clock.begin - clock.loop))
    return min(found)


def measure(overrides: Sequence[str], mode: str, data: DataSet, repeats: int) -> dict[str, float]:
    """Return the shortest time of the loop, and the rest of that run, in seconds."""
    count = len(data.train_inputs)
    loop, rest = loop_seconds(WORKLOAD, [*NETWORK, *overrides], mode, data, repeats)
    return {"seconds": loop * IMAGES / count, "images_per_second": count / loop, "start_and_end_seconds": rest}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2,000 images, once")
    parser.add_argument("--only", metavar="CASE", help=f"one of {', '.join(CASES)}, or the beginning of its name")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, of which the fastest counts")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change the experiment")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows are written, after each one")
    arguments = parser.parse_args()
    data = images(2000 if arguments.quick else IMAGES)
    print(f"{data.name}: {len(data.train_inputs)} images; seconds for {IMAGES}")
    rows: list[dict[str, Any]] = []
    for case, overrides in CASES.items():
        if arguments.only and not case.startswith(arguments.only):
            continue
        for mode, what in MODES.items():
            row = measure([*overrides, *arguments.set], mode, data, 1 if arguments.quick else arguments.repeats)
            rows.append({"case": case, "mode": mode, "data": data.name} | row)
            print(
                f"{case:22s} {what:14s} {row['seconds']:7.3f} s {row['images_per_second']:9.0f} images/s  "
                f"(start and end {row['start_and_end_seconds']:.2f} s)",
                flush=True,
            )
            if arguments.json:
                arguments.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
