"""Every digital gradient rule against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.digital.affine import Affine
from archsim.digital.losses import mean_squared_error, softmax_cross_entropy
from archsim.network.build import build_graph
from archsim.network.losses import SoftmaxCrossEntropy
from archsim.network.operators import DigitalOperator, load_operator
from archsim.network.specification import NetworkSpecification
from tests.network.operators_by_hand import Block, numeric_gradient


@pytest.mark.parametrize("kind", ["identity", "sigmoid", "tanh", "relu", "reshape", "flatten"])
def test_operator(kind: str) -> None:
    layers = [
        {"name": "first", "kind": "linear", "features": 6},
        {"name": "op", "kind": kind, **({"shape": [6]} if kind == "reshape" else {})},
    ]
    graph = build_graph(NetworkSpecification.model_validate({"input_shape": [4], "layers": layers}))
    node = graph["op"]
    operator = load_operator(kind, "layers.1")
    assert isinstance(operator, DigitalOperator)
    random = np.random.default_rng(3)
    x, d = random.normal(size=(5, 6)), random.normal(size=(5, 6))

    def projected(values: Block) -> float:
        return float((operator.forward(node, (values,)) * d).sum())

    (gradient,) = operator.gradient(node, (x,), operator.forward(node, (x,)), d)
    np.testing.assert_allclose(gradient, numeric_gradient(projected, x), atol=1e-7)


def test_a_sum_hands_its_gradient_to_both_inputs() -> None:
    operator = load_operator("add")
    assert isinstance(operator, DigitalOperator)
    layers = [
        {"name": "first", "kind": "linear", "features": 4},
        {"name": "op", "kind": "add", "inputs": ["first", "input"]},
    ]
    node = build_graph(NetworkSpecification.model_validate({"input_shape": [4], "layers": layers}))["op"]
    random = np.random.default_rng(7)
    a, b, d = (random.normal(size=(5, 4)) for _ in range(3))
    output = operator.forward(node, (a, b))
    np.testing.assert_array_equal(output, a + b)
    gradients = operator.gradient(node, (a, b), output, d)
    for index, gradient in enumerate(gradients):

        def projected(x: Block, index: int = index) -> float:
            return float((operator.forward(node, (x, b) if index == 0 else (a, x)) * d).sum())

        np.testing.assert_allclose(gradient, numeric_gradient(projected, (a, b)[index]), atol=1e-7)


def test_softmax_cross_entropy() -> None:
    random = np.random.default_rng(4)
    logits, labels = random.normal(size=(5, 4)), random.integers(0, 4, 5)
    loss, gradient = softmax_cross_entropy(logits, labels)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(probabilities[np.arange(5), labels]).sum())
    expected = numeric_gradient(lambda z: softmax_cross_entropy(z, labels)[0], logits)
    np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_the_loss_of_a_sequence_is_the_mean_over_its_positions() -> None:
    random = np.random.default_rng(5)
    logits, labels = random.normal(size=(3, 4, 5)), random.integers(0, 5, (3, 4))
    loss, gradient = SoftmaxCrossEntropy().of(logits, labels)
    assert loss == pytest.approx(softmax_cross_entropy(logits.reshape(12, 5), labels.reshape(12))[0] / 4)
    expected = numeric_gradient(lambda z: SoftmaxCrossEntropy().of(z, labels)[0], logits)
    np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_softmax_cross_entropy_of_huge_logits_is_finite() -> None:
    loss, gradient = softmax_cross_entropy(np.array([[1e4, 0.0], [-1e4, 1e4]]), np.array([0, 0]))
    assert loss == pytest.approx(2e4)
    np.testing.assert_allclose(gradient, [[0, 0], [-1, 1]])


def test_mean_squared_error() -> None:
    random = np.random.default_rng(5)
    outputs, targets = random.normal(size=(5, 3)), random.normal(size=(5, 3))
    loss, gradient = mean_squared_error(outputs, targets)
    assert loss == pytest.approx(((outputs - targets) ** 2).mean(axis=1).sum())
    expected = numeric_gradient(lambda y: mean_squared_error(y, targets)[0], outputs)
    np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_affine() -> None:
    random = np.random.default_rng(6)
    scale, bias = random.normal(size=3), random.normal(size=3)
    a, d = random.normal(size=(5, 3)), random.normal(size=(5, 3))
    affine = Affine(scale, bias, learn_scale=True)

    def projected(s: Block, b: Block, values: Block) -> float:
        return float((affine.forward(values, s, b) * d).sum())

    of_scale, of_bias = affine.parameter_gradients(a, d)
    np.testing.assert_allclose(
        affine.gradient(d, scale), numeric_gradient(lambda v: projected(scale, bias, v), a), atol=1e-7
    )
    assert of_scale is not None
    assert of_bias is not None
    np.testing.assert_allclose(of_scale, numeric_gradient(lambda s: projected(s, bias, a), scale), atol=1e-7)
    np.testing.assert_allclose(of_bias, numeric_gradient(lambda b: projected(scale, b, a), bias), atol=1e-7)
    affine.update((of_scale, of_bias), 0.1)
    np.testing.assert_allclose(affine.scale, scale - 0.1 * of_scale, rtol=1e-6)
    np.testing.assert_allclose(affine.bias, bias - 0.1 * of_bias, rtol=1e-6)
