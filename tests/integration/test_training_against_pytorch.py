"""A network of many operators over three stages, trained by exact cells, against PyTorch, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

SAMPLES, RATE = 8, 0.5
LAYERS: list[dict[str, Any]] = [
    {"name": "conv", "kind": "conv1d", "channels": 8, "kernel": 3, "padding": 1, "groups": 2, "bias": False},
    {"name": "norm", "kind": "batch-norm"},
    {"name": "act", "kind": "relu"},
    {"name": "pool", "kind": "max-pool", "kernel": 2},
    {"name": "squeeze", "kind": "global-average-pool"},
    {"name": "excite", "kind": "linear", "features": 8},
    {"name": "gate", "kind": "sigmoid"},
    {"name": "factors", "kind": "reshape", "shape": [8, 1]},
    {"name": "scaled", "kind": "multiply", "inputs": ["pool", "factors"]},
    {"name": "rows", "kind": "transpose", "axes": [1, 0]},
    {"name": "place", "kind": "position-embedding", "initial_std": 0.5},
    {"name": "even", "kind": "layer-norm"},
    # Neither a bias before a batch norm nor one of keys changes anything.
    *({"name": n, "kind": "linear", "features": 8, "inputs": ["even"], "bias": n != "k"} for n in ("q", "k", "v")),
    {"name": "attend", "kind": "attention", "heads": 2, "causal": True, "inputs": ["q", "k", "v"]},
    {"name": "project", "kind": "linear", "features": 8},
    {"name": "sum", "kind": "add", "inputs": ["project", "place"]},
    {"name": "bend", "kind": "gelu"},
    {"name": "memory", "kind": "lstm", "features": 5, "bidirectional": True, "output": "last"},
    {"name": "out", "kind": "linear", "features": 3},
]


def data() -> DataSet:
    draw = np.random.default_rng(5)
    inputs, targets = draw.normal(size=(12, 4, 12)).astype(np.float32), draw.integers(0, 3, 12)
    return DataSet("waves", inputs[:SAMPLES], targets[:SAMPLES], inputs[SAMPLES:], targets[SAMPLES:], 3)


def trained(learning_rate: float) -> dict[str, Any]:
    document = {
        "network": {"input_shape": [4, 12], "layers": LAYERS},
        "chip": {"preset": "reram-1024", "device": "ideal", "io": {"is_perfect": True}},
        "training": {"algorithm": "digital-sgd", "learning_rate": learning_rate, "mini_batch": SAMPLES, "epochs": 3},
        "schedule": {
            "kind": "synchronous",
            "stages": [["conv", "excite"], ["q", "k", "v", "attend", "project"], ["memory", "out"]],
        },
        "run": {"mode": "coupled"},
    }
    return dict(archsim.simulate(document, data=data()).weights)


def outputs(w: dict[str, Any], x: Any) -> Any:
    """The network in PyTorch's words; running averages of the batch norm move in place."""
    weight = torch.cat([w["conv.0"], w["conv.1"]]).reshape(8, 2, 3)
    x = F.conv1d(x, weight, padding=1, groups=2)
    averages = w["norm.running_mean"], w["norm.running_var"]
    x = F.max_pool1d(F.relu(F.batch_norm(x, *averages, w["norm.weight"], w["norm.bias"], training=True)), 2)
    x = x * torch.sigmoid(F.linear(x.mean(dim=2), w["excite"], w["excite.bias"]))[:, :, None]
    placed = x.transpose(1, 2) + w["place.weight"]
    even = F.layer_norm(placed, (8,), w["even.weight"], w["even.bias"])
    split = [
        F.linear(even, w[n], w.get(f"{n}.bias")).reshape(len(x), -1, 2, 4).transpose(1, 2) for n in ("q", "k", "v")
    ]
    attended = F.scaled_dot_product_attention(*split, is_causal=True).transpose(1, 2).flatten(2)
    x = F.gelu(F.linear(attended, w["project"], w["project.bias"]) + placed)
    last = []
    for direction in (0, 1):
        h = c = torch.zeros(len(x), 5, dtype=x.dtype)
        for at in (x.flip(1) if direction else x).unbind(1):
            drive = torch.cat([at, h], dim=1)
            i, f, g, o = F.linear(drive, w[f"memory.{direction}"], w[f"memory.{direction}.bias"]).split(5, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        last.append(h)
    return F.linear(torch.cat(last, dim=1), w["out"], w["out.bias"])


def test_three_steps_of_descent_are_those_of_pytorch() -> None:
    """Only the precision of float32 is left between both: a mini-batch is all samples, whose order does not matter."""
    start, found = trained(1e-30), trained(RATE)
    of_norm = np.zeros(8), np.ones(8)
    start |= {"norm.running_mean": of_norm[0], "norm.running_var": of_norm[1]}
    w = {name: torch.tensor(array, dtype=torch.float64) for name, array in start.items()}
    learnt = {name: array.requires_grad_() for name, array in w.items() if "running" not in name}
    x, labels = torch.tensor(data().train_inputs, dtype=torch.float64), torch.tensor(data().train_targets)
    for _ in range(3):
        for array in learnt.values():
            array.grad = None
        F.cross_entropy(outputs(w, x), labels).backward()
        with torch.no_grad():
            for array in learnt.values():
                array -= RATE * array.grad
    assert w.keys() == found.keys()
    for name, array in w.items():
        expected = array.detach().numpy()
        moved = np.abs(expected - start[name]).max()
        assert moved > 1e-5, name
        np.testing.assert_allclose(found[name], expected, atol=1e-3 * moved + 2e-6, err_msg=name)
