"""Operators from a package outside of archsim, found by its entry points, with settings of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SOURCE = '''
import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archsim.errors import InputError
from archsim.network.operators import DigitalOperator, OperatorCost
from archsim.network.specification import Layer


class BatchNormLayer(Layer):
    """Each channel with mean 0 and deviation 1 over a block."""

    kind: Literal["block-norm"] = "block-norm"
    epsilon: Annotated[float, Field(gt=0)] = 1e-5


class BatchNorm(DigitalOperator):
    """Normalises each channel over a block of samples, and over the positions of an image."""

    Settings = BatchNormLayer

    def shape(self, layer, inputs):
        if len(inputs[0]) not in (1, 3):
            raise InputError("a block-norm layer takes vectors or images", field="inputs")
        return inputs[0]

    def forward(self, node, inputs):
        return self._normalised(node, inputs[0])[0]

    def gradient(self, node, inputs, output, d):
        unit, axes = self.arithmetic, _axes(d)
        mean, projection = d.mean(axis=axes, keepdims=True), (d * output).mean(axis=axes, keepdims=True)
        centred = unit.subtract(unit.subtract(d, mean), unit.multiply(output, projection))
        return (unit.multiply(centred, self._normalised(node, inputs[0])[1]),)

    def cost(self, node):
        return OperatorCost(multiply_adds=4 * math.prod(node.shape), activations=node.shape[0])

    def gradient_cost(self, node):
        return OperatorCost(multiply_adds=6 * math.prod(node.shape))

    def _normalised(self, node, x):
        unit, axes = self.arithmetic, _axes(x)
        centred = unit.subtract(x, x.mean(axis=axes, keepdims=True))
        variance = unit.multiply(centred, centred).mean(axis=axes, keepdims=True)
        slope = (1 / np.sqrt(variance + node.layer.epsilon)).astype(x.dtype)
        return unit.multiply(centred, slope), slope


def _axes(x):
    return (0, *range(2, x.ndim))
'''

SCRIPT = """
import json, sys
import numpy as np
import archsim
from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.operators import load_operator

LAYERS = [
    {"name": "image", "kind": "reshape", "shape": [1, 8, 8]},
    {"name": "conv", "kind": "conv2d", "channels": 3, "kernel": 3},
    {"name": "norm", "kind": "block-norm", "epsilon": 1e-3},
    {"name": "act", "kind": "tanh"},
    {"name": "flat", "kind": "flatten"},
    {"name": "fc", "kind": "linear", "features": 10},
]
DOCUMENT = {
    "network": {"input_shape": [64], "layers": LAYERS},
    "chip": {"preset": "reram-1024", "device": "idealized"},
    "data": {"name": "digits", "samples": 400, "test_samples": 200},
    "training": {"algorithm": "analog-sgd", "learning_rate": 0.5, "mini_batch": 16, "max_mini_batches": 25},
    "schedule": {"kind": "synchronous", "stages": 2, "micro_batches": 2},
    "run": {"seed": 1},
}
found = {}
for mode in ("timing", "numerics", "coupled"):
    run = archsim.simulate(DOCUMENT, mode=mode)
    found[mode] = {
        "accuracy": run.metrics["accuracy"],
        "makespan_ps": run.metrics["makespan_ps"],
        "weights": [float(array.astype(float).sum()) for _, array in sorted(run.weights.items())],
        "operations": int(run.cost.query("component == 'nmpu' and phase == 'F'")["count"].sum()),
    }
for name, changes in {"unknown": {"epsilom": 1}, "wrong": {"epsilon": -1.0}}.items():
    layers = [layer | (changes if layer["name"] == "norm" else {}) for layer in LAYERS]
    try:
        archsim.load_experiment(DOCUMENT | {"network": {"input_shape": [64], "layers": layers}})
    except InputError as error:
        found[name] = str(error)
experiment = archsim.load_experiment(DOCUMENT)
node = build_graph(experiment.network)["norm"]
operator = load_operator("block-norm")
random = np.random.default_rng(1)
x, d = random.normal(size=(4, *node.shape)), random.normal(size=(4, *node.shape))
(gradient,) = operator.gradient(node, (x,), operator.forward(node, (x,)), d)
step, change = 1e-6, random.normal(size=x.shape)
up, down = (operator.forward(node, (x + s * step * change,)) for s in (1, -1))
found["gradient"] = [float((gradient * change).sum()), float(((up - down) * d).sum() / (2 * step))]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a process says that has the package on its path, as an installed one lies there."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "norms.py").write_text(SOURCE)
    metadata = folder / "norms-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: norms\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[archsim.operators]\nblock-norm = norms:BatchNorm\n")
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(root)])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_it_takes_part_in_every_mode(told: dict[str, dict[str, float]]) -> None:
    timing, numerics, coupled = (told[mode] for mode in ("timing", "numerics", "coupled"))
    assert timing["accuracy"] is None
    assert coupled["accuracy"] == numerics["accuracy"] > 0.5
    assert coupled["weights"] == numerics["weights"]
    assert coupled["makespan_ps"] > 0
    assert timing["operations"] == coupled["operations"] > 0


def test_its_settings_are_checked_by_its_own_model(told: dict[str, str]) -> None:
    unknown, wrong = told["unknown"], told["wrong"]
    assert "network.layers.2.epsilom: unknown key 'epsilom'" in unknown
    assert "allowed: name, kind, inputs, epsilon\n" in unknown
    assert "did you mean 'epsilon'?" in unknown
    assert "network.layers.2.epsilon: the number is too small" in wrong
    assert "allowed: a number, above 0" in wrong


def test_its_gradient_is_that_of_its_forward_rule(told: dict[str, list[float]]) -> None:
    analytic, numeric = told["gradient"]
    assert np.isclose(analytic, numeric, rtol=1e-3)  # The rule leaves epsilon out of the projection.
