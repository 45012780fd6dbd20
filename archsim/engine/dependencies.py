"""Which steps of an action wait for which: an edge for each value, gradient or matrix that one hands to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from archsim.engine.steps import CopyStep, DigitalStep, MatrixStep, Step, TransferStep, WriteStep
from archsim.network.graph import Graph

__all__ = ["Dependency", "Flows", "dependencies", "flows_of", "homes_of", "layers_of"]

#: Something that one step gives and another takes: what it is, and of which node or matrix, in which time step if any.
_Item = tuple[str, str, int | None]


class Dependency(NamedTuple):
    """A step that another one waits for.

    Attributes
    ----------
    step : int
        Its number in the action.
    by_vector : bool
        Whether each vector is needed by the vector of the same number only; else by all vectors of its sample.
    """

    step: int
    by_vector: bool


def dependencies(steps: Sequence[Step], graph: Graph, *, updates_in_turn: bool) -> tuple[tuple[Dependency, ...], ...]:
    """Return what each step of an action waits for.

    Parameters
    ----------
    steps : sequence of Step
        The steps of the action, each behind all that it waits for.
    graph : Graph
        The network.
    updates_in_turn : bool
        Whether the update of a matrix, what it transfers, or its copy, waits for that of the matrix before it.
    """
    givers: dict[_Item, list[int]] = defaultdict(list)
    # Of each step, those that are done before it, a bit each: a long sequence has as many steps as positions, and sets
    # of them would fill the memory.
    before: list[int] = []
    found = []
    for number, step in enumerate(steps):
        takes = set(_takes(step, graph, updates_in_turn))
        direct = {giver for item in takes for giver in givers[item]}
        behind = reduce(or_, (before[giver] for giver in direct), 0)
        before.append(reduce(or_, (1 << giver for giver in direct), behind))
        needed = (giver for giver in sorted(direct) if not behind >> giver & 1)
        found.append(tuple(Dependency(giver, _by_vector(steps[giver], step, graph)) for giver in needed))
        for item in _gives(step, graph, updates_in_turn):
            # A step that also takes what it gives is behind all that gave it before.
            givers[item] = [number] if item in takes else [*givers[item], number]
    return tuple(found)


class Flows(NamedTuple):
    """The steps of an action that take, or give, each value or gradient, by its node.

    Attributes
    ----------
    values, gradients : mapping of str to tuple of int
        Numbers of the steps, in order.
    """

    values: Mapping[str, tuple[int, ...]]
    gradients: Mapping[str, tuple[int, ...]]


def flows_of(steps: Sequence[Step], graph: Graph) -> tuple[Flows, Flows]:
    """Return which steps of an action take each value and gradient, and which ones give it."""
    taken: dict[_Item, list[int]] = defaultdict(list)
    given: dict[_Item, list[int]] = defaultdict(list)
    for number, step in enumerate(steps):
        for found, items in ((taken, _takes(step, graph, False)), (given, _gives(step, graph, False))):
            for item in dict.fromkeys(items):
                found[item].append(number)
    return _flows(taken), _flows(given)


def _flows(found: Mapping[_Item, list[int]]) -> Flows:
    def of(what: str) -> dict[str, tuple[int, ...]]:
        return {name: tuple(steps) for (kind, name, _), steps in found.items() if kind == what}

    return Flows(of("value"), of("gradient"))


def homes_of(steps: Iterable[Step]) -> dict[str, str]:
    """Return for each node the layer with whose forward it is computed; what its gradient needs is then there, too."""
    return {
        name: step.layer
        for step in steps
        if isinstance(step, DigitalStep) and step.phase == "F"
        for name in (step.collect, *step.nodes)
        if name is not None
    }


def layers_of(step: Step, graph: Graph, homes: Mapping[str, str]) -> frozenset[str]:
    """Return the layers that a step works for.

    Parameters
    ----------
    step : Step
        The step.
    graph : Graph
        The network.
    homes : mapping of str to str
        The layer with whose forward a node is computed.
    """
    if not isinstance(step, DigitalStep):
        return frozenset((graph.holder(step.matrix).name,))
    nodes = (name for name in (step.collect, *step.nodes, step.prepare) if name is not None)
    return frozenset(homes.get(name, name) for name in nodes)


def _takes(step: Step, graph: Graph, updates_in_turn: bool) -> Iterator[_Item]:
    if isinstance(step, DigitalStep):
        if step.collect is not None:
            yield from (("products", matrix.name, step.collected) for matrix in graph[step.collect].matrices)
        if step.phase == "F":
            for node in step.nodes:
                yield from (("value", name, None) for name in graph[node].inputs)
        elif step.phase == "B":
            yield from (("gradient", node, None) for node in step.nodes)
        if step.prepare is not None:
            yield "gradient" if step.phase == "B" else "errors", step.prepare, None
            if step.collected is not None:
                yield "errors", step.prepare, step.collected
        yield from _states_before(step, step.collect or step.prepare)
    elif isinstance(step, WriteStep):
        yield "tiles", "", None
    else:
        yield "matrix", step.matrix, None
        holder = graph.holder(step.matrix)
        if isinstance(step, TransferStep):
            return
        if isinstance(step, CopyStep):
            if updates_in_turn:
                yield "update", "", None
            return
        if step.phase == "F":
            yield from (("value", name, None) for name in holder.inputs)
        else:
            yield "errors", holder.name, step.time_step
            yield "drives", holder.name, None
        yield from _states_before(step, holder.name)
    if step.phase in ("U", "T") and updates_in_turn:
        yield "update", "", None


def _gives(step: Step, graph: Graph, updates_in_turn: bool) -> Iterator[_Item]:
    if isinstance(step, DigitalStep):
        if step.collect is not None and _ends(step, graph):
            yield from _results(step, step.collect, graph)
        for node in step.nodes:
            yield from _results(step, node, graph)
        if step.collected is not None and step.phase == "F":
            yield "state", step.collect or "", step.collected
        if step.prepare is not None:
            yield "errors" if step.phase == "B" else "drives", step.prepare, step.prepared
            if step.prepared == 0:
                yield "errors", step.prepare, None
        if step.loss:
            yield "gradient", graph.nodes[-1].name, None
    else:
        yield "matrix", step.matrix, None
        if isinstance(step, MatrixStep) and step.phase in ("F", "B"):
            yield "products", step.matrix, step.time_step
            yield "tiles", "", None
    if step.phase in ("U", "T", "C") and updates_in_turn:
        yield "update", "", None


def _states_before(step: MatrixStep | DigitalStep, layer: str | None) -> Iterator[_Item]:
    """A forward read in a time step needs the state before it, and so does the state that comes of it."""
    time_step = step.time_step if isinstance(step, MatrixStep) else step.collected
    if step.phase == "F" and layer is not None and time_step:
        yield "state", layer, time_step - 1


def _ends(step: DigitalStep, graph: Graph) -> bool:
    """Return whether a layer is done with the reads that a step collects: all but the last time step go on."""
    if step.collected is None:
        return True
    last = graph[step.collect or ""].matrices[0].vectors - 1 if step.phase == "F" else 0
    return step.collected == last


def _results(step: DigitalStep, node: str, graph: Graph) -> Iterator[_Item]:
    """What a node gives to others: its value, or gradients at its inputs."""
    if step.phase == "F":
        yield "value", node, None
    else:
        yield from (("gradient", name, None) for name in graph[node].inputs if name in graph.needs_gradient)


def _by_vector(source: Step, target: Step, graph: Graph) -> bool:
    """Collecting what was read goes with the vectors, as do positions in turn; all else may need the whole sample."""
    if all(isinstance(step, MatrixStep | DigitalStep) and step.in_turn for step in (source, target)):
        return True
    return (
        isinstance(source, MatrixStep)
        and isinstance(target, DigitalStep)
        and target.collect == graph.holder(source.matrix).name
        and source.vectors == target.vectors
    )
