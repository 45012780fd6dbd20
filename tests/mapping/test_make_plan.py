"""Plans as a whole."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip import presets
from archsim.chip.interconnects import interconnect_of
from archsim.chip.specification import Chip
from archsim.errors import DoesNotFit, InputError
from archsim.mapping import Plan, make_plan
from archsim.network.graph import Graph

from .networks import perceptron

RERAM = Chip.model_validate(presets.reram_1024())
SIZES = st.lists(st.integers(1, 60), min_size=2, max_size=8)


def small(rows: int = 16, columns: int = 16, **changes: Any) -> Chip:
    tile = RERAM.tile.model_copy(update={"rows": rows, "columns": columns})
    return RERAM.model_copy(update={"tile": tile, **changes})


def check(plan: Plan, graph: Graph, chip: Chip) -> None:
    """Every cell on exactly one part, no tile or node used twice, stages contiguous."""
    parts = [part for stage in plan.stages for placement in stage.placements for part in placement.parts]
    tiles = [part.tile for part in parts]
    assert len(set(tiles)) == len(tiles) == plan.tiles_used
    assert all(0 <= tile < plan.tiles for tile in tiles)
    assert plan.tiles == plan.nodes * plan.node_tiles
    assert [part.crossbar for part in parts] == list(range(len(parts)))
    assert all(part.rows <= chip.tile.rows and part.columns <= chip.tile.columns for part in parts)
    for stage in plan.stages:
        nodes = plan.places[stage.place].nodes
        for placement in stage.placements:
            (matrix,) = graph[placement.layer].matrices
            assert placement.matrix == matrix.name
            covered = np.zeros(matrix.size, dtype=int)
            for part in placement.parts:
                assert part.tile // plan.node_tiles in nodes
                covered[slice(*part.inputs), slice(*part.outputs)] += 1
            assert (covered == 1).all()
    assert [name for stage in plan.stages for name in stage.operators] == [node.name for node in graph.nodes]
    nodes = [node for place in plan.places for node in place.nodes]
    assert len(set(nodes)) == len(nodes)
    links = interconnect_of(chip.interconnect, plan.nodes)
    assert all(len(links.route(a, b)) == 1 for a, b in pairwise(nodes))


@given(SIZES, st.integers(5, 20), st.integers(5, 20), st.integers(1, 4), st.data())
def test_every_plan_holds_the_network(
    sizes: list[int], rows: int, columns: int, node_tiles: int, data: st.DataObject
) -> None:
    graph = perceptron(sizes)
    chip = small(rows, columns, node_tiles=node_tiles)
    stages = data.draw(st.integers(1, len(graph.matrices)))
    plan = make_plan(graph, chip, stages, samples=data.draw(st.integers(1, 8)))
    assert len(plan.stages) == stages
    check(plan, graph, chip)
    assert make_plan(graph, chip, stages) == make_plan(graph, chip, stages)


@given(SIZES, st.integers(1, 7))
def test_crossbar_numbers_depend_on_network_and_tile_only(sizes: list[int], stages: int) -> None:
    graph = perceptron(sizes)

    def numbers(plan: Plan) -> list[tuple[str, int, tuple[int, int], tuple[int, int]]]:
        return [
            (placement.layer, part.crossbar, part.inputs, part.outputs)
            for stage in plan.stages
            for placement in stage.placements
            for part in placement.parts
        ]

    alone = numbers(make_plan(graph, small(), 1))
    assert numbers(make_plan(graph, small(node_tiles=3), min(stages, len(graph.matrices)))) == alone


def test_balanced_stages_split_where_the_time_is() -> None:
    sizes = [16, 16, 16, 16, 16]
    graph = perceptron(sizes, activation=False)
    plan = make_plan(graph, RERAM, 2)
    assert [stage.operators for stage in plan.stages] == [("fc1", "fc2"), ("fc3", "fc4")]


def test_given_stages_are_kept_and_unnamed_operators_follow() -> None:
    plan = make_plan(perceptron([8, 8, 8, 4]), RERAM, [["fc1"], ["fc2", "fc3"]])
    assert [stage.operators for stage in plan.stages] == [("fc1", "tanh1"), ("fc2", "tanh2", "fc3")]


def test_a_named_operator_may_open_a_stage() -> None:
    plan = make_plan(perceptron([8, 8, 8, 4]), RERAM, (("fc1",), ("tanh1", "fc2", "fc3")))
    assert [stage.operators for stage in plan.stages] == [("fc1",), ("tanh1", "fc2", "tanh2", "fc3")]


@pytest.mark.parametrize(
    ("stages", "problem", "found"),
    [
        ([["fc1"], ["fc9"]], "no layer of this name", "'fc9'"),
        ([["fc1"], ["fc3"]], "in none", "'fc2'"),
        ([["fc1", "fc3"], ["fc2"]], "too early", "'fc3'"),
        ([["fc2"], ["fc1", "fc3"]], "too early", "'fc2'"),
        ([["fc1", "fc1"], ["fc2", "fc3"]], "listed twice", "'fc1'"),
        ([["fc1", "fc2"], ["tanh2"], ["fc3"]], "stage 2 holds no layer with a matrix", "tanh2"),
    ],
)
def test_wrong_lists_of_stages_are_refused(stages: list[list[str]], problem: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        make_plan(perceptron([8, 8, 8, 4]), RERAM, stages)
    assert caught.value.field == "schedule.stages"
    assert problem in str(caught.value)
    assert found in str(caught.value)


@pytest.mark.parametrize("stages", [0, 4, 99])
def test_more_stages_than_matrices_are_refused(stages: int) -> None:
    with pytest.raises(InputError) as caught:
        make_plan(perceptron([8, 8, 8, 4]), RERAM, stages)
    assert (caught.value.field, caught.value.value, caught.value.allowed) == ("schedule.stages", stages, "1..3")


def test_too_few_tiles_are_refused_with_demand_supply_and_remedy() -> None:
    graph = perceptron([32, 32, 4])
    with pytest.raises(DoesNotFit) as caught:
        make_plan(graph, small(tiles=4), 2)
    (shortage,) = caught.value.shortages
    assert (shortage.demand, shortage.supply) == ("6", "4")
    assert "chip.tiles: 6 or auto" in shortage.remedy
    assert "chip.tile.rows" in shortage.remedy
    check(make_plan(graph, small(tiles=6), 2), graph, small())


def test_tiles_left_over_by_stages_are_named() -> None:
    graph = perceptron([16, 16, 16])
    with pytest.raises(DoesNotFit) as caught:
        make_plan(graph, small(tiles=4, node_tiles=4), 2)
    tiles, nodes = caught.value.shortages
    assert tiles.demand.startswith("8 ")
    assert (nodes.demand[0], nodes.supply) == ("2", "1")
    assert len(make_plan(graph, small(tiles=4, node_tiles=4), 1).stages) == 1


def test_a_given_number_of_tiles_is_the_chips_size() -> None:
    plan = make_plan(perceptron([16, 16, 16]), small(tiles=12, node_tiles=2), 2)
    assert (plan.tiles, plan.tiles_used, plan.nodes) == (12, 2, 6)


def test_tiles_that_do_not_fill_their_nodes_are_refused() -> None:
    with pytest.raises(InputError, match=r"chip\.tiles") as caught:
        make_plan(perceptron([16, 16]), small(tiles=5, node_tiles=2), 1)
    assert caught.value.value == 5
