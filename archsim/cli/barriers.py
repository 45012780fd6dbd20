"""Which layers wait for all of a sample or micro-batch, and what they ask of the digital unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archsim.engine.positions import nodes_in_turn
from archsim.network.graph import Node
from archsim.network.operators import DigitalOperator, load_operator
from archsim.simulation import Prepared

__all__ = ["barrier_lines", "barrier_records"]


def barrier_records(prepared: Prepared) -> list[dict[str, Any]]:
    """Return, for each layer that waits, what it waits for and what it costs, as plain values."""
    return [
        {"layer": node.name, "kind": node.kind, "waits_for": whole, "digital_unit": _counts(node, prepared)}
        for node, whole in _barriers(prepared)
    ]


def barrier_lines(prepared: Prepared) -> Iterator[str]:
    """Yield a line for each layer that waits, and for each whose positions cost more the later they come."""
    for node, whole in _barriers(prepared):
        told = _counts(node, prepared)
        counts = ""
        if told is not None:
            counts = f"on the digital unit, {told['multiply_adds']:,} multiply-adds"
            counts += f" and {told['look_ups']:,} look-ups a sample"
            if "gradient_multiply_adds" in told:
                counts += f", {told['gradient_multiply_adds']:,} and {told['gradient_look_ups']:,} for its gradient"
            counts += "; "
        yield f"{node.name} ({node.kind}): {counts}it begins when the whole {whole} is there"
    for name in sorted(_in_turn(prepared)):
        yield from _growth(prepared.graph[name])


def _barriers(prepared: Prepared) -> Iterator[tuple[Node, str]]:
    in_turn = _in_turn(prepared)
    for node in prepared.graph.nodes:
        operator = load_operator(node.kind)
        if operator.waits_for_block(node, training=prepared.schedule.returns_gradients):
            yield node, "micro-batch"
        elif operator.waits_for_sample(node) and node.name not in in_turn:
            yield node, "sample"


def _in_turn(prepared: Prepared) -> frozenset[str]:
    return nodes_in_turn(prepared.graph, prepared.schedule.settings.positions)


def _counts(node: Node, prepared: Prepared) -> dict[str, int] | None:
    """Return what a layer asks of the digital unit for each sample; None of one with matrices."""
    operator = load_operator(node.kind)
    if not isinstance(operator, DigitalOperator):
        return None
    forward, back = operator.cost(node), operator.gradient_cost(node)
    found = {"multiply_adds": forward.multiply_adds, "look_ups": forward.activations}
    if prepared.schedule.returns_gradients:
        found |= {"gradient_multiply_adds": back.multiply_adds, "gradient_look_ups": back.activations}
    return found


def _growth(node: Node) -> Iterator[str]:
    """Tell what the first and the last position of a sequence cost where they do not all cost the same."""
    operator, end = load_operator(node.kind), node.shape[0] - 1
    if not isinstance(operator, DigitalOperator):
        return
    first, last = operator.position_cost(node, 0), operator.position_cost(node, end)
    if first is None or last is None:
        return
    recalled = operator.recalled_elements(node, end)
    yield (
        f"{node.name} ({node.kind}): on the digital unit, one position after the other: {first.operations(1):,} "
        f"operations for the first, {last.operations(1):,} and {recalled:,} stored numbers of keys and values for the "
        "last, of each sample"
    )
