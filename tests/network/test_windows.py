"""Convolution and pooling against loops that take every product one by one, and against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.graph import Graph, Node
from archsim.network.operators import DigitalOperator, MatrixOperator, load_operator
from archsim.network.specification import NetworkSpecification
from tests.network.operators_by_hand import Block, convolved, numeric_gradient

SMALL = st.integers(1, 3)


@st.composite
def windows(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, int, int]]:
    """Return the settings of a window, and the shape of an image that it fits."""
    kernel, stride = (draw(SMALL), draw(SMALL)), (draw(SMALL), draw(SMALL))
    padding = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    assume(height + 2 * padding[0] >= kernel[0] and width + 2 * padding[1] >= kernel[1])
    settings = {"kernel": kernel, "stride": stride, "padding": padding}
    return settings, (draw(st.integers(1, 4)), height, width)


def network(layer: dict[str, Any], shape: tuple[int, int, int]) -> Graph:
    layers = [
        {"name": "first", "kind": "identity"},
        {"name": "op"} | layer,
        {"name": "flat", "kind": "flatten"},
        {"name": "out", "kind": "linear", "features": 2},
    ]
    return build_graph(NetworkSpecification.model_validate({"input_shape": shape, "layers": layers}))


def loops(layer: dict[str, Any], x: Block, weight: Block) -> Block:
    """The definition of a convolution, product by product; `weight` has the shape (outputs, inputs / groups, k, k)."""
    (py, px), (sy, sx), (dy, dx) = layer["padding"], layer["stride"], layer["dilation"]
    samples, channels, height, width = x.shape
    outputs, per_group, rows, columns = weight.shape
    padded = np.zeros((samples, channels, height + 2 * py, width + 2 * px))
    padded[:, :, py : py + height, px : px + width] = x
    high = (height + 2 * py - dy * (rows - 1) - 1) // sy + 1
    wide = (width + 2 * px - dx * (columns - 1) - 1) // sx + 1
    y = np.zeros((samples, outputs, high, wide))
    for o, r, c in np.ndindex(outputs, high, wide):
        group = o // (outputs // layer["groups"])
        for i, a, b in np.ndindex(per_group, rows, columns):
            seen = padded[:, group * per_group + i, r * sy + a * dy, c * sx + b * dx]
            y[:, o, r, c] += weight[o, i, a, b] * seen
    return y


@given(windows(), st.integers(1, 2), st.tuples(st.integers(1, 2), st.integers(1, 2)), st.integers(1, 2))
def test_a_convolution_is_its_definition(
    drawn: tuple[dict[str, Any], tuple[int, int, int]], groups: int, dilation: tuple[int, int], factor: int
) -> None:
    settings, (channels, height, width) = drawn
    kernel, padding = settings["kernel"], settings["padding"]
    assume(dilation[0] * (kernel[0] - 1) < height + 2 * padding[0])
    assume(dilation[1] * (kernel[1] - 1) < width + 2 * padding[1])
    outputs, channels = groups * factor, groups * channels
    layer = settings | {"kind": "conv2d", "channels": outputs, "groups": groups, "dilation": dilation}
    node = network(layer, (channels, height, width))["op"]
    random = np.random.default_rng(1)
    weight = random.normal(size=(outputs, channels // groups, *kernel))
    x = random.normal(size=(2, channels, height, width))
    expected = loops(layer, x, weight)
    assert node.shape == expected.shape[1:]
    flat = [block.reshape(len(block), -1) for block in np.split(weight, groups)]
    np.testing.assert_allclose(convolved(node, x, flat), expected, atol=1e-12)
    _check_gradients(node, x, flat, random.normal(size=expected.shape))


def _check_gradients(node: Node, x: Block, weights: list[Block], d: Block) -> None:
    """Compare the gradients at input and weights with the definition: both are linear, so a difference is exact."""
    operator = load_operator("conv2d")
    assert isinstance(operator, MatrixOperator)
    random = np.random.default_rng(2)
    errors = [operator.unfold_gradient(node, matrix, d) for matrix in node.matrices]
    back = tuple(error @ weight for error, weight in zip(errors, weights, strict=True))
    (at_input,) = operator.fold_gradient(node, back)
    change = random.normal(size=x.shape)
    assert (at_input * change).sum() == pytest.approx((convolved(node, change, weights) * d).sum(), abs=1e-9)
    for index, (matrix, error) in enumerate(zip(node.matrices, errors, strict=True)):
        at_weight = error.T @ operator.unfold(node, matrix, (x,))
        changes = [random.normal(size=w.shape) if k == index else np.zeros(w.shape) for k, w in enumerate(weights)]
        assert (at_weight * changes[index]).sum() == pytest.approx((convolved(node, x, changes) * d).sum(), abs=1e-9)


@given(windows())
def test_pooling_keeps_the_largest_number(drawn: tuple[dict[str, Any], tuple[int, int, int]]) -> None:
    settings, shape = drawn
    node = network(settings | {"kind": "max-pool"}, shape)["op"]
    operator = load_operator("max-pool")
    assert isinstance(operator, DigitalOperator)
    random = np.random.default_rng(3)
    # Distinct numbers, further apart than the step of the differences.
    x = random.permutation(2 * np.prod(shape)).reshape(2, *shape).astype(float)
    y = operator.forward(node, (x,))
    (py, px), (sy, sx), (rows, columns) = settings["padding"], settings["stride"], settings["kernel"]
    assert y.shape == (2, *node.shape)
    for r, c in np.ndindex(*node.shape[1:]):
        top, left = r * sy - py, c * sx - px
        seen = x[:, :, max(top, 0) : top + rows, max(left, 0) : left + columns]
        np.testing.assert_array_equal(y[:, :, r, c], seen.max(axis=(2, 3)))
    d = random.normal(size=y.shape)
    (gradient,) = operator.gradient(node, (x,), y, d)
    expected = numeric_gradient(lambda z: float((operator.forward(node, (z,)) * d).sum()), x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)


def test_of_equal_numbers_the_first_takes_the_gradient() -> None:
    node = network({"kind": "max-pool", "kernel": 2}, (1, 2, 2))["op"]
    operator = load_operator("max-pool")
    assert isinstance(operator, DigitalOperator)
    x = np.array([[[[1.0, 2.0], [2.0, 2.0]]]])
    (gradient,) = operator.gradient(node, (x,), operator.forward(node, (x,)), np.full((1, 1, 1, 1), 3.0))
    np.testing.assert_array_equal(gradient, [[[[0, 3], [0, 0]]]])


def test_numbers_of_lenet() -> None:
    """Sizes, vectors and multiply-accumulates of LeNet-5's convolutions, as textbooks count them."""
    layers = [
        {"name": "c1", "kind": "conv2d", "channels": 6, "kernel": 5, "padding": 2},
        {"name": "s2", "kind": "max-pool", "kernel": 2},
        {"name": "c3", "kind": "conv2d", "channels": 16, "kernel": 5},
        {"name": "s4", "kind": "max-pool", "kernel": 2},
        {"name": "flat", "kind": "flatten"},
        {"name": "f5", "kind": "linear", "features": 120},
    ]
    graph = build_graph(NetworkSpecification.model_validate({"input_shape": (1, 28, 28), "layers": layers}))
    assert [node.shape for node in graph.nodes] == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (400,), (120,)]
    found = {matrix.name: (matrix.inputs, matrix.outputs, matrix.vectors) for matrix in graph.matrices}
    assert found == {"c1": (25, 6, 784), "c3": (150, 16, 100), "f5": (400, 120, 1)}
    assert [matrix.weights * matrix.vectors for matrix in graph.matrices] == [117_600, 240_000, 48_000]


MISTAKES = [
    ({"kind": "conv2d", "channels": 4, "kernel": 9}, (3, 8, 8), "kernel", "spans 9 x 9 elements"),
    ({"kind": "conv2d", "channels": 4, "kernel": 3, "dilation": 4}, (3, 8, 8), "kernel", "spans 9 x 9 elements"),
    ({"kind": "conv2d", "channels": 4, "kernel": 3, "groups": 2}, (3, 8, 8), "groups", "3 input channels"),
    ({"kind": "conv2d", "channels": 4, "kernel": 3, "groups": 3}, (3, 8, 8), "groups", "4 output channels"),
    ({"kind": "conv2d", "channels": 4, "kernel": 3}, (24,), "inputs", "takes images"),
    ({"kind": "max-pool", "kernel": 2}, (24,), "inputs", "takes images or sequences"),
    ({"kind": "max-pool", "kernel": 2, "padding": 2}, (3, 8, 8), "padding", "nothing but padding"),
    ({"kind": "add", "inputs": ["first", "input"]}, (3, 8, 8), None, None),
    ({"kind": "add", "inputs": ["first"]}, (3, 8, 8), "inputs", "takes 2 inputs"),
]


@pytest.mark.parametrize(("layer", "shape", "field", "words"), MISTAKES)
def test_shapes_that_do_not_fit_are_refused(
    layer: dict[str, Any], shape: tuple[int, int, int], field: str | None, words: str | None
) -> None:
    if field is None:
        assert network(layer, shape)["op"].shape == shape
        return
    with pytest.raises(InputError, match=words) as caught:
        network(layer, shape)
    assert caught.value.field == f"network.layers.1.{field}"


def test_a_sum_of_two_shapes_is_refused() -> None:
    layers = [
        {"name": "conv", "kind": "conv2d", "channels": 4, "kernel": 3},
        {"name": "sum", "kind": "add", "inputs": ["conv", "input"]},
    ]
    specification = NetworkSpecification.model_validate({"input_shape": (3, 8, 8), "layers": layers})
    with pytest.raises(InputError, match=r"have \[4, 6, 6\] and \[3, 8, 8\]") as caught:
        build_graph(specification)
    assert caught.value.field == "network.layers.1.inputs"


def test_a_matrix_has_no_name_of_another_layer() -> None:
    layers = [
        {"name": "conv", "kind": "conv2d", "channels": 4, "kernel": 3, "groups": 2},
        {"name": "conv.1", "kind": "flatten"},
    ]
    with pytest.raises(InputError, match="a matrix of the layer 'conv' has this name"):
        build_graph(NetworkSpecification.model_validate({"input_shape": (2, 3, 3), "layers": layers}))
