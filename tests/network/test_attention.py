"""Attention against a loop over pairs of positions, finite differences, and a count of operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.attention import attention
from archsim.digital.fixed_point import FixedPoint
from archsim.digital.products import stacked_product
from archsim.digital.specification import FixedPointSettings, Float32Settings
from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.graph import Graph, Node
from archsim.network.operators import DigitalOperator, load_operator
from archsim.network.specification import NetworkSpecification
from tests.network.operators_by_hand import check_gradients

Block = npt.NDArray[np.float64]
CASES = [
    {"queries": 4, "keys": 4, "features": 6, "values": 6, "heads": 2, "causal": True},
    {"queries": 3, "keys": 5, "features": 4, "values": 6, "heads": 2, "causal": False},
    {"queries": 1, "keys": 2, "features": 3, "values": 1, "heads": 1, "causal": False},
]


def network(queries: int, keys: int, features: int, values: int, **settings: Any) -> Graph:
    """Three projections of parts of the input, attention, and a layer behind it."""
    sizes = {"q": (queries, features), "k": (keys, features), "v": (keys, values)}
    layers: list[dict[str, Any]] = []
    for name, size in sizes.items():
        layers.append({"name": f"{name}0", "kind": "linear", "features": math.prod(size), "inputs": ["input"]})
        layers.append({"name": name, "kind": "reshape", "shape": size})
    layers.append({"name": "op", "kind": "attention", "inputs": ["q", "k", "v"], **settings})
    layers += [{"name": "flat", "kind": "flatten"}, {"name": "out", "kind": "linear", "features": 2}]
    return build_graph(NetworkSpecification.model_validate({"input_shape": [3], "layers": layers}))


def operator() -> DigitalOperator:
    found = load_operator("attention")
    assert isinstance(found, DigitalOperator)
    return found


def blocks(node: Node, samples: int = 2) -> tuple[Block, ...]:
    random = np.random.default_rng(3)
    return tuple(random.normal(size=(samples, *shape)) for shape in node.input_shapes)


def loops(node: Node, q: Block, k: Block, v: Block, heads: int, causal: bool) -> tuple[Block, int]:
    """The definition, position by position, and the number of pairs that it visits in a sample and head."""
    output, pairs = np.zeros((len(q), *node.shape)), 0
    n, m = q.shape[2] // heads, v.shape[2] // heads
    for sample, head, i in np.ndindex(len(q), heads, q.shape[1]):
        row, column = slice(head * n, (head + 1) * n), slice(head * m, (head + 1) * m)
        seen = range(i + 1 if causal else k.shape[1])
        weights = [math.exp(float(q[sample, i, row] @ k[sample, j, row]) / math.sqrt(n)) for j in seen]
        for j, weight in zip(seen, weights, strict=True):
            output[sample, i, column] += weight / sum(weights) * v[sample, j, column]
        pairs += len(seen)
    return output, pairs // (len(q) * heads)


@pytest.mark.parametrize("case", CASES)
def test_numbers_are_those_of_the_definition(case: dict[str, Any]) -> None:
    node = network(**case)["op"]
    q, k, v = blocks(node)
    expected, _ = loops(node, q, k, v, case["heads"], case["causal"])
    np.testing.assert_allclose(operator().forward(node, (q, k, v)), expected, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_differences(case: dict[str, Any]) -> None:
    node = network(**case)["op"]
    check_gradients(node, blocks(node))


@pytest.mark.parametrize("case", CASES)
def test_costs_are_the_operations_of_the_pairs_that_are_seen(case: dict[str, Any]) -> None:
    node, heads = network(**case)["op"], case["heads"]
    _, pairs = loops(node, *blocks(node, 1), heads, case["causal"])
    queries, features, values = case["queries"], case["features"], case["values"]
    rows = heads * queries
    softmax = heads * pairs * 4 - 2 * rows  # largest, difference, sum, division; one less of the first and third a row
    weights = queries * features + pairs * features + softmax
    cost, gradient = operator().cost(node), operator().gradient_cost(node)
    assert (cost.multiply_adds, cost.activations) == (weights + pairs * values, heads * pairs)
    back = 2 * pairs * values + 2 * pairs * features + 3 * heads * pairs + queries * features
    assert (gradient.multiply_adds, gradient.activations) == (weights + back, heads * pairs)


def test_no_later_position_is_seen_by_causal_attention() -> None:
    node = network(**CASES[0])["op"]
    inputs = blocks(node)
    changed = tuple(np.concatenate([x[:, :2], x[:, 2:] + 10], axis=1) for x in inputs)
    before, after = (operator().forward(node, x) for x in (inputs, changed))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).any()


class Narrow(Arithmetic):
    """An arithmetic whose most negative number has an exponential far from 0."""

    Settings = Float32Settings

    def number(self, x: Array) -> Array:
        return np.clip(x, -2, 2).astype(np.float32)


def test_what_is_hidden_counts_nothing_in_a_narrow_arithmetic() -> None:
    random = np.random.default_rng(3)
    q, k, v = (random.normal(size=(1, 1, 3, 2)).astype(np.float32) for _ in range(3))
    hidden = ~np.tri(3, dtype=np.bool_)
    first = attention(q, k, v, hidden, Narrow(Float32Settings()))[0, 0, 0]
    np.testing.assert_array_equal(first, v[0, 0, 0])


def test_a_fixed_point_unit_accumulates_products_exactly_and_rounds_them_once() -> None:
    """Words of 24 bits: those of a float32 do not hold their products, and 53 hold these sums up to the rounding."""
    unit, random = FixedPoint(FixedPointSettings.model_validate({"forward": "s(6,18)"})), np.random.default_rng(7)
    x, y = (unit.number(random.integers(-(2**20), 2**20, size) / 2**18) for size in ((20, 30, 40), (20, 40, 30)))
    exact = np.matmul(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_array_equal(unit.matmul(x, y), unit.number(exact))


@given(
    st.tuples(st.integers(0, 3), st.integers(1, 2)),
    st.integers(0, 4),
    st.integers(1, 9),
    st.integers(0, 40),
    st.sampled_from([np.float32, np.float64]),
)
def test_products_add_their_terms_in_order(
    stacks: tuple[int, int], rows: int, terms: int, columns: int, number: type[np.floating]
) -> None:
    random = np.random.default_rng(7)
    x = random.normal(size=(*stacks, rows, terms)).astype(number)
    y = random.normal(size=(*stacks, columns, terms)).astype(number).swapaxes(-1, -2)
    expected = x[..., :, 0, None] * y[..., None, 0, :]
    for k in range(1, terms):
        expected += x[..., :, k, None] * y[..., None, k, :]
    found = stacked_product(x, y)
    assert found.dtype == number
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 4}, "6 features do not divide into 4 heads"),
        ({"keys": 5}, "causal attention needs a key for each query, and 4 have 5"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(**CASES[0] | change)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3, 2), (3, 4), (3, 2)), "queries have 2 features, and keys 4"),
        (((3, 2), (3, 2), (4, 2)), "there are 3 keys, and 4 values"),
        (((3, 2), (3, 2), (6,)), r"takes sequences \(length, features\), and an input has the shape \[6\]"),
    ],
)
def test_inputs_of_shapes_that_do_not_belong_together_are_refused(
    shapes: tuple[tuple[int, ...], ...], message: str
) -> None:
    node = network(**CASES[0])["op"]
    with pytest.raises(InputError, match=message):
        operator().shape(node.layer, shapes)
