"""The mesh and the snake."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from archsim.chip.interconnects.mesh import exact_mesh, near_square_mesh, snake


@given(st.integers(1, 3000))
def test_mesh_holds_the_nodes_is_near_square_and_wastes_little(nodes: int) -> None:
    columns, rows = near_square_mesh(nodes)
    assert rows <= columns <= 3 * rows
    assert nodes <= columns * rows < nodes + columns


@given(st.integers(1, 3000))
def test_a_given_number_of_nodes_is_met_exactly(nodes: int) -> None:
    columns, rows = exact_mesh(nodes)
    assert columns * rows == nodes
    assert rows <= columns


@given(st.integers(1, 40), st.integers(1, 40))
def test_snake_visits_each_node_once_and_steps_to_neighbours(columns: int, rows: int) -> None:
    order = snake((columns, rows))
    assert sorted(order) == list(range(columns * rows))
    for a, b in pairwise(order):
        assert abs(a % columns - b % columns) + abs(a // columns - b // columns) == 1
