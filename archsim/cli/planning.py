"""What ``run --dry-run`` says: where everything lies, in which order it is done, what it stores, how long it takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from archsim.chip.operations import parameter_bytes
from archsim.cli.barriers import barrier_lines, barrier_records
from archsim.cli.console import out, plain_table
from archsim.cli.memory import memory_lines, memory_record
from archsim.engine.program import StageProgram
from archsim.experiment import Experiment
from archsim.mapping import StagePlan
from archsim.schedule import weight_versions
from archsim.simulation import Prepared, TimeEstimate, estimate_time, prepare_whole
from archsim.units import format_duration

__all__ = ["plan_record", "print_plan"]

#: What closed forms hold for where nobody knows how long a stage takes.
_ASSUMED = "equal stages, F and B one cycle each, U none"
_ASSUMED_FORWARD = "equal stages, F one cycle"


def print_plan(experiment: Experiment, *, as_json: bool) -> None:
    """Print what would run; the data are read to be counted, and nothing is written.

    Raises
    ------
    InputError
        If the experiment cannot be done as written, as a run would say.
    """
    prepared = prepare_whole(experiment)
    estimate = estimate_time(prepared)
    if as_json:
        json.dump(plan_record(prepared, estimate), sys.stdout, indent=1)
        print()
        return
    console = out()
    for line in _head(prepared):
        console.print(line, soft_wrap=True)
    console.print(plain_table(*_stages(prepared), numbers_from=2))
    told = (*memory_lines(prepared), *_digital_matrices(prepared), *barrier_lines(prepared), *_closed_forms(prepared))
    for line in (*told, _time(prepared, estimate), *(f"warning: {text}" for text in prepared.warnings)):
        console.print(line, soft_wrap=True)


def plan_record(prepared: Prepared, estimate: TimeEstimate | None) -> dict[str, Any]:
    """Return what would run, as plain values."""
    plan, schedule, profile = prepared.plan, prepared.schedule, prepared.profile
    memory, versions = {stage.stage: stage for stage in prepared.memory}, weight_versions(schedule)
    return {
        "experiment": prepared.experiment.name,
        "mode": prepared.experiment.run.mode,
        "tiles": {"used": plan.tiles_used, "chip": plan.tiles},
        "schedule": {
            "kind": schedule.kind,
            "update": schedule.update,
            "stages": schedule.shape.stages,
            "mini_batches": schedule.shape.mini_batches,
            "micro_batches": schedule.shape.micro_batches,
        },
        "stages": [
            {
                "stage": stage.index,
                "layers": list(stage.operators),
                "place": stage.place,
                "nodes": list(plan.place_of(stage.index).nodes),
                "tiles": {p.matrix: sum(map(len, p.sets)) for p in stage.placements if p.parts},
                "digital_matrices": [p.matrix for p in stage.placements if p.whole is not None],
                "in_flight_max": profile.in_flight_max[stage.index],
                "stored_max": profile.stored_max[stage.index],
                "staleness": profile.staleness[stage.index],
                "weight_versions": versions[stage.index],
                **memory_record(memory.get(stage.index)),
                "buffer_bytes": memory[stage.index].demand_bytes if stage.index in memory else None,
                "buffer_capacity_bytes": memory[stage.index].capacity_bytes if stage.index in memory else None,
            }
            for stage in plan.stages
        ],
        "barriers": barrier_records(prepared),
        "closed_forms": dict(prepared.closed_forms),
        "estimate": None
        if estimate is None
        else {
            "makespan_ps": estimate.makespan_ps,
            "timed_ps": list(estimate.timed_ps),
            "by": "a timing run of the first mini-batches, continued linearly",
        },
    }


def _head(prepared: Prepared) -> Iterator[str]:
    plan, schedule, shape = prepared.plan, prepared.schedule, prepared.schedule.shape
    experiment = prepared.experiment
    yield f"{experiment.name}: {experiment.network.name} on {experiment.chip.name}, {experiment.run.mode}"
    if prepared.built.tiles:
        yield f"tiles: {plan.tiles_used} used of {plan.tiles}, {plan.node_tiles} a node, nodes: {plan.nodes}"
        if schedule.weight_sets > 1:
            yield "two sets of crossbars hold each matrix, so it takes twice the tiles"
    updates = f"update: {schedule.update}, " if schedule.trains else ""
    yield (
        f"schedule: {schedule.kind}, {updates}stages: {shape.stages}, "
        f"mini-batches: {shape.mini_batches}, micro-batches in each: {shape.micro_batches}"
    )


def _stages(prepared: Prepared) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and rows of the table of stages."""
    profile = prepared.profile
    memory = {stage.stage: stage for stage in prepared.memory}
    heads = (
        "stage",
        "layers",
        "place",
        "nodes",
        "tiles",
        "in flight",
        "stored",
        "staleness",
        "least buffer (bytes)",
        "capacity",
    )
    tiles, rows = prepared.built.tiles, list[tuple[str, ...]]()
    for stage in prepared.plan.stages:
        store = memory.get(stage.index)
        capacity = "-" if store is None or store.capacity_bytes is None else f"{store.capacity_bytes:,}"
        rows.append(
            (
                str(stage.index),
                ", ".join(stage.operators),
                str(stage.place),
                ", ".join(map(str, prepared.plan.place_of(stage.index).nodes)) if tiles else "-",
                _tiles(stage) if tiles else "-",
                str(profile.in_flight_max[stage.index]),
                str(profile.stored_max[stage.index]),
                f"{profile.staleness[stage.index]:.4g}",
                "-" if store is None else f"{store.demand_bytes:,}",
                capacity,
            )
        )
    return heads, rows


def _digital_matrices(prepared: Prepared) -> Iterator[str]:
    """Tell each layer whose matrices digital units hold, and what they take of them."""
    plan, chip = prepared.plan, prepared.layout.chip
    for stage in plan.stages:
        for layer in dict.fromkeys(placement.layer for placement in stage.placements):
            node = prepared.graph[layer]
            held = [matrix for matrix in node.matrices if matrix.digital]
            if held:
                weights = sum(matrix.weights for matrix in held)
                yield (
                    f"{layer} ({node.kind}): its {weights:,} weights are held by the digital unit of node "
                    f"{plan.place_of(stage.index).home}, {parameter_bytes(chip, weights):,} B in its buffer; "
                    f"multiply-adds a sample: {_multiply_adds(prepared.setup.programs[stage.index], layer)}"
                )


def _multiply_adds(program: StageProgram, layer: str) -> str:
    """Tell what the matrices of a layer take of the digital unit in each phase; no phase is part of two actions."""
    found: dict[str, int] = {}
    for step in program.matrix_steps:
        if step.placement.layer == layer and step.unit_work is not None:
            found[step.phase] = found.get(step.phase, 0) + step.unit_work.cost.multiply_adds
    return ", ".join(f"{found[phase]:,} in {phase}" for phase in "FBU" if phase in found)


def _tiles(stage: StagePlan) -> str:
    return str(len({part.tile for placement in stage.placements for held in placement.sets for part in held}))


def _closed_forms(prepared: Prepared) -> Iterator[str]:
    times, assumed = prepared.stage_cycles, _ASSUMED if prepared.schedule.trains else _ASSUMED_FORWARD
    if times is not None:
        named = (("F", times.forward), ("B", times.backward), ("U", times.update))
        assumed = ", ".join(f"{symbol} {format_duration(time_ps)}" for symbol, time_ps in named)
    for name, value in prepared.closed_forms.items():
        yield f"closed form ({assumed}): {name.replace('_', ' ')}: {_number(value)}"
    yield "every action of the schedule, in order: archsim schedule EXPERIMENT, with the same overrides"


def _number(value: int | float | tuple[int, ...] | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{number:.4g}" for number in value)
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}"


def _time(prepared: Prepared, estimate: TimeEstimate | None) -> str:
    if estimate is None:
        why = "no clock in numerics mode" if prepared.mini_batches else "nothing is trained or run"
        return f"simulated time: none ({why})"
    timed = len(estimate.timed_ps)
    return (
        f"simulated time (an estimate: a timing run of {timed} mini-batch{'es' if timed > 1 else ''}, "
        "continued linearly): "
        f"{format_duration(estimate.makespan_ps)}"
    )
