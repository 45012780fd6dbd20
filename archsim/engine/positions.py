"""Which layers positions of a sequence pass one after the other, in a forward-only run."""

from __future__ import annotations

from archsim.errors import InputError
from archsim.network.graph import INPUT, Graph, Node
from archsim.network.operators import load_operator
from archsim.schedule.specification import Positions

__all__ = ["nodes_in_turn"]


def nodes_in_turn(graph: Graph, positions: Positions) -> frozenset[str]:
    """Return the nodes that give a position as soon as those of the network's input are there up to it.

    Parameters
    ----------
    graph : Graph
        The network.
    positions : {"together", "in-turn", "generated"}
        How positions pass; together there are none.

    Raises
    ------
    InputError
        If there are none otherwise, or a position is to be generated while a layer waits for later ones.
    """
    if positions == "together":
        return frozenset()
    found: set[str] = set()
    for node in graph.nodes:
        if all(name == INPUT or name in found for name in node.inputs) and _takes_positions(node, graph):
            found.add(node.name)
    waiting = [node for node in graph.nodes if node.name not in found]
    if waiting and (positions == "generated" or not found):
        node = waiting[0]
        raise InputError(
            f"the layer '{node.name}' of kind '{node.kind}' does not take positions of a sequence one after the other",
            field="schedule.positions",
            value=positions,
            allowed="together, in-turn" if found else "together",
            remedy="the network's input must be a sequence, attention must be causal, and no layer may mix positions",
        )
    return frozenset(found)


def _takes_positions(node: Node, graph: Graph) -> bool:
    """Return whether a node takes and gives sequences as long as the network's input, position by position."""
    length, tokens = graph.input_shape[0], graph.vocabulary is not None
    sequences = len(node.shape) == 2 and all(len(shape) == 2 or tokens for shape in node.input_shapes)
    lengths = {shape[0] for shape in (node.shape, *node.input_shapes)}
    return sequences and lengths == {length} and load_operator(node.kind).takes_positions(node)
