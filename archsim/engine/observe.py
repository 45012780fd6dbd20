"""What a machine observed, put together at the end of a run or where it was interrupted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import pandas as pd

from archsim.analog.observed import Counts
from archsim.engine.events.accounts import (
    MAC_PHASES,
    count_macs,
    count_operations,
    layer_totals,
    macs_of,
    unit_times,
)
from archsim.engine.events.busiest import busiest_unit
from archsim.engine.events.machine import Machine
from archsim.engine.numerics.coupling import Numbers
from archsim.engine.numerics.discrepancy import DiscrepancySeries
from archsim.engine.numerics.network import NumericNetwork
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.engine.program import StageProgram, edges_between
from archsim.engine.setup import Setup
from archsim.engine.steps import DigitalStep, MatrixStep
from archsim.network.matrix import AnalogMatrix
from archsim.results import buffer_table, discrepancy_table, staleness_table
from archsim.results.learning import LearningPoint
from archsim.results.observations import Observations
from archsim.schedule.action_kinds import Flow
from archsim.training import StopAt

__all__ = ["buffer_fills", "observe_discrepancy", "observe_matrices", "observe_run", "observe_staleness"]


def observe_run(
    machine: Machine | UntimedMachine, network: NumericNetwork | None, target: StopAt | None = None
) -> Observations:
    """Return what was observed of a run: by its machine, and where numbers were computed, on its crossbars.

    The timeline of a machine with a clock is closed at this moment.
    """
    seen = _with_target(_observe_state(machine), machine.observer.curve.points, target)
    seen = _observe_chip(machine, seen) if isinstance(machine, Machine) else _observe_numbers(machine, seen)
    if network is None:
        return seen
    if machine.setup.schedule.trains:
        seen = replace(seen, step_per_sample=network.step_per_sample)
    shares = observe_matrices(network.on_crossbars)
    for name, series in _discrepancies(machine).items():
        for metric, value in series.summary().items():
            shares.setdefault(metric, {})[name] = value
    return replace(seen, numerics=shares)


def buffer_fills(machine: Machine | UntimedMachine) -> pd.DataFrame:
    """Return the claimed space of each buffer over time; see `archsim.results.buffer_table`."""
    if isinstance(machine, UntimedMachine):
        return buffer_table()
    return buffer_table({name: fill.points() for name, fill in machine.fills.items()})


def observe_staleness(machine: Machine | UntimedMachine) -> pd.DataFrame:
    """Return how many micro-batches were late by how many updates, for each layer; see `archsim.results.staleness`.

    A layer does its part of actions in the order of its stage, however they overlap, so all of a stage are alike.
    """
    setup = machine.setup
    changing = [symbol for symbol, kind in setup.schedule.kinds.items() if kind.updates_weights]
    return staleness_table(
        (stage.index, layer, until, late, count)
        for program, plan, stage in zip(setup.programs, setup.plan.stages, machine.state.stages, strict=True)
        for layer in _updated_layers(program, plan.operators, changing) or ("",)
        for until, counts in (("backward", stage.late_backwards), ("update", stage.late_updates))
        for late, count in sorted(counts.items())
        if changing
    )


def observe_discrepancy(machine: Machine | UntimedMachine) -> pd.DataFrame:
    """Return how far weights of backwards were from those of forwards; see `archsim.results.discrepancy`."""
    return discrepancy_table({name: series.points for name, series in _discrepancies(machine).items()})


def _discrepancies(machine: Machine | UntimedMachine) -> Mapping[str, DiscrepancySeries]:
    found = machine.work.discrepancies if isinstance(machine.work, Numbers) else None
    return {} if found is None else found.series


def _updated_layers(program: StageProgram, layers: Iterable[str], changing: Iterable[str]) -> list[str]:
    """Return which layers the updates of a stage change."""
    changed = set()
    for symbol in changing:
        for step in program.actions[symbol].steps:
            if isinstance(step, MatrixStep):
                changed.add(step.placement.layer)
            elif isinstance(step, DigitalStep) and step.prepare is not None:
                changed.add(step.prepare)
    return [layer for layer in layers if layer in changed]


def _observe_state(machine: Machine | UntimedMachine) -> Observations:
    """Return what the state of the pipeline and the learning curve tell, with or without a clock."""
    setup, stages, updated = machine.setup, machine.state.stages, machine.observer.updated
    trains = setup.schedule.trains
    last = _last(machine.observer.curve.points)
    return Observations(
        makespan_ps=0,
        samples=updated * setup.schedule.shape.micro_batches * setup.samples,
        mini_batches=updated,
        accuracy=last.test_accuracy if last else None,
        loss=last.train_loss if last else None,
        test_loss=last.test_loss if last else None,
        perplexity=last.test_perplexity if last else None,
        staleness=tuple(stage.staleness for stage in stages if trains),
        in_flight_max=tuple(stage.in_flight_max for stage in stages),
        stored_max=tuple(stage.stored_max for stage in stages),
        stage_busy_ps=(0,) * len(stages),
        stages=tuple(f"stage {stage.index}" for stage in stages),
        counts={},
        units=(),
        tiles=0,
        nodes=0,
        idle_ps={},
        updates=tuple(stage.updates for stage in stages if trains),
        macs_per_sample=_macs(setup),
        places=tuple(stage.place for stage in setup.plan.stages),
        place_busy_ps=(0,) * len(setup.plan.places),
    )


def _with_target(seen: Observations, points: Sequence[LearningPoint], target: StopAt | None) -> Observations:
    """Return what was seen with what it took to the first evaluation that reached a target, if one did."""
    for index, point in enumerate(points):
        if target is not None and target.reached(point.test_accuracy, point.test_perplexity):
            return replace(
                seen,
                samples_to_target=point.samples,
                time_to_target_ps=point.time_ps,
                updates_to_target=point.updates,
                pulses_to_target=point.pulses,
                target_evaluation=index,
            )
    return seen


def _observe_chip(machine: Machine, seen: Observations) -> Observations:
    """Return what was seen with what a chip and its clock add."""
    setup, timeline, makespan = machine.setup, machine.timeline, machine.kernel.now
    timeline.close(makespan)
    totals, built = layer_totals(machine.equipment), machine.equipment.built(setup)
    numbers = {unit.name: number for number, unit in enumerate(timeline.units)}
    stage_busy_ps = tuple(timeline.busy_ps(numbers[name]) for name in seen.stages)
    return replace(
        seen,
        makespan_ps=makespan,
        stage_busy_ps=stage_busy_ps,
        counts=count_operations(machine).counts,
        units=unit_times(machine),
        tiles=built.tiles,
        nodes=built.nodes,
        idle_ps=timeline.idle_ps(),
        pulses=dict(totals.pulses) if machine.computes else {},
        reads=dict(totals.reads),
        read_vectors=dict(totals.read_vectors),
        update_slots={layer: done.slots for layer, done in totals.updates.items()},
        update_vectors={layer: done.vectors for layer, done in totals.updates.items()},
        latency_ps=machine.latency_sum_ps / machine.completed if machine.completed else None,
        bytes_sent=machine.transport.bytes_sent,
        bytes_received=machine.transport.bytes_received,
        events=machine.kernel.events,
        arrays=built.arrays,
        macs=count_macs(machine.equipment, setup.samples),
        bottleneck=busiest_unit(machine),
        peak_buffer_bytes=_peaks(machine),
        place_busy_ps=_place_busy_ps(machine, stage_busy_ps),
        stage_buffer_bytes=tuple(stage.space.peak for stage in machine.stages if stage.footprint),
        program_ps=None if machine.programmer is None else machine.programmer.duration_ps,
        handovers=tuple(_handovers(setup)),
    )


def _handovers(setup: Setup) -> Iterator[tuple[str, int, str, int]]:
    """Yield which action of which stage sends something to which action of which stage."""
    kinds = setup.schedule.kinds.items()
    for flow in get_args(Flow):
        sending = [symbol for symbol, kind in kinds if kind.sends == flow]
        awaiting = [symbol for symbol, kind in kinds if kind.awaits == flow]
        for source, target in dict.fromkeys(edges_between(setup.programs)):
            pair = (source, target) if flow == "values" else (target, source)
            yield from ((sent, pair[0], to, pair[1]) for sent in sending for to in awaiting)


def _observe_numbers(machine: UntimedMachine, seen: Observations) -> Observations:
    """Return what was seen with what the numbers alone add."""
    updates = _by_matrix(machine.setup, machine.updates)
    return replace(
        seen,
        pulses={name: done.pulses for name, done in updates.items()},
        update_slots={name: done.slots for name, done in updates.items()},
        update_vectors={name: done.vectors for name, done in updates.items()},
        macs=_untimed_macs(machine),
    )


def _by_matrix(setup: Setup, found: Mapping[str, Counts]) -> dict[str, Counts]:
    """Return counts in the order of the network, whichever stage came first: a resumed run begins with the first."""
    names = dict.fromkeys(step.matrix for program in setup.programs for step in program.matrix_steps)
    return {name: found[name] for name in names if name in found}


def _macs(setup: Setup) -> int:
    """The multiply-accumulates of one sample's forward: one for each weight and vector."""
    return sum(
        placement.vectors * block.rows * block.columns
        for stage in setup.plan.stages
        for placement in stage.placements
        for block in placement.blocks
    )


def _untimed_macs(machine: UntimedMachine) -> dict[str, int]:
    found = dict.fromkeys(MAC_PHASES.values(), 0)
    for program, stage in zip(machine.setup.programs, machine.state.stages, strict=True):
        for symbol, kind in machine.setup.schedule.kinds.items():
            if kind.operation is not None:
                samples = stage.done[symbol] * machine.setup.samples
                found[kind.operation] += macs_of(program.actions[symbol].steps) * samples
    return found


def _place_busy_ps(machine: Machine, stage_busy_ps: tuple[int, ...]) -> tuple[int, ...]:
    """How long the stages of each place acted; a stage alone at its place is all there is."""
    return tuple(
        stage_busy_ps[place.stages[0]] if occupancy is None else occupancy.busy_ps
        for place, occupancy in zip(machine.setup.plan.places, machine.occupancies, strict=True)
    )


def _peaks(machine: Machine) -> dict[str, int]:
    """The most bytes that were claimed of each place's buffer, by its node; nothing where a chip stores nothing."""
    return {
        f"node {machine.setup.home(stage.index)}": stage.space.whole.peak for stage in machine.stages if stage.footprint
    }


def observe_matrices(matrices: Mapping[str, AnalogMatrix]) -> dict[str, dict[str, float]]:
    """Return what became of numbers on crossbars: by metric, the share of each layer, where there is one."""
    found: dict[str, dict[str, float]] = {}
    for layer, matrix in matrices.items():
        samples = matrix.samples
        shares = {
            "outputs_clipped": samples.forward.clipped,
            "outputs_lost": samples.forward.lost,
            "errors_clipped": samples.backward.clipped,
            "errors_lost": samples.backward.lost,
            "transfers_clipped": samples.transfer.clipped,
            "transfers_lost": samples.transfer.lost,
            "trains_full": samples.updates.full,
            "transfer_trains_full": samples.writes.full,
            "cells_at_bounds": matrix.saturated,
        }
        for name, share in shares.items():
            if share is not None:
                found.setdefault(name, {})[layer] = float(share)
    return found


def _last(points: list[LearningPoint]) -> LearningPoint | None:
    return points[-1] if points else None
