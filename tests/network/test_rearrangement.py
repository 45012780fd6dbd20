"""Products of two branches, joins, parts and other orders of axes: by NumPy, and by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.network.operators import OperatorCost
from tests.network.operators_by_hand import check_gradients, node_of, operator_of

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def blocks(*shapes: tuple[int, ...]) -> tuple[Any, ...]:
    random = np.random.default_rng(1)
    return tuple(random.normal(size=(2, *shape)) for shape in shapes)


def test_a_product_takes_two_inputs_of_one_shape() -> None:
    node = node_of({"kind": "multiply"}, (2, 3), (2, 3))
    a, b = blocks((2, 3), (2, 3))
    np.testing.assert_array_equal(operator_of(node).forward(node, (a, b)), a * b)
    check_gradients(node, (a, b))
    assert operator_of(node).cost(node) == OperatorCost(multiply_adds=6)
    assert operator_of(node).gradient_cost(node) == OperatorCost(multiply_adds=12)


@given(SHAPES, st.data())
def test_a_join_is_that_of_numpy_and_slices_take_it_apart(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    extents = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    parts = [(*shape[:axis], extent, *shape[axis + 1 :]) for extent in extents]
    node = node_of({"kind": "concat", "axis": axis}, *parts)
    inputs = blocks(*parts)
    whole = operator_of(node).forward(node, inputs)
    np.testing.assert_array_equal(whole, np.concatenate(inputs, axis=axis + 1))
    assert whole.shape == (2, *node.shape)
    assert operator_of(node).cost(node) == operator_of(node).gradient_cost(node) == OperatorCost()
    start = 0
    for x, extent, gradient in zip(
        inputs, extents, operator_of(node).gradient(node, inputs, whole, whole), strict=True
    ):
        np.testing.assert_array_equal(gradient, x)
        part = node_of({"kind": "slice", "axis": axis, "start": start, "stop": start + extent}, node.shape)
        np.testing.assert_array_equal(operator_of(part).forward(part, (whole,)), x)
        start += extent


@given(SHAPES, st.data())
def test_a_slice_is_that_of_numpy(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    start = data.draw(st.integers(0, shape[axis] - 1))
    stop = data.draw(st.none() | st.integers(start + 1, shape[axis]))
    node = node_of({"kind": "slice", "axis": axis, "start": start, "stop": stop}, shape)
    (x,) = blocks(shape)
    y = operator_of(node).forward(node, (x,))
    np.testing.assert_array_equal(y, np.moveaxis(np.moveaxis(x, axis + 1, 0)[start:stop], 0, axis + 1))
    assert y.shape == (2, *node.shape)
    (gradient,) = operator_of(node).gradient(node, (x,), y, y)
    # The only array of the input's shape that agrees with y in the part and has no other numbers.
    assert gradient.shape == x.shape
    np.testing.assert_array_equal(operator_of(node).forward(node, (gradient,)), y)
    assert np.count_nonzero(gradient) == y.size


@given(SHAPES, st.data())
def test_a_transpose_is_that_of_numpy_and_its_gradient_goes_back(shape: tuple[int, ...], data: st.DataObject) -> None:
    axes = data.draw(st.permutations(range(len(shape))))
    node = node_of({"kind": "transpose", "axes": axes}, shape)
    (x,) = blocks(shape)
    y = operator_of(node).forward(node, (x,))
    np.testing.assert_array_equal(y, np.stack([np.transpose(sample, axes) for sample in x]))
    assert y.shape == (2, *node.shape)
    assert y.flags.c_contiguous
    (gradient,) = operator_of(node).gradient(node, (x,), y, y)
    np.testing.assert_array_equal(gradient, x)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ({"kind": "concat", "axis": 1}, ((2, 3), (2, 1), (2, 2))),
        ({"kind": "slice", "axis": 1, "start": 1, "stop": 3}, ((2, 4),)),
        ({"kind": "transpose", "axes": [1, 2, 0]}, ((2, 3, 2),)),
    ],
)
def test_gradients_are_those_of_differences(layer: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    check_gradients(node_of(layer, *shapes), blocks(*shapes))


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        ({"kind": "multiply"}, ((2, 3), (3, 2)), r"along an axis, and these have \[2, 3\] and \[3, 2\]"),
        ({"kind": "add"}, ((2, 3), (2,)), r"remedy: *put a 'reshape' to \[2, 1\] behind the one of the shape \[2\]"),
        ({"kind": "multiply"}, ((2,),), "takes 2 inputs"),
        ({"kind": "concat"}, ((2,),), "takes 2 or more inputs"),
        ({"kind": "concat", "axis": 1}, ((2, 3), (3, 2)), "must agree in all others"),
        ({"kind": "concat"}, ((2, 3), (2,)), "must agree in all others"),
        ({"kind": "concat", "axis": 1}, ((2, 3), (2,)), "no such axis"),
        ({"kind": "concat", "axis": 2}, ((2, 3), (2, 3)), r"no such axis.*\n.*\n *allowed: 0 to 1"),
        ({"kind": "slice", "axis": 1}, ((2,),), "no such axis"),
        ({"kind": "slice", "stop": 3}, ((2,),), r"ends before\n.*\n *allowed: at most 2"),
        ({"kind": "slice", "start": 2}, ((2,),), r"no element is left\n.*\n *allowed: at most 1"),
        ({"kind": "slice", "start": 1, "stop": 1}, ((2,),), "no element is left"),
        ({"kind": "transpose", "axes": [0, 0]}, ((2, 3),), "named once"),
        ({"kind": "transpose", "axes": [1, 0]}, ((2,),), "named once"),
    ],
)
def test_what_does_not_fit_is_explained(
    layer: dict[str, Any], shapes: tuple[tuple[int, ...], ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        node_of(layer, *shapes)
