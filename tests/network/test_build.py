"""The operator graph: shapes are inferred, edges checked, nothing silently ignored."""

from __future__ import annotations

from typing import Any

import pytest

from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.graph import Graph, Matrix
from archsim.network.specification import NetworkSpecification


def graph(*layers: dict[str, Any], input_shape: tuple[int, ...] = (8,)) -> Graph:
    return build_graph(NetworkSpecification.model_validate({"input_shape": input_shape, "layers": layers}))


FC = {"name": "fc", "kind": "linear", "features": 4}


def test_shapes_and_edges() -> None:
    built = graph(
        {"name": "flat", "kind": "reshape"}, FC, {"name": "act", "kind": "tanh", "inputs": ["fc"]}, input_shape=(2, 4)
    )
    assert [node.shape for node in built.nodes] == [(8,), (4,), (4,)]
    assert [node.inputs for node in built.nodes] == [("input",), ("flat",), ("fc",)]
    assert built.holder("fc") is built["fc"]
    assert built["fc"].matrices == (Matrix("fc", 8, 4),)


def test_gradients_are_needed_behind_the_first_trained_layer_only() -> None:
    frozen = FC | {"name": "frozen", "trainable": False}
    built = graph(
        frozen,
        {"name": "act", "kind": "tanh"},
        FC,
        {"name": "out", "kind": "linear", "features": 2, "trainable": False},
    )
    assert built.needs_gradient == {"fc", "out"}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([FC | {"kind": "liner"}], "did you mean 'linear'"),
        ([FC | {"inputs": ["inptu"]}], "did you mean 'input'"),
        ([{"name": "fc", "kind": "linear"}], "needs its number of outputs"),
        ([FC, {"name": "act", "kind": "tanh", "features": 3}], "no such field"),
        ([FC, {"name": "act", "kind": "tanh", "inputs": ["fc", "input"]}], "takes 1 input"),
        ([{"name": "act", "kind": "tanh"}], "no layer holds a matrix"),
        ([FC, FC | {"name": "other", "inputs": ["input"]}], "leads nowhere"),
        ([FC, {"name": "square", "kind": "reshape", "shape": [3]}], "does not hold the 4 numbers"),
        ([FC, {"name": "square", "kind": "reshape", "shape": [2, 2]}], "loss needs one vector"),
        ([{"name": "square", "kind": "reshape", "shape": [2, 4]}, FC], "takes vectors"),
    ],
)
def test_mistakes_are_explained(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        graph(*layers)
