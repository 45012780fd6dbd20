"""Dropout: which elements stay follows from layer and sample alone; the gradient goes through those that do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from archsim.analog.algorithms.uniforms import Uniforms
from archsim.network.graph import Node
from archsim.network.operators import OperatorCost, Pass
from archsim.network.operators.dropout import Dropout
from tests.network.operators_by_hand import Block, node_of

P = 0.3


def dropout(shape: tuple[int, ...] = (4, 5), probability: float = P) -> tuple[Node, Dropout]:
    return node_of({"kind": "dropout", "probability": probability}, shape), Dropout()


def training(first_sample: int, layer: int = 3, seed: int = 8) -> Pass:
    return Pass({}, training=True, first_sample=first_sample, uniforms=Uniforms.of_layer(seed, layer))


def stays(samples: int, at: Pass, shape: tuple[int, ...] = (4, 5)) -> Block:
    """Return where ones stay, and check that those are scaled."""
    node, operator = dropout(shape)
    y = operator.forward_pass(node, (np.ones((samples, *shape), np.float32),), at)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y[y != 0], 1 / (1 - P), rtol=1e-6)
    found: Block = y != 0
    return found


def test_blocks_of_any_size_leave_out_the_same_elements() -> None:
    whole = stays(6, training(40))
    np.testing.assert_array_equal(np.concatenate([stays(2, training(40)), stays(4, training(42))]), whole)


def test_samples_layers_and_seeds_leave_out_others() -> None:
    one = stays(6, training(40))
    for other in (training(46), training(40, layer=4), training(40, seed=9)):
        assert (stays(6, other) != one).any()
    assert len({sample.tobytes() for sample in one}) == 6


def test_as_many_stay_as_should() -> None:
    """For each element over the samples, and in all: false alarms once in a thousand of such tests."""
    found = stays(2000, training(0))
    counts = found.sum(axis=0).reshape(-1)
    p_values = [binomtest(int(count), len(found), 1 - P).pvalue for count in counts]
    assert min(p_values) > 5e-4 / len(p_values)
    assert binomtest(int(found.sum()), found.size, 1 - P).pvalue > 5e-4


def test_the_gradient_goes_through_what_stays() -> None:
    """The layer is linear, so the product of its gradient with a change is exact."""
    (node, operator), random = dropout(), np.random.default_rng(1)
    x, change, d = (random.normal(size=(3, 4, 5)) for _ in range(3))
    y = operator.forward_pass(node, (x,), training(7))
    (gradient,), parameters = operator.backward_pass(node, (x,), y, d, training(7))
    moved = operator.forward_pass(node, (change,), training(7))
    assert (gradient * change).sum() == pytest.approx((moved * d).sum(), rel=1e-12)
    np.testing.assert_array_equal(gradient == 0, y == 0)
    assert parameters == {}


def test_an_evaluation_leaves_nothing_out() -> None:
    node, operator = dropout()
    x = np.random.default_rng(2).normal(size=(3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(operator.forward_pass(node, (x,), Pass({}, training=False)), x)


def test_it_costs_a_draw_and_a_product_where_it_trains() -> None:
    node, operator = dropout()
    assert operator.cost(node) == operator.gradient_cost(node) == OperatorCost(multiply_adds=20, activations=20)
    assert operator.evaluation_cost(node) == OperatorCost()
    assert operator.kept_elements(node) == 0
