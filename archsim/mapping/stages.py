"""Which operators each stage owns: balanced, or as the user lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsim.chip.specification import Chip
from archsim.errors import InputError, did_you_mean
from archsim.mapping.balance import balanced_partition, operator_groups
from archsim.mapping.load import MatrixRates, operator_times_ps
from archsim.network.graph import Graph

__all__ = ["divide"]

_FIELD = "schedule.stages"

Stages = tuple[tuple[str, ...], ...]


def divide(
    graph: Graph,
    chip: Chip,
    stages: int | Sequence[Sequence[str]],
    samples: int,
    rates: Mapping[str, MatrixRates] | None = None,
    *,
    trains: bool = True,
) -> Stages:
    """Return the operators of each stage, in order.

    Parameters
    ----------
    graph : Graph
        The network.
    chip : Chip
        The chip, for the modelled times.
    stages : int or sequence of sequences of str
        A number of stages, balanced by modelled time; or for each stage the names of its layers
        (every matrix must be named; an operator without one follows the operator before it).
    samples : int
        Samples of a micro-batch.
    rates : mapping of str to MatrixRates, optional
        What reads and updates of each matrix take.
    trains : bool
        Whether stages are balanced by F, B and U, or by F alone.

    Raises
    ------
    InputError
        If there are more stages than matrices, or a list is incomplete, out of order or names
        something unknown.
    """
    if isinstance(stages, int):
        return _balanced(graph, chip, stages, samples, rates, trains)
    return _listed(graph, stages)


def _balanced(
    graph: Graph, chip: Chip, stages: int, samples: int, rates: Mapping[str, MatrixRates] | None, trains: bool
) -> Stages:
    groups = operator_groups(graph)
    if not 1 <= stages <= len(groups):
        raise InputError(
            f"the network has {len(groups)} layers with a matrix, and each stage needs at least one",
            field=_FIELD,
            value=stages,
            allowed=f"1..{len(groups)}",
            remedy="use fewer stages or a deeper network",
        )
    times = operator_times_ps(graph, chip, samples, rates, trains=trains)
    by_name = {node.name: sum(own) for node, own in zip(graph.nodes, times, strict=True)}
    ends = balanced_partition([sum(by_name[name] for name in group) for group in groups], stages)
    starts = (0, *ends[:-1])
    return tuple(
        tuple(name for group in groups[start:end] for name in group) for start, end in zip(starts, ends, strict=True)
    )


def _listed(graph: Graph, stages: Sequence[Sequence[str]]) -> Stages:
    stage_of = _named(graph, stages)
    result: list[list[str]] = [[] for _ in stages]
    current = 0
    for node in graph.nodes:
        stage = stage_of.get(node.name)
        if stage is None and node.matrices:
            raise InputError(
                "every layer with a matrix belongs to a stage, but one is in none",
                field=_FIELD,
                value=node.name,
                remedy=f"add '{node.name}' to one of the lists",
            )
        if stage is not None and stage < current:
            raise InputError(
                "stages hold consecutive layers in the network's order, but a layer comes too early",
                field=_FIELD,
                value=node.name,
                allowed=f"stage {current + 1} or a later one, as a layer before it is there already",
                remedy="list the layers in the order: " + ", ".join(n.name for n in graph.nodes),
            )
        current = current if stage is None else stage
        result[current].append(node.name)
    for index, names in enumerate(result):
        if not any(graph[name].matrices for name in names):
            raise InputError(
                f"stage {index + 1} holds no layer with a matrix",
                field=_FIELD,
                value=[list(stage) for stage in stages],
                allowed="at least one of "
                + ", ".join(node.name for node in graph.nodes if node.matrices)
                + " in each stage",
                remedy="merge it with a neighbouring stage",
            )
    return tuple(tuple(names) for names in result)


def _named(graph: Graph, stages: Sequence[Sequence[str]]) -> dict[str, int]:
    known = [node.name for node in graph.nodes]
    stage_of: dict[str, int] = {}
    for index, names in enumerate(stages):
        for name in names:
            if name not in known:
                close = did_you_mean(name, known)
                raise InputError(
                    "the network has no layer of this name",
                    field=_FIELD,
                    value=name,
                    allowed=", ".join(known),
                    remedy=f"did you mean '{close}'?" if close else None,
                )
            if name in stage_of:
                raise InputError(
                    "a layer belongs to one stage, but one is listed twice",
                    field=_FIELD,
                    value=name,
                    remedy="remove one of the two",
                )
            stage_of[name] = index
    return stage_of
