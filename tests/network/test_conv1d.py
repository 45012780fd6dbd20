"""Convolution of sequences against `numpy.correlate`, its gradients against exact differences, and its matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.network.graph import Node
from archsim.network.operators import MatrixOperator, load_operator
from tests.network.operators_by_hand import Block, convolved, node_of


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, int]]:
    """Return the settings of a convolution, and the shape of a sequence that it fits."""
    kernel, dilation, padding = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    groups, length = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    assume(dilation * (kernel - 1) < length + 2 * padding)
    return {
        "kind": "conv1d",
        "channels": groups * draw(st.integers(1, 2)),
        "kernel": kernel,
        "stride": draw(st.integers(1, 3)),
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }, (groups * draw(st.integers(1, 2)), length)


def correlated(layer: dict[str, Any], x: Block, weight: Block) -> Block:
    """The same by NumPy's correlation of two lines; `weight` has the shape (outputs, inputs / groups, kernel)."""
    outputs, per_group, kernel = weight.shape
    spread = np.zeros((outputs, per_group, layer["dilation"] * (kernel - 1) + 1))
    spread[..., :: layer["dilation"]] = weight
    padded = np.pad(x, ((0, 0), (0, 0), (layer["padding"], layer["padding"])))
    found = []
    for o in range(outputs):
        first = o // (outputs // layer["groups"]) * per_group
        lines = [
            [np.correlate(sample[first + i], spread[o, i], "valid") for i in range(per_group)] for sample in padded
        ]
        found.append(np.array(lines).sum(axis=1))
    return np.stack(found, axis=1)[..., :: layer["stride"]]


@given(convolutions())
def test_a_convolution_of_sequences_is_that_of_numpy(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    layer, shape = drawn
    node, random = node_of(layer, shape), np.random.default_rng(1)
    weight = random.normal(size=(layer["channels"], shape[0] // layer["groups"], layer["kernel"]))
    weights = [block.reshape(len(block), -1) for block in np.split(weight, layer["groups"])]
    x = random.normal(size=(2, *shape))
    expected = correlated(layer, x, weight)
    assert expected.shape == (2, *node.shape)
    np.testing.assert_allclose(convolved(node, x, weights), expected, atol=1e-12)
    _check_gradients(node, x, weights, random.normal(size=expected.shape))


def _check_gradients(node: Node, x: Block, weights: list[Block], d: Block) -> None:
    """Compare the gradients at input and weights with differences, which are exact: both are linear."""
    operator, random = load_operator("conv1d"), np.random.default_rng(2)
    assert isinstance(operator, MatrixOperator)
    errors = [operator.unfold_gradient(node, matrix, d) for matrix in node.matrices]
    (at_input,) = operator.fold_gradient(node, tuple(e @ w for e, w in zip(errors, weights, strict=True)))
    assert at_input.shape == x.shape
    change = random.normal(size=x.shape)
    assert (at_input * change).sum() == pytest.approx((convolved(node, change, weights) * d).sum(), abs=1e-9)
    changes = [random.normal(size=weight.shape) for weight in weights]
    at_weights = [
        error.T @ operator.unfold(node, matrix, (x,)) for error, matrix in zip(errors, node.matrices, strict=True)
    ]
    summed = sum(float((a * c).sum()) for a, c in zip(at_weights, changes, strict=True))
    assert summed == pytest.approx((convolved(node, x, changes) * d).sum(), abs=1e-9)


def test_depth_wise_each_channel_has_a_matrix_of_its_own() -> None:
    node = node_of({"kind": "conv1d", "channels": 3, "kernel": 5, "padding": 2, "groups": 3}, (3, 7))
    assert node.shape == (3, 7)
    assert [(m.name, m.size, m.vectors) for m in node.matrices] == [(f"op.{n}", (5, 1), 7) for n in range(3)]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        ({}, (3,), r"takes sequences, but its input has the shape \[3\]"),
        ({}, (1, 2, 3), "takes sequences"),
        ({"kernel": 3, "dilation": 2}, (1, 4), "kernel spans 5 elements, and the input with its padding has 4"),
        ({"groups": 2}, (3, 4), "3 input channels do not divide"),
    ],
)
def test_what_does_not_fit_is_explained(layer: dict[str, Any], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        node_of({"kind": "conv1d", "channels": 2, "kernel": 1} | layer, shape)
