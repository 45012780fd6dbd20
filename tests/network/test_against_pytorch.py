"""Activations, convolutions and rearrangements against PyTorch, where it is installed: outputs and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archsim.network.graph import Node
from archsim.network.operators import MatrixOperator, load_operator
from tests.network.operators_by_hand import Block, node_of, operator_of

torch = pytest.importorskip("torch")
F = torch.nn.functional

DIGITAL: dict[str, tuple[dict[str, Any], tuple[tuple[int, ...], ...], Callable[..., Any]]] = {
    "gelu": ({"kind": "gelu"}, ((2, 7),), F.gelu),
    "gelu by tanh": ({"kind": "gelu", "approximate": "tanh"}, ((2, 7),), lambda x: F.gelu(x, approximate="tanh")),
    "silu": ({"kind": "silu"}, ((2, 7),), F.silu),
    "hard-swish": ({"kind": "hard-swish"}, ((2, 7),), F.hardswish),
    "leaky-relu": ({"kind": "leaky-relu", "slope": 0.2}, ((2, 7),), lambda x: F.leaky_relu(x, 0.2)),
    "relu6": ({"kind": "relu6"}, ((2, 7),), F.relu6),
    "softmax": ({"kind": "softmax"}, ((2, 7),), lambda x: F.softmax(x, dim=-1)),
    "max-pool": (
        {"kind": "max-pool", "kernel": 2, "padding": 1},
        ((2, 5, 4),),
        lambda x: F.max_pool2d(x, 2, padding=1),
    ),
    "multiply": ({"kind": "multiply"}, ((2, 7), (2, 7)), lambda x, y: x * y),
    "concat": ({"kind": "concat", "axis": 1}, ((2, 3), (2, 4)), lambda x, y: torch.cat([x, y], dim=2)),
    "slice": ({"kind": "slice", "axis": 1, "start": 1, "stop": 4}, ((2, 7),), lambda x: x[:, :, 1:4]),
    "transpose": ({"kind": "transpose", "axes": [1, 2, 0]}, ((2, 3, 4),), lambda x: x.permute(0, 2, 3, 1)),
}
CONVOLUTIONS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "conv1d": ({"kernel": 3, "stride": 2, "padding": 2, "dilation": 2, "groups": 2}, (4, 9)),
    "conv2d": ({"kernel": [3, 2], "stride": [2, 1], "padding": [1, 2], "dilation": [1, 2], "groups": 2}, (4, 6, 7)),
}


def leaf(x: Block) -> Any:
    return torch.tensor(x, requires_grad=True)


@pytest.mark.parametrize("name", DIGITAL)
def test_a_digital_operator(name: str) -> None:
    layer, shapes, function = DIGITAL[name]
    node, random = node_of(layer, *shapes), np.random.default_rng(1)
    inputs = tuple(3 * random.normal(size=(3, *shape)) for shape in shapes)
    leaves = [leaf(x) for x in inputs]
    expected = function(*leaves)
    y = operator_of(node).forward(node, inputs)
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-9, atol=1e-12)
    d = random.normal(size=y.shape)
    expected.backward(torch.tensor(d))
    for gradient, at in zip(operator_of(node).gradient(node, inputs, y, d), leaves, strict=True):
        np.testing.assert_allclose(gradient, at.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_a_convolution(kind: str) -> None:
    settings, shape = CONVOLUTIONS[kind]
    node, random = node_of({"kind": kind, "channels": 6} | settings, shape), np.random.default_rng(2)
    kernel = np.atleast_1d(settings["kernel"])
    weight, x = random.normal(size=(6, 2, *kernel)), random.normal(size=(3, *shape))
    at_weight, at_input = leaf(weight), leaf(x)
    more = {key: settings[key] for key in ("stride", "padding", "dilation", "groups")}
    expected = getattr(F, kind)(at_input, at_weight, **more)
    parts = [part.reshape(len(part), -1) for part in np.split(weight, settings["groups"])]
    operator = load_operator(kind)
    assert isinstance(operator, MatrixOperator)
    vectors = [operator.unfold(node, matrix, (x,)) for matrix in node.matrices]
    y = operator.fold(node, tuple(v @ w.T for v, w in zip(vectors, parts, strict=True)))
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-9, atol=1e-12)
    d = random.normal(size=y.shape)
    expected.backward(torch.tensor(d))
    errors = errors_of(operator, node, d)
    (gradient,) = operator.fold_gradient(node, tuple(e @ w for e, w in zip(errors, parts, strict=True)))
    np.testing.assert_allclose(gradient, at_input.grad, rtol=1e-9, atol=1e-12)
    found = np.concatenate([e.T @ v for e, v in zip(errors, vectors, strict=True)]).reshape(weight.shape)
    np.testing.assert_allclose(found, at_weight.grad, rtol=1e-9, atol=1e-12)


def errors_of(operator: MatrixOperator, node: Node, d: Block) -> list[Block]:
    return [operator.unfold_gradient(node, matrix, d) for matrix in node.matrices]
