"""Buffers with a limit: what does not fit waits, and a run that is stopped meanwhile goes on as it would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archsim
from archsim import Run, plugins
from archsim.chip.components import NO_WORK_YET, BufferSpace
from archsim.simulation import Interrupted, simulate

#: Numbers that stage 0 of the digits perceptron (64-64-32-10 in three stages) keeps for a sample, of a byte each: the
#: input, what fc1 and its activation give, the error of fc1 and the gradient that comes back.
STAGE_0 = 64 + 64 + 64 + 64 + 64
#: Biases of fc1, whose gradients add up until the update of a mini-batch.
BIASES = {"sequential": 64, "gpipe": 64, "synchronous": 64, "asynchronous": 0}
KINDS = ("sequential", "gpipe", "synchronous", "asynchronous")
#: In flight at stage 0 of three, with mini-batches of four micro-batches.
RESIDENT = {"sequential": 4, "gpipe": 4, "synchronous": 4, "asynchronous": 3}
WORKLOAD = Path(__file__).resolve().parents[2] / "workloads" / "mlp_digits.yaml"


def experiment(*overrides: str, mode: str | None = None) -> archsim.Experiment:
    short = ("training.mini_batch=12", "data.test_samples=30", "run.evaluate_every=4", "run.checkpoint_every=null")
    return archsim.load_experiment(WORKLOAD, (*short, *overrides), mode)


def waited_for_space(run: Run) -> int:
    """Return how long units waited for space, in picoseconds."""
    return sum(time for (_, cause), time in run.observations.idle_ps.items() if "buffer" in cause)


def one_stage(mini_batches: int, micro_batches_that_fit: int) -> Run:
    # All of the network in one stage: input, three matrices' outputs and errors, two activations; nothing comes back.
    footprint = 12 * (64 + 64 + 64 + 32 + 32 + 10 + 64 + 32 + 10)
    return simulate(
        experiment(
            "schedule.stages=1",
            "schedule.kind=sequential",
            f"training.max_mini_batches={mini_batches}",
            f"chip.buffer.capacity={micro_batches_that_fit * footprint} B",
            "chip.host.prefetch=2",
            mode="timing",
        )
    )


def test_a_buffer_for_one_micro_batch_serves_them_one_after_another() -> None:
    alone = one_stage(1, 1).metrics["makespan_ps"]
    many = one_stage(7, 1)
    assert many.metrics["makespan_ps"] == 7 * alone
    assert waited_for_space(many) > 0


def test_a_buffer_for_two_takes_the_next_input_during_the_work() -> None:
    alone = one_stage(1, 2)
    host = alone.observations.idle_ps["stage 0", NO_WORK_YET]
    work = alone.metrics["makespan_ps"] - host
    assert host < work
    assert one_stage(7, 2).metrics["makespan_ps"] == host + 7 * work


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spare", [0, 1])
def test_stage_never_holds_more_than_its_buffer_does(kind: str, spare: int) -> None:
    """A micro-batch takes space from the moment the host begins to send it until its update has ended."""
    capacity = RESIDENT[kind] + spare
    run = simulate(
        experiment(
            f"schedule.kind={kind}",
            "schedule.micro_batches=4",
            "training.max_mini_batches=6",
            f"chip.buffer.capacity={capacity * 3 * STAGE_0 + BIASES[kind]} B",
            "chip.host.prefetch=3",
            "chip.host.bytes_per_cycle=1",
            mode="timing",
        )
    )
    timeline = run.timeline
    sent = timeline[(timeline.unit == "host") & (timeline.action == "F")]
    updates = timeline[(timeline.unit == "stage 0") & (timeline.action == "U")]
    each = 4 if kind != "asynchronous" else 1
    assert len(sent) == len(updates) * each == 24
    changes = pd.concat([pd.Series(each, updates.end_ps).mul(-1), pd.Series(1, sent.start_ps)])
    held = changes.groupby(level=0).sum().sort_index().cumsum()
    assert held.max() == capacity
    assert held.iloc[-1] == 0
    assert waited_for_space(run) > 0


def test_space_that_was_not_claimed_cannot_be_given_back() -> None:
    class Nobody:
        def admitted(self, waited: bool) -> None:
            pass

    space = BufferSpace("buffer 0", 100)
    space.claim(60, Nobody())
    with pytest.raises(RuntimeError, match="61 B, but only 60 B"):
        space.release(61)
    space.release(60)
    assert space.used == 0


# Stopped under back-pressure


def after(events: int) -> Callable[[], bool]:
    left = [events]

    def interrupted() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return interrupted


def in_pieces(what: archsim.Experiment, folder: Path, lengths: tuple[int, ...]) -> Run:
    """Run with stops after so many events each; every one of them comes before the end."""
    for events in lengths:
        with pytest.raises(Interrupted):
            simulate(what, workspace=folder, resume=True, interrupted=after(events))
    return simulate(what, workspace=folder, resume=True)


def bits(array: Any) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def assert_same(one: Run, other: Run) -> None:
    assert one.observations == other.observations
    assert one.metrics == other.metrics
    pd.testing.assert_frame_equal(one.timeline, other.timeline, check_exact=True)
    pd.testing.assert_frame_equal(one.learning, other.learning, check_exact=True)
    assert one.tallies == other.tallies
    assert {name: bits(array) for name, array in one.weights.items()} == {
        name: bits(array) for name, array in other.weights.items()
    }


#: Chips on which inputs wait for space: one home node for each stage, a matrix cut over tiles of several nodes.
CHIPS = {
    "whole matrices": (),
    "cut matrices on several nodes": ("chip.tile.rows=20", "chip.tile.columns=24"),
}


@pytest.mark.parametrize("chip", list(CHIPS))
@pytest.mark.parametrize("mode", ["timing", "coupled"])
@pytest.mark.parametrize("kind", KINDS)
def test_resumed_equals_unbroken_while_inputs_wait_for_space(kind: str, mode: str, chip: str, tmp_path: Path) -> None:
    what = experiment(
        f"schedule.kind={kind}",
        "schedule.micro_batches=4",
        "training.max_mini_batches=6",
        f"chip.buffer.capacity={RESIDENT[kind] * 3 * STAGE_0 + BIASES[kind]} B",
        "chip.host.bytes_per_cycle=1",
        *CHIPS[chip],
        mode=mode,
    )
    whole = simulate(what)
    assert waited_for_space(whole) > 0
    quarter = whole.observations.events // 4
    assert_same(in_pieces(what, tmp_path, (quarter, 37, quarter)), whole)


def test_stage_waits_for_space_behind_a_stage_that_is_full_after_a_stop_as_well(tmp_path: Path) -> None:
    """Not only the host waits: a value waits at its stage until the next one has space for it."""
    # Stage 1 keeps its input, what its matrix gives, its error and the gradient that comes back.
    footprint = 12 * (24 + 224 + 224 + 224)
    what = experiment(
        "schedule.kind=asynchronous",
        "training.max_mini_batches=8",
        f"chip.buffer.capacity={2 * footprint} B",
        "network.layers=[{name: a, kind: linear, features: 24}, {name: b, kind: linear, features: 224},"
        " {name: c, kind: linear, features: 10}]",
        mode="timing",
    )
    whole = simulate(what)
    waiting = {unit for (unit, cause) in whole.observations.idle_ps if "buffer 1" in cause}
    assert waiting == {"stage 1"}
    for stop in range(1, whole.observations.events, whole.observations.events // 5):
        assert_same(in_pieces(what, tmp_path / str(stop), (stop,)), whole)


@pytest.mark.parametrize("kind", plugins.names("archsim.algorithm_kinds"))
def test_every_algorithm_goes_on_under_back_pressure(kind: str, tmp_path: Path) -> None:
    preset = next(
        n for n in plugins.names("archsim.algorithms") if plugins.load("archsim.algorithms", n)().kind == kind
    )
    chosen = (
        "chip=rpu-512",
        "chip.device={preset: soft-bounds, dw_min: 0.01}",
        f"training.algorithm={preset}",
        "training.mini_batch=6",
        "schedule.micro_batches=2",
        "schedule.kind=asynchronous",
        "training.max_mini_batches=8",
        "chip.host.bytes_per_cycle=1",
        *CHIPS["cut matrices on several nodes"],
    )
    kept = archsim.prepare(experiment(*chosen)).memory[0].accumulator_bytes
    what = experiment(*chosen, f"chip.buffer.capacity={3 * 2 * 3 * STAGE_0 + kept} B")  # Two bytes a number.
    whole = simulate(what)
    assert waited_for_space(whole) > 0
    half = whole.observations.events // 2
    assert_same(in_pieces(what, tmp_path, (half, 11)), whole)
