"""How fast convolutions train: LeNet-5 as a whole, and layers beside linear ones with the same vectors and matrix.

``python -m benchmarks.convolution [--quick] [--set FIELD=VALUE ...] [--json FILE]``. LeNet-5 learns from 1,000 images
in mini-batches of eight, on one thread, as `archsim.simulate` runs it in mode coupled. A layer's forward, backward and
update are those of the engine: a convolution gathers the vectors of its positions, forward and again for its update,
and hands back to each element of the image what its positions say; a linear layer finds its vectors as they are. Images
are MNIST's, where ARCHSIM_DATA has them, else random ones that are as sparse.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import archsim
from archsim.analog.periphery import Periphery
from archsim.analog.specification.algorithms import AnalogSGDSettings
from archsim.digital.affine import Affine
from archsim.network.build import build_graph
from archsim.network.matrix import AnalogMatrix, PartRange
from archsim.network.operators import MatrixOperator, load_operator
from archsim.network.specification import NetworkSpecification
from benchmarks.measure import best_seconds, sgemm_ns
from benchmarks.training import TRANSFERS, images, loop_seconds
from benchmarks.updates import DEVICES

IMAGES = 1000
WORKLOAD = Path(__file__).parents[1] / "workloads" / "lenet5_mnist.yaml"
TRAINED = ("training.mini_batch=8", "schedule.kind=sequential", "schedule.micro_batches=1")
CASES = {
    "analog-sgd SoftBounds": ("chip.device=soft-bounds",),
    "ChoppedTTv2ReRamSB": (*TRANSFERS, "training.algorithm=c-ttv2-reram"),
    "AGADReRamSB": (*TRANSFERS, "training.algorithm=agad-reram"),
    "TikiTakaReRamSB": (*TRANSFERS, "training.algorithm=tiki-taka"),
}
#: The product of whose time a multiply-add is the unit.
UNIT = {"size": 256, "batch": 256}
SAMPLES = 8


@dataclass(frozen=True)
class Shape:
    """A convolution: channels and size of the image, kernel, padding, and channels of the output."""

    channels: int
    size: int
    kernel: int
    padding: int
    outputs: int

    @property
    def rows(self) -> int:
        """Inputs of its matrix."""
        return self.channels * self.kernel**2

    @property
    def positions(self) -> int:
        """Vectors of an image."""
        return (self.size + 2 * self.padding - self.kernel + 1) ** 2


LAYERS = {
    "LeNet-5, first": Shape(1, 28, 5, 2, 6),
    "LeNet-5, second": Shape(6, 14, 5, 0, 16),
    "3 x 3, 16 channels": Shape(16, 32, 3, 1, 16),
    "3 x 3, 64 channels": Shape(64, 16, 3, 1, 64),
    "1 x 1, 64 channels": Shape(64, 16, 1, 0, 64),
}


class Layer:
    """A layer on a crossbar of its own, with what the engine asks of it at F, B and U."""

    def __init__(self, layer: dict[str, Any], shape: Sequence[int]) -> None:
        layers = [{"name": "layer"} | layer, {"name": "end", "kind": "flatten"}]
        graph = build_graph(NetworkSpecification.model_validate({"input_shape": list(shape), "layers": layers}))
        self.node = graph["layer"]
        (self.matrix,) = self.node.matrices
        operator = load_operator(self.node.kind)
        assert isinstance(operator, MatrixOperator)
        self.operator = operator
        outputs, inputs = self.matrix.outputs, self.matrix.inputs
        tile = archsim.make_tile(
            AnalogSGDSettings(),
            DEVICES["SoftBounds"],
            outputs,
            inputs,
            periphery=Periphery(dac_bits=7, adc_bits=9),
            mini_batch=SAMPLES * self.matrix.vectors,
        )
        affine = Affine(None, np.zeros(outputs, np.float32), learn_scale=False)
        self.crossbars = AnalogMatrix(self.matrix.size, [PartRange((0, inputs), (0, outputs))], [tile.array], affine)
        random = np.random.default_rng(2)
        self.crossbars.program(random.uniform(-0.3, 0.3, (outputs, inputs)).astype(np.float32))
        self.x = random.uniform(-1, 1, (SAMPLES, *shape)).astype(np.float32)
        self.d = random.normal(0, 0.02, (SAMPLES, *self.node.shape)).astype(np.float32)
        self.errors = self.operator.unfold_gradient(self.node, self.matrix, self.d)

    def forward(self, k: int) -> object:
        """Read the vectors of a micro-batch, and make the output of it."""
        affine, vectors = self.crossbars.affine, self.operator.unfold(self.node, self.matrix, (self.x,))
        read = self.crossbars.forward_part(0, vectors, k * len(vectors))
        y = affine.forward(self.crossbars.add_outputs([read.values]), affine.scale, affine.bias)
        return self.operator.fold(self.node, (y,))

    def backward(self, k: int) -> object:
        """Prepare errors, read them, and make the gradient at the input of it."""
        affine, d = self.crossbars.affine, self.operator.unfold_gradient(self.node, self.matrix, self.d)
        affine.parameter_gradients(d, d)
        read = self.crossbars.backward_part(0, affine.gradient(d, affine.scale), k * len(d))
        return self.operator.fold_gradient(self.node, (self.crossbars.add_inputs([read.values]),))

    def update(self, k: int) -> object:
        """Send the pulses of the outer products of vectors and errors."""
        vectors = self.operator.unfold(self.node, self.matrix, (self.x,))
        return self.crossbars.update_part(0, vectors, self.errors, 0.01, k * len(vectors))

    def phases(self) -> Iterator[tuple[str, Callable[[int], object]]]:
        """Yield the three with their names."""
        for phase in (self.forward, self.backward, self.update):
            yield phase.__name__, phase


def layers(budget: float) -> Iterator[dict[str, Any]]:
    """Yield what each phase of a convolution takes, in ns a vector, and as a multiple of a linear layer's."""
    for name, shape in LAYERS.items():
        window = {"kernel": shape.kernel, "padding": shape.padding, "channels": shape.outputs}
        convolution = Layer({"kind": "conv2d", **window}, (shape.channels, shape.size, shape.size))
        linear = Layer({"kind": "linear", "features": shape.outputs}, (shape.positions, shape.rows))
        for (phase, mine), (_, its) in zip(convolution.phases(), linear.phases(), strict=True):
            taken = [0.0, 0.0]
            # In turns, so that what else the machine does meets both.
            for _ in range(3):
                found = [best_seconds(call, budget / 6) for call in (mine, its)]
                taken = [min(before or new, new) for before, new in zip(taken, found, strict=True)]
            vectors = SAMPLES * shape.positions
            yield {
                "layer": name,
                "inputs": shape.rows,
                "outputs": shape.outputs,
                "vectors": vectors,
                "phase": phase,
                "convolution_ns": taken[0] * 1e9 / vectors,
                "linear_ns": taken[1] * 1e9 / vectors,
                "ratio": taken[0] / taken[1],
            }


def trainings(overrides: Sequence[str], only: str, repeats: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds of LeNet-5, with the unit that was measured beside each."""
    data = images(IMAGES)
    for case, changes in CASES.items():
        if not case.startswith(only):
            continue
        settings = [*TRAINED, "run.threads=1", *changes, *overrides]
        seconds, rest = loop_seconds(WORKLOAD, settings, "coupled", data, repeats)
        yield {
            "case": case,
            "data": data.name,
            "seconds": seconds,
            "start_and_end_seconds": rest,
            "sgemm_ns": sgemm_ns(**UNIT),
        }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once, and in short")
    parser.add_argument("--only", default="", metavar="CASE", help=f"one of {', '.join(CASES)}, or its beginning")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each training, of which the fastest counts")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change the experiment")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows are written")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for row in trainings(arguments.set, arguments.only, 1 if arguments.quick else arguments.repeats):
        rows.append(row)
        print(f"{row['case']:22s} {row['seconds']:7.3f} s  (sgemm {row['sgemm_ns']:.4f} ns)", flush=True)
    for row in layers(0.2 if arguments.quick else 1.0):
        rows.append(row)
        print(
            f"{row['layer']:20s} {row['phase']:9s} {row['convolution_ns']:8.1f} ns a vector, "
            f"{row['ratio']:.2f} of a linear layer's",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
