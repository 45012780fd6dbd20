"""A linear layer over sequences against the sum over every position."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from archsim.network.build import build_graph
from archsim.network.graph import Graph
from archsim.network.operators import MatrixOperator, load_operator
from archsim.network.specification import NetworkSpecification

SIZE = st.integers(1, 4)


def projection(length: int, features: int, outputs: int) -> Graph:
    layers = [{"name": "op", "kind": "linear", "features": outputs}, {"name": "flat", "kind": "flatten"}]
    return build_graph(NetworkSpecification.model_validate({"input_shape": [length, features], "layers": layers}))


@given(SIZE, SIZE, SIZE, SIZE)
def test_every_position_meets_the_matrix(samples: int, length: int, features: int, outputs: int) -> None:
    node = projection(length, features, outputs)["op"]
    (matrix,) = node.matrices
    assert (node.shape, matrix.size, matrix.vectors) == ((length, outputs), (features, outputs), length)
    operator, random = cast(MatrixOperator, load_operator("linear")), np.random.default_rng(3)
    x, d = random.normal(size=(samples, length, features)), random.normal(size=(samples, length, outputs))
    weight = random.normal(size=(outputs, features))
    output = operator.fold(node, (operator.unfold(node, matrix, (x,)) @ weight.T,))
    np.testing.assert_allclose(output, np.einsum("slf,of->slo", x, weight), atol=1e-12)
    errors: npt.NDArray[np.floating] = operator.unfold_gradient(node, matrix, d)
    (gradient,) = operator.fold_gradient(node, (errors @ weight,))
    np.testing.assert_allclose(gradient, np.einsum("slo,of->slf", d, weight), atol=1e-12)
    of_weight = errors.T @ operator.unfold(node, matrix, (x,))
    np.testing.assert_allclose(of_weight, np.einsum("slo,slf->of", d, x), atol=1e-12)
