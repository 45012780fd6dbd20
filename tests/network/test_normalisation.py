"""Operators that normalise: gradients against finite differences, outputs against formulas, costs against counts."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.graph import Node
from archsim.network.operators import DigitalOperator, Pass, StatefulOperator, load_operator
from archsim.network.specification import NetworkSpecification

from .test_gradients import numeric_gradient


def made(shape: tuple[int, ...], **layer: Any) -> tuple[StatefulOperator, Node]:
    node = build_graph(NetworkSpecification.model_validate({"input_shape": shape, "layers": ending(layer)}))["op"]
    operator = load_operator(node.kind)
    assert isinstance(operator, StatefulOperator)
    return operator, node


def plain(shape: tuple[int, ...], **layer: Any) -> tuple[DigitalOperator, Node]:
    """Return an operator without parameters."""
    graph = build_graph(NetworkSpecification.model_validate({"input_shape": shape, "layers": ending(layer)}))
    operator = load_operator(layer["kind"])
    assert isinstance(operator, DigitalOperator)
    return operator, graph["op"]


def ending(layer: dict[str, Any]) -> list[dict[str, Any]]:
    flat = {"name": "flat", "kind": "flatten"}
    return [{"name": "op", **layer}, flat, {"name": "f", "kind": "linear", "features": 2}]


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
    ((5,), {"kind": "layer-norm"}),
    ((2, 5), {"kind": "layer-norm", "eps": 0.1}),
    ((2, 3, 2), {"kind": "layer-norm", "normalized_shape": [3, 2]}),
    ((2, 3, 2), {"kind": "layer-norm", "affine": False}),
    ((4,), {"kind": "group-norm", "groups": 2}),
    ((4, 3), {"kind": "group-norm", "groups": 4, "eps": 0.1}),
    ((4, 2, 2), {"kind": "group-norm", "groups": 2}),
    ((4, 2, 2), {"kind": "group-norm", "groups": 1, "affine": False}),
    ((2, 5), {"kind": "rms-norm", "eps": 0.1}),
    ((2, 3, 2), {"kind": "rms-norm", "normalized_shape": [3, 2]}),
    ((2, 5), {"kind": "rms-norm", "affine": False}),
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
    affine = {"weight"} if layer["kind"] == "rms-norm" else {"weight", "bias"}
    assert set(trained) == (affine if layer.get("affine", True) else set())
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


def test_norms_within_a_sample_are_their_formulas() -> None:
    x = np.random.default_rng(3).normal(1.5, 2.0, size=(5, 4, 2, 3))
    operator, node = made((4, 2, 3), kind="layer-norm", normalized_shape=[2, 3], eps=0.2)
    values = drawn(node, 4)
    mean, variance = x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)
    expected = values["weight"] * (x - mean) / np.sqrt(variance + 0.2) + values["bias"]
    np.testing.assert_allclose(operator.forward_pass(node, (x,), Pass(values)), expected)
    assert operator.kept_elements(node) == 2 * 4
    operator, node = made((4, 2, 3), kind="group-norm", groups=2, eps=0.2)
    values, grouped = drawn(node, 5), x.reshape(5, 2, 2, 2, 3)
    mean, variance = grouped.mean(axis=(2, 3, 4), keepdims=True), grouped.var(axis=(2, 3, 4), keepdims=True)
    column = {name: array[:, None, None] for name, array in values.items()}
    expected = column["weight"] * ((grouped - mean) / np.sqrt(variance + 0.2)).reshape(x.shape) + column["bias"]
    np.testing.assert_allclose(operator.forward_pass(node, (x,), Pass(values)), expected)
    operator, node = made((4, 2, 3), kind="rms-norm", eps=0.2)
    values = drawn(node, 6)
    expected = values["weight"] * x / np.sqrt((x**2).mean(axis=3, keepdims=True) + 0.2)
    np.testing.assert_allclose(operator.forward_pass(node, (x,), Pass(values)), expected)


PLAIN: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((5, 2), {"kind": "local-response-norm", "size": 3, "alpha": 0.7, "beta": 0.6, "k": 1.5}),
    ((3, 2, 2), {"kind": "local-response-norm", "size": 4, "alpha": 0.7}),
    ((2,), {"kind": "local-response-norm", "size": 7, "alpha": 0.7}),
    ((2, 5, 4), {"kind": "average-pool", "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]}),
    ((2, 5, 4), {"kind": "average-pool", "kernel": [3, 2], "padding": 1, "count_include_pad": False}),
    ((3, 4, 4), {"kind": "average-pool", "kernel": 2}),
    ((3, 2, 4), {"kind": "global-average-pool"}),
    ((3, 4), {"kind": "global-average-pool"}),
]


@pytest.mark.parametrize(("shape", "layer"), PLAIN)
def test_gradients_without_parameters_are_those_of_finite_differences(
    shape: tuple[int, ...], layer: dict[str, Any]
) -> None:
    operator, node = plain(shape, **layer)
    random = np.random.default_rng(3)
    x, d = random.normal(size=(3, *shape)), random.normal(size=(3, *node.shape))
    (gradient,) = operator.gradient(node, (x,), operator.forward(node, (x,)), d)
    expected = numeric_gradient(lambda x: float((operator.forward(node, (x,)) * d).sum()), x)
    np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_a_local_response_norm_adds_the_channels_around() -> None:
    operator, node = plain((6, 2), kind="local-response-norm", size=4, alpha=0.8, beta=0.5, k=2.0)
    x = np.random.default_rng(3).normal(size=(3, 6, 2))
    expected = np.empty_like(x)
    for c in range(6):
        around = x[:, max(c - 2, 0) : c + 2]
        expected[:, c] = x[:, c] / np.sqrt(2.0 + 0.2 * (around**2).sum(axis=1))
    np.testing.assert_allclose(operator.forward(node, (x,)), expected)


@pytest.mark.parametrize("include", [True, False])
def test_an_average_pool_counts_its_padding_or_not(include: bool) -> None:
    operator, node = plain((1, 2, 3), kind="average-pool", kernel=2, stride=1, padding=1, count_include_pad=include)
    output = operator.forward(node, (np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]),))[0, 0]
    sums = np.array([[1, 3, 5, 3], [5, 12, 16, 9], [4, 9, 11, 6]])
    seen = 4 if include else np.array([[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]])
    np.testing.assert_allclose(output, sums / seen)
    assert node.shape == (1, 3, 4)


def test_a_global_average_pool_is_the_mean_of_each_channel() -> None:
    operator, node = plain((3, 2, 4), kind="global-average-pool")
    x = np.random.default_rng(3).normal(size=(5, 3, 2, 4))
    np.testing.assert_allclose(operator.forward(node, (x,)), x.mean(axis=(2, 3)))
    assert node.shape == (3,)


@pytest.mark.parametrize(
    ("shape", "layer", "forward", "backward"),
    [
        ((6, 4), {"kind": "layer-norm"}, (5 * 24 + 3 * 6, 6), (8 * 24 + 5 * 6, 0)),
        ((6, 4), {"kind": "layer-norm", "trainable": False}, (5 * 24 + 3 * 6, 6), (6 * 24 + 5 * 6, 0)),
        ((6, 4), {"kind": "group-norm", "groups": 3, "affine": False}, (4 * 24 + 3 * 3, 3), (5 * 24 + 5 * 3, 0)),
        ((6, 4), {"kind": "rms-norm"}, (3 * 24 + 2 * 6, 6), (6 * 24 + 2 * 6, 0)),
        ((6, 4), {"kind": "local-response-norm", "size": 5}, (8 * 24, 2 * 24), (16 * 24, 2 * 24)),
        ((2, 4, 4), {"kind": "average-pool", "kernel": 2}, (4 * 8, 0), (5 * 8, 0)),
        ((2, 4, 4), {"kind": "global-average-pool"}, (2 * 16 + 2, 0), (2, 0)),
    ],
)
def test_costs_are_the_counts_that_are_stated(
    shape: tuple[int, ...], layer: dict[str, Any], forward: tuple[int, int], backward: tuple[int, int]
) -> None:
    operator, node = plain(shape, **layer)
    told = operator.cost(node), operator.gradient_cost(node)
    assert [(cost.multiply_adds, cost.activations) for cost in told] == [forward, backward]
    assert all(cost.operations(1, 5) == cost.operations(1) for cost in told)
    assert not operator.waits_for_block(node, training=True)


@pytest.mark.parametrize(
    ("shape", "layer", "waits"),
    [
        ((4, 6), {"kind": "layer-norm"}, False),
        ((4, 6), {"kind": "layer-norm", "normalized_shape": [4, 6]}, True),
        ((3, 4, 6), {"kind": "layer-norm"}, True),
        ((4, 6), {"kind": "rms-norm"}, False),
        ((4, 6), {"kind": "group-norm", "groups": 2}, True),
        ((4, 6), {"kind": "softmax"}, False),
        ((3, 4, 6), {"kind": "softmax"}, True),
        ((4, 6), {"kind": "local-response-norm", "size": 3}, False),
        ((4, 6), {"kind": "global-average-pool"}, True),
    ],
)
def test_what_adds_up_over_positions_waits_for_the_sample(
    shape: tuple[int, ...], layer: dict[str, Any], waits: bool
) -> None:
    """The last index is that of features where it is the second, and of columns of an image where it is the third."""
    operator, node = plain(shape, **layer)
    assert operator.waits_for_sample(node) == waits


@pytest.mark.parametrize(
    ("layer", "field"),
    [
        ({"kind": "layer-norm", "normalized_shape": [3]}, "normalized_shape"),
        ({"kind": "rms-norm", "normalized_shape": [9, 4, 4]}, "normalized_shape"),
        ({"kind": "group-norm", "groups": 4}, "groups"),
        ({"kind": "average-pool", "kernel": 2, "padding": 2}, "padding"),
        ({"kind": "average-pool", "kernel": 9}, "kernel"),
    ],
)
def test_what_does_not_fit_is_refused(layer: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        plain((6, 4, 4), **layer)
    assert refused.value.field == f"network.layers.0.{field}"
