"""The operator graph: shapes are inferred, edges checked, nothing silently ignored."""

from __future__ import annotations

from typing import Any

import pytest

from archsim.document.parts import load_part
from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.graph import Graph
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
    assert [(matrix.name, matrix.size, matrix.vectors) for matrix in built["fc"].matrices] == [("fc", (8, 4), 1)]


def test_a_sequence_is_no_longer_than_a_recurrent_layer_can_go() -> None:
    layers: tuple[dict[str, Any], ...] = ({"name": "r", "kind": "gru", "features": 2, "output": "last"}, FC)
    assert graph(*layers, input_shape=(2**16, 2))["r"].shape == (2,)
    with pytest.raises(
        InputError, match=r"network\.layers\.0\.inputs: .*\n *found: +'65537 positions'\n.* up to 65536"
    ):
        graph(*layers, input_shape=(2**16 + 1, 2))


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
        ([FC | {"inputs": ["inptu"]}], "did you mean 'input'"),
        ([FC, {"name": "act", "kind": "tanh", "inputs": ["fc", "input"]}], "takes 1 input"),
        ([FC, {"name": "sum", "kind": "add", "inputs": ["fc"]}], "names of 2 layers\n *remedy:  name 2 of: input, fc"),
        ([FC, {"name": "sum", "kind": "add", "inputs": ["fc", "input"]}], "by a layer of kind 'linear'"),
        ([FC, {"name": "sum", "kind": "add", "inputs": ["fc"] * 3}], "names of 2 layers\n *remedy:  bring several"),
        ([{"name": "act", "kind": "tanh"}], "no layer holds a matrix"),
        ([FC, FC | {"name": "other", "inputs": ["input"]}], "leads nowhere"),
        ([FC, {"name": "square", "kind": "reshape", "shape": [3]}], "does not hold the 4 numbers"),
        ([FC, {"name": "square", "kind": "reshape", "shape": [2, 2, 1]}], "loss needs one vector"),
        ([{"name": "square", "kind": "reshape", "shape": [2, 2, 2]}, FC], "takes vectors"),
    ],
)
def test_mistakes_are_explained(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        graph(*layers)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([FC | {"kind": "liner"}], "did you mean 'linear'"),
        ([{"name": "fc", "kind": "linear"}], "'features' is missing"),
        (
            [FC, {"name": "act", "kind": "tanh", "features": 3}],
            r"unknown key 'features'\n *allowed: name, kind, inputs",
        ),
        ([FC | {"bias": None}], "neither true nor false"),
    ],
)
def test_a_layer_knows_the_keys_of_its_kind(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_part("archsim.networks", {"input_shape": [8], "layers": layers})
