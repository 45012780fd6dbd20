"""The executor on a tile chip with uneven random stage times equals an independent longest-path oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, hop_ps, host_ps, link_ps, nmpu_ps, read_ps, update_ps
from archsim.schedule import make_schedule
from archsim.schedule.specification import ScheduleSpecification

from .longest_path import LongestPath, StageTimes, TransferTimes

ELEMENT_BYTES = 2
LAYERS = 5
CLASSES = 7


def document(seed: int, kind: str, micro_batches: int) -> dict[str, Any]:
    """Return an experiment with random layer sizes, converters, clocks and widths; one layer a stage."""
    random = np.random.default_rng(seed)
    sizes = [int(n) for n in random.integers(3, 60, LAYERS)] + [CLASSES]
    layers: list[dict[str, Any]] = []
    for i, size in enumerate(sizes[1:]):
        layers.append({"name": f"fc{i}", "kind": "linear", "features": size})
        if i + 1 < LAYERS:
            layers.append({"name": f"act{i}", "kind": "tanh"})
    chip = {
        "preset": "reram-1024",
        "tile": {
            "rows": 64,
            "columns": 64,
            "double_buffered": bool(seed % 2),
            "update_fixed_time": f"{random.integers(1, 900)} ns",
        },
        "adc": {"per_tile": int(random.integers(1, 9)), "step_time": "0.1 ns"},
        "nmpu": {
            "lanes": int(random.integers(1, 5)),
            "clock": "0.7 GHz",
            "pipeline_cycles": int(random.integers(0, 9)),
        },
        "buffer": {"bytes_per_cycle": int(random.integers(1, 3)), "capacity": None, "element_bits": 8 * ELEMENT_BYTES},
        "interconnect": {"bytes_per_cycle": 1, "clock": f"{random.integers(50, 400)} MHz"},
        "host": {
            "bytes_per_cycle": 1,
            "clock": f"{random.integers(20, 300)} MHz",
            "prefetch": int(random.integers(1, 4)),
        },
    }
    return {
        "network": {"input_shape": [sizes[0]], "layers": layers},
        "chip": chip,
        "data": {"samples": 240},
        "training": {"learning_rate": 0.1, "mini_batch": 12, "max_mini_batches": 7},
        "schedule": {"kind": kind, "stages": LAYERS, "micro_batches": micro_batches},
        "run": {"mode": "timing"},
    }


def oracle(experiment: archsim.Experiment) -> int:
    """Return the makespan by the rules of docs/abstraction.md."""
    chip = experiment.chip
    vectors = experiment.training.mini_batch // experiment.schedule.micro_batches
    sizes = [experiment.network.input_shape[0]]
    sizes += [layer.features for layer in experiment.network.layers if layer.features is not None]
    stages = tuple(stage_times(chip, vectors, sizes, s) for s in range(LAYERS))
    transfer = [hop_ps(chip) + link_ps(chip, size * ELEMENT_BYTES * vectors) for size in sizes]
    assert chip.host is not None
    transfers = TransferTimes(
        host=host_ps(chip, sizes[0] * ELEMENT_BYTES * vectors),
        values=tuple(transfer[1:-1]),
        gradients=tuple(transfer[1:-1]),
        prefetch=chip.host.prefetch,
    )
    schedule = make_schedule(experiment.schedule, LAYERS, 7)
    return LongestPath(schedule, stages, transfers).makespan()


def stage_times(chip: Chip, vectors: int, sizes: list[int], stage: int) -> StageTimes:
    """Return the durations of a stage with one linear layer, and a tanh or the loss behind it.

    A step on a tile or on the near-memory unit ends when its unit and the traffic at the buffer's
    port have both ended; steps follow each other.
    """
    n_in, n_out = sizes[stage], sizes[stage + 1]
    last = stage == LAYERS - 1

    def moved(elements: int) -> int:
        return buffer_ps(chip, elements * ELEMENT_BYTES * vectors)

    def digital(operations: int, elements: int) -> int:
        return max(nmpu_ps(chip, operations * vectors), moved(elements))

    read = max(read_ps(chip, n_in, n_out, vectors), moved(n_in))
    # Scale and add each converted number; then one look-up an output, or three operations of the loss.
    behind = digital(n_out + (3 * n_out if last else n_out), n_out if last else 2 * n_out)
    # B: through the derivative, scale and sum the error; then the transposed read, unless nothing needs it.
    backward = digital(n_out + (0 if last else n_out), 0 if last else n_out)
    if stage:
        backward += max(read_ps(chip, n_in, n_out, vectors, transposed=True), moved(n_out)) + digital(n_in, n_in)
    return StageTimes(read + behind, backward, {1: update_time(chip, vectors, n_in, n_out)})


def update_time(chip: Chip, vectors: int, n_in: int, n_out: int) -> int:
    """Return the duration of an update of one micro-batch."""
    moved = buffer_ps(chip, (n_in + n_out) * ELEMENT_BYTES * vectors)
    return nmpu_ps(chip, (n_in + n_out) * vectors) + max(update_ps(chip, vectors, 0), moved)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "asynchronous"])
def test_executor_equals_longest_path(kind: str, seed: int) -> None:
    experiment = archsim.load_experiment(document(seed, kind, micro_batches=1 if kind == "asynchronous" else 4))
    if kind != "asynchronous":
        experiment = experiment.model_copy(
            update={"schedule": ScheduleSpecification(kind=kind, stages=LAYERS, micro_batches=4, update="immediate")}
        )
    run = archsim.simulate(experiment)
    assert run.metrics["makespan_ps"] == oracle(experiment)
