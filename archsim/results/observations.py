"""What a finished run observed, before any price is put on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.chip.counts import CountKey, UnitTime
from archsim.results.bottleneck import Bottleneck

__all__ = ["Observations"]


@dataclass(frozen=True, slots=True)
class Observations:
    """Counts and times of a run. Stages are indexed from the input side.

    Attributes
    ----------
    makespan_ps : int
        Simulated time from start to the end of the last event (0 in numerics mode).
    samples, mini_batches : int
        Trained samples and mini-batches.
    accuracy, loss : float or None
        Test accuracy of the last evaluation and mean training loss of the last epoch or part of it.
    test_loss, perplexity : float or None
        Mean loss of a test sample at the last evaluation and the perplexity that it makes; see
        `archsim.results.learning.Score`.
    staleness : tuple of float
        Mean number of updates of a stage between the F and the B of a micro-batch there; empty without updates.
    in_flight_max : tuple of int
        Most micro-batches between start of F and end of B at a stage.
    stored_max : tuple of int
        Most micro-batches between start of F and end of their last action (U) at a stage.
    stage_busy_ps : tuple of int
        Time that each stage spent in F, B and U.
    places : tuple of int
        The place that holds each stage.
    place_busy_ps : tuple of int
        Time in which at least one stage of a place was in an action.
    stage_buffer_bytes : tuple of int
        The most bytes that each stage claimed of the buffer of its place; empty where a chip stores nothing.
    stages : tuple of str
        Name of each stage's unit in `idle_ps` and in the timeline.
    counts : mapping of CountKey to int
        Operations.
    units : tuple of UnitTime
        Power-state times of every unit of the chip, used or not.
    tiles, nodes : int
        Tiles and nodes of the chip, used or not.
    idle_ps : mapping of (unit, cause) to int
        Idle time of each unit by cause.
    pulses : mapping of str to int
        Device pulses (coincidences) by layer; empty where no numbers are computed.
    reads : mapping of str to int
        Crossbar vector reads in forward direction by layer, repeats by bound management included.
    read_vectors : mapping of str to int
        The same without repeats.
    update_slots, update_vectors : mapping of str to int
        Pulse-train slots sent and vectors applied by layer.
    bytes_sent, bytes_received : int
        Over host port and links.
    events : int
        Events of the simulation.
    updates : tuple of int
        Updates (U actions) of each stage.
    step_per_sample : float or None
        Learning rate at the start divided by the samples over which the loss is averaged; None without numbers.
    numerics : mapping of str to mapping of str to float
        Shares by layer of what converters, pulse trains and cells made of the numbers: outputs_clipped and the like.
    arrays : int
        Arrays of one device a cell, over all tiles of the chip.
    macs : mapping of str to int
        Multiply-accumulates that were done, by phase: ``forward``, ``backward``, ``update``.
    macs_per_sample : int
        Those of one sample's forward.
    bottleneck : Bottleneck or None
        The unit that worked longest; None without a clock.
    peak_buffer_bytes : mapping of str to int
        The most bytes claimed of each node's buffer.
    latency_ps : float or None
        Mean time from the start of a micro-batch's first action to the end of its last.
    program_ps : int or None
        When the initial weights were written; None where that was not simulated.
    handovers : tuple of (str, int, str, int)
        For each value and gradient that goes from stage to stage, the action and stage that send it and those that
        wait for it.
    samples_to_target : int or None
        Trained samples at the first evaluation that reached ``training.stop_at`` or ``run.target_accuracy``; None
        without.
    time_to_target_ps : int or None
        Simulated time then; None without a clock.
    updates_to_target, pulses_to_target : int or None
        Updates of the first stage, and device pulses of all layers, that made the weights evaluated then.
    target_evaluation : int or None
        Which evaluation that was, counted from 0.
    """

    makespan_ps: int
    samples: int
    mini_batches: int
    accuracy: float | None
    loss: float | None
    staleness: tuple[float, ...]
    in_flight_max: tuple[int, ...]
    stored_max: tuple[int, ...]
    stage_busy_ps: tuple[int, ...]
    stages: tuple[str, ...]
    counts: Mapping[CountKey, int]
    units: tuple[UnitTime, ...]
    tiles: int
    nodes: int
    idle_ps: Mapping[tuple[str, str], int]
    pulses: Mapping[str, int] = field(default_factory=dict)
    reads: Mapping[str, int] = field(default_factory=dict)
    read_vectors: Mapping[str, int] = field(default_factory=dict)
    update_slots: Mapping[str, int] = field(default_factory=dict)
    update_vectors: Mapping[str, int] = field(default_factory=dict)
    bytes_sent: int = 0
    bytes_received: int = 0
    events: int = 0
    updates: tuple[int, ...] = ()
    step_per_sample: float | None = None
    numerics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    arrays: int = 0
    macs: Mapping[str, int] = field(default_factory=dict)
    macs_per_sample: int = 0
    bottleneck: Bottleneck | None = None
    peak_buffer_bytes: Mapping[str, int] = field(default_factory=dict)
    latency_ps: float | None = None
    program_ps: int | None = None
    places: tuple[int, ...] = ()
    place_busy_ps: tuple[int, ...] = ()
    stage_buffer_bytes: tuple[int, ...] = ()
    samples_to_target: int | None = None
    time_to_target_ps: int | None = None
    updates_to_target: int | None = None
    pulses_to_target: int | None = None
    target_evaluation: int | None = None
    test_loss: float | None = None
    perplexity: float | None = None
    handovers: tuple[tuple[str, int, str, int], ...] = ()
