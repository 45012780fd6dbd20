"""The numbers by which runs are judged, each with its unit and its definition."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archsim.chip.counts import UnitTime
from archsim.results.observations import Observations

__all__ = ["METRICS", "NUMERICS", "Costs", "Metric", "MetricValue", "compute_metrics"]

MetricValue = int | float | None | list[int] | list[float] | dict[str, int] | dict[str, float]


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is called, its unit (empty for a pure number) and what it means in one line."""

    id: str
    unit: str
    definition: str


#: All metrics of a run, in the order in which they are shown.
METRICS: tuple[Metric, ...] = (
    Metric("makespan_ps", "ps", "Simulated time from the start to the end of the last event."),
    Metric("energy_pj", "pJ", "Dynamic energy plus leakage of the whole chip over the makespan."),
    Metric("leakage_pj", "pJ", "Leakage of all units, used or not, in their power states over the makespan."),
    Metric("power_w", "W", "Mean power: energy divided by makespan."),
    Metric("area_um2", "um^2", "Area of all tiles and nodes of the chip, as far as it is known (see area.csv)."),
    Metric("macs_per_sample", "", "Multiply-accumulates of one sample's forward: one for each weight and vector."),
    Metric("macs", "", "By phase: multiply-accumulates done; repeated reads are no more, a skipped B is none."),
    Metric("tops", "TOPS", "Two operations for each MAC done in forward and backward, divided by the makespan."),
    Metric("tops_per_w", "TOPS/W", "The same operations divided by the energy, leakage included."),
    Metric("tops_per_mm2", "TOPS/mm^2", "`tops` divided by the area."),
    Metric("energy_per_mac_pj", "pJ", "Energy, leakage included, divided by the MACs done in forward and backward."),
    Metric("peak_tops", "TOPS", "All tiles, used or not, reading whole arrays forward without a pause."),
    Metric("peak_buffer_bytes", "B", "By node: most bytes that were claimed of its buffer at a time."),
    Metric("stage_buffer_bytes", "B", "By stage: most bytes that it claimed of the buffer of its place at a time."),
    Metric("program_ps", "ps", "Time until the initial weights were written; null where that was not simulated."),
    Metric("program_pj", "pJ", "Dynamic energy of writing weights (phase P); null where that was not simulated."),
    Metric("placeholder_share", "", "Share of time (of the bottleneck), energy and area that rests on placeholders."),
    Metric("samples", "", "Samples that were trained, or that passed a forward-only run, as often as they were used."),
    Metric("mini_batches", "", "Trained mini-batches."),
    Metric(
        "samples_to_target",
        "",
        "Samples at the first evaluation that reached `training.stop_at` or `run.target_accuracy`; null if none.",
    ),
    Metric("time_to_target_ps", "ps", "Simulated time at that evaluation."),
    Metric("energy_to_target_pj", "pJ", "Energy until then, leakage included."),
    Metric("updates_to_target", "", "Updates of the first stage that made the weights evaluated then."),
    Metric("pulses_to_target", "", "Device pulses that made them, over all layers."),
    Metric("accuracy", "", "Fraction of test samples classified correctly at the last evaluation."),
    Metric("test_loss", "", "Mean loss of a test sample at the last evaluation."),
    Metric("perplexity", "", "exp(`test_loss`) of a cross-entropy over sequences: as good as guessing among so many."),
    Metric("loss", "", "Mean training loss of the last epoch, or of as much of it as was run."),
    Metric("time_per_sample_ps", "ps", "Makespan divided by the samples."),
    Metric("samples_per_s", "1/s", "Throughput: samples divided by the makespan."),
    Metric("latency_ps", "ps", "Mean time from the start of a micro-batch's first action to the end of its last."),
    Metric("energy_per_sample_pj", "pJ", "Energy divided by the samples."),
    Metric("bubble_fraction", "", "1 - (time of the places in which a stage of theirs acts) / (places x makespan)."),
    Metric("places", "", "By stage: number of the place that holds it."),
    Metric("stage_utilisation", "", "By stage: share of the makespan in which it is in an action (F, B, U, ...)."),
    Metric(
        "place_utilisation", "", "By place: share of the makespan in which a stage of it is; the rest is its bubble."
    ),
    Metric("staleness", "updates", "By stage: mean number of its updates between F and B of a micro-batch there."),
    Metric("in_flight_max", "micro-batches", "By stage: most micro-batches between start of F and end of B there."),
    Metric("stored_max", "micro-batches", "By stage: most micro-batches between start of F and end of U there."),
    Metric("updates", "", "By stage: updates of its weights (U actions)."),
    Metric("samples_per_update", "samples", "Trained samples divided by the updates of the first stage."),
    Metric(
        "step_per_sample",
        "",
        "Learning rate at the start divided by the samples over which the loss is averaged: how far a sample moves "
        "the weights for a given gradient of its own loss.",
    ),
    Metric(
        "pulses",
        "",
        "By layer: device pulses (row and column pulses that meet) of updates; null in a timing run.",
    ),
    Metric("bl_mean", "pulses", "By layer: mean length of the pulse train of an update (BL)."),
    Metric("reads_per_mvm", "", "By layer: crossbar reads per forward vector; above 1 where bound management repeats."),
    Metric("outputs_clipped", "", "By layer: share of forward outputs at the ADC's bound, of a sample of the vectors."),
    Metric("outputs_lost", "", "By layer: share of forward outputs below half a step of the ADC, which read as 0."),
    Metric("errors_clipped", "", "By layer: share of the outputs of transposed reads at the ADC's bound."),
    Metric("errors_lost", "", "By layer: share of the outputs of transposed reads that read as 0."),
    Metric("transfers_clipped", "", "By layer: share of what transfers read that is at the ADC's bound."),
    Metric("transfers_lost", "", "By layer: share of what transfers read that reads as 0."),
    Metric("trains_full", "", "By layer: share of the pulse trains of updates that are too short for what is asked."),
    Metric("transfer_trains_full", "", "By layer: share of the pulse trains of transfers that are too short."),
    Metric("cells_at_bounds", "", "By layer: share of cells whose weight ended at a bound, over all arrays."),
    Metric(
        "weight_discrepancy",
        "",
        "By matrix: mean of ||W_B - W_F||, weights that a backward met less those that its forward met "
        "(`run.discrepancy_every`).",
    ),
    Metric("weight_discrepancy_max", "", "By matrix: the largest of them."),
    Metric("relative_weight_discrepancy", "", "By matrix: mean of ||W_B - W_F|| / ||W_F||."),
    Metric("relative_weight_discrepancy_max", "", "By matrix: the largest of them."),
    Metric("utilisation", "", "By component: busy time of its used units / (their number x makespan)."),
    Metric("idle", "ps", "By cause: idle time, summed over the stages."),
    Metric("bytes_sent", "B", "Bytes given to the host port and the links."),
    Metric("bytes_received", "B", "Bytes delivered by the host port and the links."),
    Metric("events", "", "Events of the simulation."),
)


#: Those that `Observations.numerics` has.
NUMERICS = (
    "outputs_clipped",
    "outputs_lost",
    "errors_clipped",
    "errors_lost",
    "transfers_clipped",
    "transfers_lost",
    "trains_full",
    "transfer_trains_full",
    "cells_at_bounds",
    "weight_discrepancy",
    "weight_discrepancy_max",
    "relative_weight_discrepancy",
    "relative_weight_discrepancy_max",
)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run costs on a chip.

    Attributes
    ----------
    dynamic_pj, leakage_pj : float
        Energies of the whole run in picojoules.
    area_um2 : float
        Area of the chip in square micrometres.
    peak_tops : float or None
        See `archsim.chip.attribution.peak_tops`.
    placeholder_share : mapping of str to float
        See `archsim.chip.standing.placeholder_shares`.
    program_pj : float or None
        Dynamic energy of writing weights; None where that was not simulated.
    energy_to_target_pj : float or None
        Energy until the target was reached; None without.
    """

    dynamic_pj: float
    leakage_pj: float
    area_um2: float
    peak_tops: float | None = None
    placeholder_share: Mapping[str, float] = field(default_factory=dict)
    program_pj: float | None = None
    energy_to_target_pj: float | None = None


def compute_metrics(observations: Observations, costs: Costs) -> dict[str, MetricValue]:
    """Return the metrics of a run by id, in the order of `METRICS`.

    Without a clock (makespan 0) there is no chip either: times, energies, areas and what moved on it are None. Losses
    and perplexities that are not finite, of a training that diverged, are None.

    Parameters
    ----------
    observations : Observations
        What the run observed.
    costs : Costs
        What that costs.

    Raises
    ------
    ValueError
        If a number is negative or not finite: the simulation is broken.
    """
    seen = observations
    makespan, samples = seen.makespan_ps or None, seen.samples
    energy = math.fsum((costs.dynamic_pj, costs.leakage_pj)) if makespan else None
    places = len(seen.place_busy_ps)
    values: dict[str, MetricValue] = {
        "makespan_ps": makespan,
        "energy_pj": energy,
        "leakage_pj": costs.leakage_pj if makespan else None,
        "power_w": energy / makespan if makespan and energy is not None else None,
        "area_um2": costs.area_um2 if seen.tiles else None,
        **_efficiency(seen, costs, energy),
        "samples": samples,
        "mini_batches": seen.mini_batches,
        "samples_to_target": seen.samples_to_target,
        "time_to_target_ps": seen.time_to_target_ps,
        "energy_to_target_pj": costs.energy_to_target_pj,
        "updates_to_target": seen.updates_to_target,
        "pulses_to_target": seen.pulses_to_target,
        "accuracy": seen.accuracy,
        "test_loss": _finite(seen.test_loss),
        "perplexity": _finite(seen.perplexity),
        "loss": _finite(seen.loss),
        "time_per_sample_ps": makespan / samples if makespan and samples else None,
        "samples_per_s": samples * 1e12 / makespan if makespan and samples else None,
        "latency_ps": seen.latency_ps if makespan else None,
        "energy_per_sample_pj": energy / samples if energy is not None and samples else None,
        "bubble_fraction": 1 - sum(seen.place_busy_ps) / (places * makespan) if makespan and places else None,
        "places": list(seen.places),
        "stage_utilisation": [busy / makespan for busy in seen.stage_busy_ps] if makespan else None,
        "place_utilisation": [busy / makespan for busy in seen.place_busy_ps] if makespan else None,
        "staleness": list(seen.staleness) or None,
        "in_flight_max": list(seen.in_flight_max),
        "stored_max": list(seen.stored_max),
        "updates": list(seen.updates) or None,
        "samples_per_update": samples / seen.updates[0] if seen.updates and seen.updates[0] else None,
        "step_per_sample": seen.step_per_sample,
        "pulses": dict(seen.pulses) if seen.updates and seen.pulses else None,
        "bl_mean": _ratio(seen.update_slots, seen.update_vectors) if seen.updates else None,
        "reads_per_mvm": _ratio(seen.reads, seen.read_vectors),
        **{name: dict(seen.numerics.get(name, {})) for name in NUMERICS},
        "utilisation": _utilisation(seen.units, makespan) if makespan else None,
        "idle": _stage_idle(seen) if makespan else None,
        "bytes_sent": seen.bytes_sent if makespan else None,
        "bytes_received": seen.bytes_received if makespan else None,
        "events": seen.events if makespan else None,
    }
    for name, value in values.items():
        for number in _numbers(value):
            if not math.isfinite(number) or number < 0:
                raise ValueError(f"metric {name} is {number!r}: not a finite, non-negative number")
    return values


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _efficiency(seen: Observations, costs: Costs, energy_pj: float | None) -> dict[str, MetricValue]:
    """What an architect asks for: operations, by time, energy and area."""
    makespan = seen.makespan_ps or None
    macs = seen.macs.get("forward", 0) + seen.macs.get("backward", 0)
    tops = 2 * macs / makespan if makespan else None
    return {
        "macs_per_sample": seen.macs_per_sample,
        "macs": dict(seen.macs),
        "tops": tops,
        "tops_per_w": 2 * macs / energy_pj if energy_pj else None,
        "tops_per_mm2": tops / (costs.area_um2 * 1e-6) if tops is not None and seen.tiles and costs.area_um2 else None,
        "energy_per_mac_pj": energy_pj / macs if energy_pj is not None and macs else None,
        "peak_tops": costs.peak_tops if makespan else None,
        "peak_buffer_bytes": dict(seen.peak_buffer_bytes) if makespan else None,
        "stage_buffer_bytes": list(seen.stage_buffer_bytes) if makespan else None,
        "program_ps": seen.program_ps if makespan else None,
        "program_pj": costs.program_pj if makespan and (costs.program_pj or seen.program_ps is not None) else None,
        "placeholder_share": dict(costs.placeholder_share) if makespan else None,
    }


def _ratio(above: Mapping[str, int], below: Mapping[str, int]) -> dict[str, float]:
    return {name: count / below[name] for name, count in above.items() if below.get(name)}


def _utilisation(units: tuple[UnitTime, ...], makespan_ps: int) -> dict[str, float]:
    used: dict[str, list[int]] = {}
    for unit in units:
        # An array of devices is in the state of its tile.
        if unit.active_ps and unit.component != "array":
            used.setdefault(unit.component, []).append(unit.active_ps)
    return {name: sum(times) / (len(times) * makespan_ps) for name, times in sorted(used.items())}


def _stage_idle(observations: Observations) -> dict[str, int]:
    stages = set(observations.stages)
    idle: dict[str, int] = {}
    for (unit, cause), time in observations.idle_ps.items():
        if unit in stages:
            idle[cause] = idle.get(cause, 0) + time
    return idle


def _numbers(value: MetricValue) -> Iterator[int | float]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    elif value is not None:
        yield value
