"""Activations: their formulas, their gradients against differences, and the operations that they cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from archsim.digital.arithmetic import Float32
from archsim.digital.arrays import Array
from archsim.digital.specification import Float32Settings
from archsim.document.parts import load_part
from archsim.errors import InputError
from tests.network.operators_by_hand import Block, check_gradients, node_of, operator_of

SHAPE = (2, 3)
KINDS: dict[str, dict[str, Any]] = {
    "gelu": {"kind": "gelu"},
    "gelu by tanh": {"kind": "gelu", "approximate": "tanh"},
    "hard-swish": {"kind": "hard-swish"},
    "leaky-relu": {"kind": "leaky-relu", "slope": 0.2},
    "relu6": {"kind": "relu6"},
    "silu": {"kind": "silu"},
    "softmax": {"kind": "softmax"},
}
#: Choices by comparison, for each of the 6 numbers of a sample, and comparisons of the softmax in its rows of 3.
CHOICES = {"hard-swish": (6, 6), "leaky-relu": (6, 0), "relu6": (6, 0)}
COMPARISONS = {"softmax": 2 * (3 - 1)}


def expected(name: str, x: Block) -> Block:
    """The formulas of the papers and of PyTorch's documentation, not arranged for a digital unit."""
    formulas = {
        "gelu": lambda: x * (1 + erf(x / math.sqrt(2))) / 2,
        "gelu by tanh": lambda: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "hard-swish": lambda: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
        "leaky-relu": lambda: np.maximum(x, 0) + 0.2 * np.minimum(x, 0),
        "relu6": lambda: np.minimum(np.maximum(x, 0), 6),
        "silu": lambda: x / (1 + np.exp(-x)),
        "softmax": lambda: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
    }
    result: Block = formulas[name]()
    return result


@pytest.mark.parametrize("name", KINDS)
def test_an_activation_is_its_formula_and_its_gradient_that_of_differences(name: str) -> None:
    node = node_of(KINDS[name], SHAPE)
    x = 4 * np.random.default_rng(3).normal(size=(5, *SHAPE))
    np.testing.assert_allclose(operator_of(node).forward(node, (x,)), expected(name, x), rtol=1e-12, atol=1e-14)
    check_gradients(node, (x,))


@pytest.mark.parametrize("name", KINDS)
def test_single_precision_stays_so_and_nothing_overflows(name: str) -> None:
    node = node_of(KINDS[name], SHAPE)
    operator = operator_of(node)
    x = np.array([[[-1e4, -6.0, -3.0], [0.0, 3.0, 6.0]], [[1e4, 1e-30, 88.0], [-88.0, -1e-3, 1e3]]], np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = operator.forward(node, (x,))
        (gradient,) = operator.gradient(node, (x,), y, np.ones_like(x))
    for found in (y, gradient):
        assert found.dtype == np.float32
        assert found.shape == x.shape
        assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("name", "slopes"),
    [("hard-swish", (0, 0.5, 1)), ("leaky-relu", (0.2, 0.2, 1)), ("relu6", (0, 0, 1))],
)
def test_at_a_kink_the_gradient_is_that_of_pytorch(name: str, slopes: tuple[float, ...]) -> None:
    node = node_of(KINDS[name], (3,))
    operator = operator_of(node)
    x = np.array([[-3.0, 0.0, 3.0]])
    (gradient,) = operator.gradient(node, (x,), operator.forward(node, (x,)), np.ones_like(x))
    np.testing.assert_allclose(gradient, [slopes])


class Counting(Float32):
    """Counts operations on numbers; a sum that takes up a product is one operation with it."""

    def __init__(self) -> None:
        super().__init__(Float32Settings())
        self.multiply_adds = self.look_ups = 0
        self._products: list[Any] = []
        for name in ("add", "subtract", "multiply", "divide", "total"):
            setattr(self, name, self._counted(name))

    def _counted(self, name: str) -> Any:
        operation = getattr(Float32, name)

        def count(x: Any, y: Any = None, axis: int | None = None) -> Any:
            if name == "total":
                result = operation(x, axis=axis)
                self.multiply_adds += 0 if self._is_product(x) else x.size - result.size
                return result
            result = operation(x, y)
            if name == "multiply":
                self._products.append(result)
            fused = name in ("add", "subtract") and (self._is_product(x) or self._is_product(y))
            self.multiply_adds += 0 if fused else result.size
            return result

        return count

    def _is_product(self, x: Any) -> bool:
        return any(x is product for product in self._products)

    def function(self, f: np.ufunc, x: Array) -> Array:
        self.look_ups += x.size
        return super().function(f, x)


@pytest.mark.parametrize("name", KINDS)
def test_the_cost_is_what_the_arithmetic_is_asked_for(name: str) -> None:
    node = node_of(KINDS[name], SHAPE)
    x = np.random.default_rng(4).normal(size=(1, *SHAPE))
    forward, back = Counting(), Counting()
    y = operator_of(node, forward).forward(node, (x,))
    operator_of(node, back).gradient(node, (x,), y, np.ones_like(x))
    choices, choices_back = CHOICES.get(name, (0, 0))
    cost, gradient = operator_of(node).cost(node), operator_of(node).gradient_cost(node)
    assert cost.multiply_adds == forward.multiply_adds + COMPARISONS.get(name, 0)
    assert cost.activations == forward.look_ups + choices
    # What only chooses between a gradient and nothing counts as the product that it stands for.
    assert gradient.multiply_adds == (back.multiply_adds or x.size)
    assert gradient.activations == back.look_ups + choices_back


@pytest.mark.parametrize(
    ("layer", "message"),
    [({"kind": "gelu", "approximate": "sigmoid"}, "approximate"), ({"kind": "leaky-relu", "slope": -1}, "slope")],
)
def test_settings_have_limits(layer: dict[str, Any], message: str) -> None:
    layers = [{"name": "fc", "kind": "linear", "features": 2}, {"name": "act"} | layer]
    with pytest.raises(InputError, match=message):
        load_part("archsim.networks", {"input_shape": [2], "layers": layers})
