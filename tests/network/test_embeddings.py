"""Tables of tokens and positions against their definitions, finite differences, and what networks refuse of tokens."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import archsim
from archsim import DataSet
from archsim.errors import InputError
from archsim.network.build import build_graph
from archsim.network.graph import Graph, Node
from archsim.network.operators import DigitalOperator, Pass, StatefulOperator, load_operator
from archsim.network.specification import NetworkSpecification

Block = npt.NDArray[np.float64]
TOKENS = [
    {"name": "embed", "kind": "embedding", "vocabulary": 5, "features": 3},
    {"name": "op", "kind": "position-embedding"},
]
OUT = [{"name": "flat", "kind": "flatten"}, {"name": "out", "kind": "linear", "features": 2}]


def network(*layers: dict[str, Any], shape: tuple[int, ...] = (4,)) -> Graph:
    return build_graph(NetworkSpecification.model_validate({"input_shape": shape, "layers": [*layers, *OUT]}))


def stateful(node: Node) -> StatefulOperator:
    operator = load_operator(node.kind)
    assert isinstance(operator, StatefulOperator)
    return operator


def projected(node: Node, x: Block, table: Block, d: Block) -> float:
    return float((stateful(node).forward_pass(node, (x,), Pass({"weight": table})) * d).sum())


def differences(node: Node, x: Block, table: Block, d: Block) -> Block:
    """Central differences at every number of a table; both operators are linear in it, so a large step is exact."""
    found = np.zeros_like(table)
    for index in np.ndindex(table.shape):
        step = np.zeros_like(table)
        step[index] = 0.5
        found[index] = projected(node, x, table + step, d) - projected(node, x, table - step, d)
    return found


def test_an_embedding_looks_rows_up_and_only_they_take_a_gradient() -> None:
    graph, random = network(*TOKENS), np.random.default_rng(3)
    node = graph["embed"]
    assert (node.shape, graph.vocabulary) == ((4, 3), 5)
    tokens, table = np.array([[0.0, 4.0, 4.0, 1.0], [1.0, 0.0, 4.0, 1.0]]), random.normal(size=(5, 3))
    at = Pass({"weight": table})
    output = stateful(node).forward_pass(node, (tokens,), at)
    for sample, position in np.ndindex(tokens.shape):
        np.testing.assert_array_equal(output[sample, position], table[int(tokens[sample, position])])
    d = random.normal(size=output.shape)
    _, found = stateful(node).backward_pass(node, (tokens,), output, d, at)
    np.testing.assert_allclose(found["weight"], differences(node, tokens, table, d), atol=1e-12)
    assert not found["weight"][[2, 3]].any()


def test_a_position_embedding_adds_its_rows_to_every_sample() -> None:
    node, random = network(*TOKENS)["op"], np.random.default_rng(5)
    x, table = random.normal(size=(2, 4, 3)), random.normal(size=(4, 3))
    at = Pass({"weight": table})
    output = stateful(node).forward_pass(node, (x,), at)
    np.testing.assert_allclose(output, x + table)
    d = random.normal(size=output.shape)
    (at_input,), found = stateful(node).backward_pass(node, (x,), output, d, at)
    np.testing.assert_array_equal(at_input, d)
    np.testing.assert_allclose(found["weight"], differences(node, x, table, d), atol=1e-12)


def test_sinusoids_are_those_of_the_paper() -> None:
    node = network({"name": "op", "kind": "positional-encoding"}, shape=(6, 5))["op"]
    operator = load_operator("positional-encoding")
    assert isinstance(operator, DigitalOperator)
    (table,) = operator.forward(node, (np.zeros((1, 6, 5)),))
    for t, f in np.ndindex(6, 5):
        angle = t / 10000 ** (f // 2 * 2 / 5)
        assert table[t, f] == pytest.approx(math.cos(angle) if f % 2 else math.sin(angle), abs=1e-12)
    d = np.random.default_rng(7).normal(size=(1, 6, 5))
    np.testing.assert_array_equal(operator.gradient(node, (d,), d, d)[0], d)


def test_costs_are_an_addition_for_each_number() -> None:
    """An embedding changes no more rows than there are positions, however large its table is."""
    graph = network(TOKENS[0] | {"vocabulary": 5000}, TOKENS[1])
    embed, add = graph["embed"], graph["op"]
    of_table, of_positions = stateful(embed), stateful(add)
    assert of_table.cost(embed).operations(2) == 0
    assert of_table.gradient_cost(embed).operations(2) == of_table.update_cost(embed).operations(2) == 2 * 12
    assert of_positions.cost(add).operations(2) == of_positions.gradient_cost(add).operations(2) == 2 * 12
    assert of_positions.update_cost(add).operations(2) == 12


SEQUENCE = {"name": "hidden", "kind": "reshape", "shape": [4], "inputs": ["fc"]}
FC = {"name": "fc", "kind": "linear", "features": 4}
OVER = {"name": "over", "kind": "reshape", "shape": [4, 1], "inputs": ["input"]}
SUM = {"name": "sum", "kind": "add", "inputs": ["embed", "over"]}


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([FC, SEQUENCE, TOKENS[0]], (4,), "which the network's input alone gives"),
        ([TOKENS[0] | {"features": 1}, OVER, SUM], (4,), "this layer takes values"),
        ([TOKENS[0]], (4, 2), r"takes sequences of tokens, but its input has the shape \[4, 2\]"),
        ([{"name": "p", "kind": "position-embedding"}], (4,), "takes sequences, but its input"),
        ([{"name": "p", "kind": "positional-encoding"}], (4,), "takes sequences, but its input"),
    ],
)
def test_what_does_not_fit_is_refused(layers: list[dict[str, Any]], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(*layers, shape=shape)


def document(mode: str = "numerics", **sections: Any) -> dict[str, Any]:
    layers = [*TOKENS, {"name": "out", "kind": "linear", "features": 5}]
    return {
        "network": {"input_shape": [4], "layers": layers},
        "chip": {"preset": "reram-1024", "device": "ecram"},
        "training": {"algorithm": "analog-sgd", "learning_rate": 0.5, "mini_batch": 4, "max_mini_batches": 2},
        "schedule": {"kind": "synchronous", "stages": 1, "micro_batches": 2},
        "run": {"mode": mode, "seed": 2},
    } | sections


def texts(highest: float) -> DataSet:
    draw = np.random.default_rng(9)
    tokens = draw.integers(0, 4, (24, 5))
    inputs = tokens[:, :-1].astype(np.float32)
    inputs[3, 2] = highest
    return DataSet("texts", inputs[:16], tokens[:16, 1:], inputs[16:], tokens[16:, 1:], 5)


@pytest.mark.parametrize(("token", "told"), [(5.0, "5"), (1.5, "1.5"), (-1.0, "-1")])
def test_tokens_that_do_not_exist_are_refused(token: float, told: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)no number of a token.*found: *{told}\b.*0 to 4"):
        archsim.simulate(document(), data=texts(token))


def test_only_rows_of_tokens_that_are_there_are_trained() -> None:
    """No text here holds token 4."""
    run = archsim.simulate(document(), data=texts(0.0))
    start = archsim.simulate(
        document() | {"training": document()["training"] | {"learning_rate": 1e-30}}, data=texts(0.0)
    )
    moved = (run.weights["embed.weight"] != start.weights["embed.weight"]).any(axis=1)
    assert moved.tolist() == [True, True, True, True, False]
    assert (run.weights["op.weight"] != start.weights["op.weight"]).any()
    assert start.weights["embed.weight"].shape == (5, 3)
    assert 0.5 < start.weights["embed.weight"].std() < 1.5  # 15 numbers from N(0, 1), from the seed of the run
    assert start.weights["op.weight"].std() < 0.05


def test_a_coupled_run_has_the_numbers_of_one_without_a_clock() -> None:
    coupled, numerics = (archsim.simulate(document(mode), data=texts(0.0)) for mode in ("coupled", "numerics"))
    for name, array in numerics.weights.items():
        np.testing.assert_array_equal(coupled.weights[name], array, err_msg=name)
