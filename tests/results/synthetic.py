"""A small run made by hand: an asynchronous pipeline on the ReRAM chip, without any simulator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from archsim.chip.cost import energy_pj
from archsim.chip.counts import CountKey, UnitTime
from archsim.chip.presets import reram_1024
from archsim.chip.specification import Chip
from archsim.results import (
    LearningCurve,
    Ledger,
    Observations,
    Run,
    Tally,
    Timeline,
    collect_provenance,
    make_run,
)
from archsim.results.learning import Score

DURATION_PS = {"F": 384_000, "B": 420_500, "U": 512_000}
SAMPLES_PER_MICRO_BATCH = 4
PER_MINI_BATCH = 2


def reram() -> Chip:
    return Chip.model_validate(reram_1024())


def schedule(stages: int, micro_batches: int) -> dict[tuple[str, int, int], tuple[int, int]]:
    """Start and end of every F, B and U of continuous 1F1B, by (action, stage, micro-batch)."""
    orders = []
    for stage in range(stages):
        warm = min(micro_batches, stages - stage)
        order = [("F", i) for i in range(warm)]
        for i in range(micro_batches):
            order += [("B", i), ("U", i)]
            if i + warm < micro_batches:
                order.append(("F", i + warm))
        orders.append(order)
    done: dict[tuple[str, int, int], tuple[int, int]] = {}
    free = [0] * stages
    position = [0] * stages
    while any(position[s] < len(orders[s]) for s in range(stages)):
        for s in range(stages):
            while position[s] < len(orders[s]):
                action, i = orders[s][position[s]]
                needs = []
                if action == "F" and s:
                    needs = [("F", s - 1, i)]
                elif action == "B":
                    needs = [("F", s, i)] + ([("B", s + 1, i)] if s + 1 < stages else [])
                if any(need not in done for need in needs):
                    break
                start = max([free[s], *(done[need][1] for need in needs)])
                free[s] = start + DURATION_PS[action] * (3 - min(s, 1)) // 2
                done[action, s, i] = (start, free[s])
                position[s] += 1
    return done


def fill_timeline(timeline: Timeline, stages: int, micro_batches: int) -> int:
    """Put the schedule on stages and tiles, and return the makespan in picoseconds."""
    done = schedule(stages, micro_batches)
    makespan = max(end for _, end in done.values())
    for s in range(stages):
        stage = timeline.unit(f"stage {s}", "stage", s)
        tile = timeline.unit(f"tile {s}", "tile", s)
        slices = sorted((start, end, action, i) for (action, at, i), (start, end) in done.items() if at == s)
        for start, end, action, i in slices:
            waits = "no work yet" if not timeline.busy_ps(stage) else f"waiting for input from stage {s + 1}"
            for unit in (stage, tile):
                timeline.idle(unit, timeline.until(unit), start, timeline.cause(waits))
            timeline.busy(stage, timeline.layer(""), action, i, start, end)
            timeline.busy(tile, timeline.layer(f"fc{s + 1}"), action, i, start, end - 1000)
            timeline.idle(tile, end - 1000, end, timeline.cause("waiting for unit nmpu 0"))
    timeline.unit("nmpu 0", "nmpu")
    timeline.close(makespan)
    return makespan


def fill_ledger(ledger: Ledger, stages: int, micro_batches: int) -> None:
    vectors = micro_batches * SAMPLES_PER_MICRO_BATCH
    ledger.add(CountKey("host", "byte", "F", "input"), 64 * vectors)
    for s in range(stages):
        for phase in "FB":
            ledger.add(CountKey("array", "cell_read", phase, f"fc{s + 1}"), 64 * 64 * vectors)
            ledger.add(CountKey("dac", "conversion", phase, f"fc{s + 1}"), 64 * vectors)
            ledger.add(CountKey("integrator", "integration", phase, f"fc{s + 1}"), 64 * vectors)
            ledger.add(CountKey("adc", "conversion", phase, f"fc{s + 1}"), 64 * vectors)
            ledger.add(CountKey("nmpu", "multiply_add", phase, f"fc{s + 1}"), 64 * vectors)
            ledger.add(CountKey("link", "byte_hop", phase, f"fc{s + 1}"), 128 * vectors)
        ledger.add(CountKey("array", "cell_write", "U", f"fc{s + 1}"), 64 * 64 * vectors)
        ledger.add(CountKey("pulse_driver", "write_row", "U", f"fc{s + 1}"), 64 * vectors)
        ledger.add(CountKey("pulse_driver", "write_column", "U", f"fc{s + 1}"), 64 * vectors)


def unit_times(timeline: Timeline, makespan: int) -> tuple[UnitTime, ...]:
    times = []
    for number, unit in enumerate(timeline.units):
        busy = timeline.busy_ps(number)
        if unit.component != "stage":
            idle = makespan - busy if busy else 0
            times.append(UnitTime(unit.component, unit.name, busy, idle, makespan - busy - idle))
    return tuple(times)


def document(chip: Chip, stages: int, mode: str = "coupled") -> str:
    content: Mapping[str, Any] = {
        "name": "synthetic",
        "description": "A run made by hand <for tests & figures>.",
        "network": {"name": "mlp", "input_shape": [64], "layers": [{"name": f"fc{s + 1}"} for s in range(stages)]},
        "chip": chip.model_dump(mode="json"),
        "data": {"name": "digits"},
        "training": {
            "algorithm": "analog-sgd",
            "learning_rate": 0.05,
            "mini_batch": SAMPLES_PER_MICRO_BATCH * PER_MINI_BATCH,
            "epochs": 1,
        },
        "schedule": {"kind": "asynchronous", "stages": stages, "micro_batches": PER_MINI_BATCH, "update": "immediate"},
        "run": {"mode": mode, "seed": 1},
    }
    text = StringIO()
    YAML(pure=True).dump(content, text)
    return text.getvalue()


def learning_curve(
    tallies: list[Tally | None], chip: Chip, makespan: int, samples: int, *, sequences: bool = False
) -> LearningCurve:
    curve = LearningCurve()
    for i, tally in enumerate(tallies):
        part = i / (len(tallies) - 1)
        energy = tally.energy_pj(chip) if tally else None
        accuracy = 0.95 - 0.85 * math.exp(-4 * part)
        loss = 2.3 - 2 * part
        score = Score(accuracy, loss + 0.1, math.exp(loss + 0.1) if sequences else None)
        curve.add(int(samples * part) // 8, int(samples * part), int(makespan * part), energy, loss, score, tally)
    return curve


def synthetic_run(
    stages: int = 3,
    micro_batches: int = 40,
    *,
    chip: Chip | None = None,
    store: bool = True,
    numerics: bool = False,
    sequences: bool = False,
) -> Run:
    """A plausible run; in `numerics` it has no clock. That of `sequences` tells a perplexity."""
    chip = chip or reram()
    timeline, ledger = Timeline(store=store), Ledger()
    makespan = 0
    if not numerics:
        makespan = fill_timeline(timeline, stages, micro_batches)
        fill_ledger(ledger, stages, micro_batches)
    units = unit_times(timeline, makespan)
    samples = micro_batches * SAMPLES_PER_MICRO_BATCH
    tallies: list[Tally | None] = [None] * 6
    if not numerics:
        for i in range(6):
            part = {key: count * i // 5 for key, count in ledger.counts.items()}
            times = [
                UnitTime(u.component, u.unit, u.active_ps * i // 5, u.idle_ps * i // 5, u.gated_ps * i // 5)
                for u in units
            ]
            tallies[i] = Tally.of(part, times)
    vectors = {f"fc{s + 1}": samples for s in range(stages)}
    observations = Observations(
        makespan_ps=makespan,
        samples=samples,
        mini_batches=micro_batches // PER_MINI_BATCH,
        accuracy=0.9375,
        loss=0.31,
        test_loss=0.4,
        perplexity=math.exp(0.4) if sequences else None,
        staleness=tuple(float(stages - 1 - s) for s in range(stages)),
        in_flight_max=tuple(min(micro_batches, stages - s) for s in range(stages)),
        stored_max=(micro_batches,) * stages,
        stage_busy_ps=tuple(timeline.busy_ps(2 * s) for s in range(stages)) if makespan else (),
        places=tuple(range(stages)),
        place_busy_ps=tuple(timeline.busy_ps(2 * s) for s in range(stages)) if makespan else (),
        stages=tuple(f"stage {s}" for s in range(stages)) if makespan else (),
        counts=ledger.counts,
        units=units,
        tiles=stages,
        nodes=1,
        idle_ps=timeline.idle_ps(),
        pulses={layer: 1234 * (i + 1) for i, layer in enumerate(vectors)},
        reads={layer: n + n // 8 for layer, n in vectors.items()},
        read_vectors=vectors,
        update_slots={layer: 11 * n for layer, n in vectors.items()},
        update_vectors=vectors,
        bytes_sent=4096,
        bytes_received=4096,
        events=12345,
    )
    return make_run(
        document(chip, stages, "numerics" if numerics else "coupled"),
        chip,
        observations,
        learning_curve(tallies, chip, makespan, samples, sequences=sequences),
        timeline,
        collect_provenance(
            seeds={"device": 1, "noise": 1, "data": 1},
            instruction_set="portable",
            threads=1,
            started=datetime(2024, 5, 17, 12, 0, tzinfo=UTC),
            duration_s=1.5,
        ),
        warnings=("fc3: 2.1 % of the devices sit at a bound",),
        weights={layer: np.linspace(-0.5, 0.5, 12, dtype=np.float32).reshape(3, 4) for layer in vectors},
    )


def total_energy_pj(run: Run, chip: Chip) -> float:
    """The energy of a run on a chip, from its counts."""
    return math.fsum(energy_pj(run.observations.counts, run.observations.units, chip))
