"""Operators that normalise: gradients against finite differences, outputs against formulas, costs against counts."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from archsim.digital.arrays import Array
from archsim.network.build import build_graph
from archsim.network.graph import Node
from archsim.network.operators import Pass, StatefulOperator, load_operator
from archsim.network.specification import NetworkSpecification

from .test_gradients import numeric_gradient


def made(shape: tuple[int, ...], **layer: Any) -> tuple[StatefulOperator, Node]:
    layers = [
        {"name": "op", **layer},
        {"name": "flat", "kind": "flatten"},
        {"name": "f", "kind": "linear", "features": 2},
    ]
    node = build_graph(NetworkSpecification.model_validate({"input_shape": shape, "layers": layers}))["op"]
    operator = load_operator(node.kind)
    assert isinstance(operator, StatefulOperator)
    return operator, node


def drawn(node: Node, seed: int) -> dict[str, Array]:
    """Return values of its parameters that are none of those that are easy to get right."""
    draw = np.random.default_rng(seed)
    return {p.name: draw.uniform(0.5, 1.5, p.shape) * (1 if "var" in p.name else -1.3) for p in node.parameters}


CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((3,), {"kind": "batch-norm"}),
    ((3, 2, 2), {"kind": "batch-norm", "eps": 0.1}),
    ((2, 5), {"kind": "batch-norm", "affine": False}),
    ((3, 2, 2), {"kind": "batch-norm", "folded": True}),
    ((3, 2, 2), {"kind": "batch-norm", "folded": True, "affine": False}),
]


@pytest.mark.parametrize(("shape", "layer"), CASES)
def test_gradients_are_those_of_finite_differences(shape: tuple[int, ...], layer: dict[str, Any]) -> None:
    operator, node = made(shape, **layer)
    random, values = np.random.default_rng(3), drawn(node, 4)
    x, d = random.normal(size=(4, *shape)), random.normal(size=(4, *shape))

    def projected(x: Array, **changed: Array) -> float:
        return float((operator.forward_pass(node, (x,), Pass(values | changed)) * d).sum())

    at = Pass(values)
    output = operator.forward_pass(node, (x,), at)
    (gradient,), of_parameters = operator.backward_pass(node, (x,), output, d, at)
    np.testing.assert_allclose(gradient, numeric_gradient(projected, x), atol=1e-6)
    trained = [parameter.name for parameter in node.parameters if parameter.trained]
    assert set(trained) == ({"weight", "bias"} if layer.get("affine", True) else set())
    for name in trained:
        expected = numeric_gradient(lambda v, name=name: projected(x, **{name: v}), values[name])
        np.testing.assert_allclose(of_parameters[name], expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("shape", [(3,), (3, 2, 2)])
def test_a_batch_norm_is_its_formula(shape: tuple[int, ...]) -> None:
    operator, node = made(shape, kind="batch-norm", eps=0.2, momentum=0.25)
    x, values = np.random.default_rng(3).normal(1.5, 2.0, size=(5, *shape)), drawn(node, 4)
    axes = (0, *range(2, x.ndim))

    def column(array: Array) -> Array:
        return array.reshape(-1, *[1] * (len(shape) - 1))

    def formula(mean: Array, variance: Array) -> Array:
        slope = column(values["weight"]) / np.sqrt(column(variance) + 0.2)
        return (x - column(mean)) * slope + column(values["bias"])

    at = Pass(values)
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    np.testing.assert_allclose(operator.forward_pass(node, (x,), at), formula(mean, variance), rtol=1e-9)
    state = operator.next_state(node, at)
    np.testing.assert_allclose(state["running_mean"], 0.75 * values["running_mean"] + 0.25 * mean)
    unbiased = x.var(axis=axes, ddof=1)
    np.testing.assert_allclose(state["running_var"], 0.75 * values["running_var"] + 0.25 * unbiased)
    evaluated = operator.forward_pass(node, (x,), Pass(values, training=False))
    np.testing.assert_allclose(evaluated, formula(values["running_mean"], values["running_var"]), rtol=1e-9)
    assert operator.waits_for_block(node, training=True)
    assert not operator.waits_for_block(node, training=False)


def test_a_folded_batch_norm_costs_scale_and_shift() -> None:
    for layer, forward, backward in (
        ({}, 4, 5),
        ({"folded": True}, 1, 4),
        ({"folded": True, "trainable": False}, 1, 1),
    ):
        operator, node = made((3, 2, 2), kind="batch-norm", **layer)
        assert operator.cost(node).multiply_adds == forward * prod(node.shape)
        assert operator.gradient_cost(node).multiply_adds == backward * prod(node.shape)
        assert operator.evaluation_cost(node).operations(2, 7) == 2 * prod(node.shape)
        assert node.trainable == layer.get("trainable", True)
        assert node.updated == node.trainable
