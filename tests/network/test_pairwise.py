"""Sums and products of two branches, one of which may be the same along axes of the other."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim.digital.fixed_point import FixedPoint
from archsim.digital.specification import FixedPointSettings
from tests.network.operators_by_hand import Block, check_gradients, node_of, operator_of

Shapes = tuple[tuple[int, ...], tuple[int, ...]]


@st.composite
def shapes(draw: st.DrawFn) -> Shapes:
    """Return two shapes of as many axes that agree, but for sizes of 1."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    shared = [draw(st.sampled_from(["neither", "first", "second"])) for _ in sizes]
    first, second = (
        tuple(1 if who == which else size for size, who in zip(sizes, shared, strict=True))
        for which in ("first", "second")
    )
    return first, second


def blocks(pair: Shapes) -> tuple[Block, Block]:
    random = np.random.default_rng(3)
    return random.normal(size=(2, *pair[0])), random.normal(size=(2, *pair[1]))


@given(shapes())
def test_numbers_gradients_and_costs(pair: Shapes) -> None:
    x, y = blocks(pair)
    sum_, product = node_of({"kind": "add"}, *pair), node_of({"kind": "multiply"}, *pair)
    np.testing.assert_array_equal(operator_of(sum_).forward(sum_, (x, y)), x + y)
    np.testing.assert_array_equal(operator_of(product).forward(product, (x, y)), x * y)
    for node in (sum_, product):
        assert node.shape == (x + y).shape[1:]
        check_gradients(node, (x, y))
        assert operator_of(node).cost(node).operations(1) == prod(node.shape)
    summed = sum(prod(sum_.shape) - prod(shape) for shape in pair)
    assert operator_of(sum_).gradient_cost(sum_).operations(1) == summed
    assert operator_of(product).gradient_cost(product).operations(1) == 2 * prod(product.shape)


def test_the_fixed_point_unit_sums_over_shared_axes_once() -> None:
    """The sum of the rounded products, accumulated exactly."""
    unit = FixedPoint(FixedPointSettings()).backward
    node = node_of({"kind": "multiply"}, (2, 3, 4), (2, 1, 1))
    random = np.random.default_rng(7)
    d, x = (random.normal(size=(5, 2, 3, 4)).astype(np.float32) for _ in range(2))
    factor = random.normal(size=(5, 2, 1, 1)).astype(np.float32)
    _, found = operator_of(node, unit).gradient(node, (x, factor), d, d)
    products = unit.multiply(d, x)
    expected = unit.number(products.astype(np.float64).sum(axis=(2, 3)))
    np.testing.assert_array_equal(found[:, :, 0, 0], expected)


SQUEEZE_AND_EXCITE = [
    {"name": "conv", "kind": "conv2d", "channels": 4, "kernel": 3},
    {"name": "act", "kind": "relu"},
    {"name": "squeeze", "kind": "global-average-pool"},
    {"name": "excite", "kind": "linear", "features": 4},
    {"name": "gate", "kind": "sigmoid"},
    {"name": "factors", "kind": "reshape", "shape": [4, 1, 1]},
    {"name": "scaled", "kind": "multiply", "inputs": ["act", "factors"]},
    {"name": "pool", "kind": "global-max-pool"},
    {"name": "out", "kind": "linear", "features": 10},
]


@pytest.mark.parametrize("stages", [1, [["conv", "act", "squeeze"], ["excite"], ["scaled", "out"]]])
def test_squeeze_and_excite_gives_the_same_weights_chunk_by_chunk_and_over_stages(stages: object) -> None:
    network = {"input_shape": [1, 8, 8], "layers": SQUEEZE_AND_EXCITE}
    document = {
        "network": network,
        "chip": {"preset": "reram-1024", "device": "soft-bounds"},
        "data": {"name": "digits"},
        "training": {"learning_rate": 0.1, "mini_batch": 4, "max_mini_batches": 3},
    }
    sequential = archsim.simulate(document | {"schedule": {"stages": 1}, "run": {"mode": "numerics"}})
    schedule = {"kind": "synchronous", "stages": stages, "overlap": "stages", "chunk_vectors": 5}
    streamed = archsim.simulate(document | {"schedule": schedule, "run": {"mode": "coupled"}})
    assert sequential.weights.keys() == streamed.weights.keys()
    for name, array in sequential.weights.items():
        np.testing.assert_array_equal(streamed.weights[name], array, err_msg=name)
