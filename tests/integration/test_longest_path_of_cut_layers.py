"""Several layers a stage, cut matrices, deferred updates and transfers: the longest path of durations computed here.

Nothing of `archsim.chip` is used: the rules are those of docs/abstraction.md, in whole numbers of picoseconds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.schedule import make_schedule
from archsim.schedule.specification import ScheduleSpecification

from .longest_path import LongestPath, StageTimes, TransferTimes

#: Layers of each stage.
STAGES = (2, 1, 3)
CLASSES, BYTES, MINI_BATCHES = 7, 2, 5


@dataclass(frozen=True)
class Hardware:
    """A chip in numbers: times in picoseconds, clocks in MHz."""

    side: int
    double_buffered: bool
    integration: int
    fixed: int
    pulse: int
    phases: int
    dac: int
    adc: int
    per_tile: int
    lanes: int
    pipeline: int
    nmpu: int
    port: int
    port_bytes: int
    link: int
    hop: int
    host: int
    latency: int
    prefetch: int
    slots: int

    @classmethod
    def draw(cls, random: np.random.Generator) -> Hardware:
        def n(low: int, high: int) -> int:
            return int(random.integers(low, high))

        return cls(
            side=n(7, 20),
            double_buffered=bool(n(0, 2)),
            integration=1000 * n(1, 90),
            fixed=1000 * n(0, 90),
            pulse=1000 * n(1, 9),
            phases=n(1, 3),
            dac=1000 * n(1, 60),
            adc=1000 * n(1, 60),
            per_tile=n(1, 6),
            lanes=n(1, 5),
            pipeline=n(0, 9),
            nmpu=n(200, 1500),
            port=n(200, 1500),
            port_bytes=n(1, 4),
            link=n(50, 400),
            hop=n(0, 5),
            host=n(50, 400),
            latency=n(0, 40),
            prefetch=n(1, 4),
            slots=n(1, 6),
        )

    def section(self) -> dict[str, Any]:
        """Return what a document says of it; converters take the same time at any resolution."""
        no_steps = {"step_time": "0 ns", "bits": 8}
        return {
            "preset": "reram-1024",
            "node_tiles": 64,
            "tile": {
                "rows": self.side,
                "columns": self.side,
                "double_buffered": self.double_buffered,
                "integration_time": f"{self.integration} ps",
                "update_fixed_time": f"{self.fixed} ps",
                "pulse_time": f"{self.pulse} ps",
                "phases": self.phases,
            },
            "dac": {**no_steps, "fixed_time": f"{self.dac} ps"},
            "adc": {**no_steps, "fixed_time": f"{self.adc} ps", "per_tile": self.per_tile},
            "update": {"desired_bl": self.slots, "update_bl_management": False},
            "nmpu": {"lanes": self.lanes, "pipeline_cycles": self.pipeline, "clock": f"{self.nmpu} MHz"},
            "buffer": {
                "clock": f"{self.port} MHz",
                "bytes_per_cycle": self.port_bytes,
                "capacity": None,
                "element_bits": 8 * BYTES,
            },
            "interconnect": {"clock": f"{self.link} MHz", "bytes_per_cycle": 1, "hop_cycles": self.hop},
            "host": {
                "clock": f"{self.host} MHz",
                "bytes_per_cycle": 1,
                "latency_cycles": self.latency,
                "prefetch": self.prefetch,
            },
        }

    def cuts(self, size: int) -> list[int]:
        """Return the sizes of as few and as equal pieces of a side as tiles allow."""
        pieces = ceil(size / self.side)
        return [size * (i + 1) // pieces - size * i // pieces for i in range(pieces)]

    def read(self, lines: int, vectors: int) -> int:
        """Return the time of consecutive reads of one part by so many lines."""
        units = (self.dac, self.integration, ceil(lines / self.per_tile) * self.adc)
        return sum(units) + (vectors - 1) * (max(units) if self.double_buffered else sum(units))

    def digital(self, operations: int) -> int:
        return cycles(self.pipeline + ceil(operations / self.lanes), self.nmpu) if operations else 0

    def moved(self, elements: int) -> int:
        return cycles(ceil(BYTES * elements / self.port_bytes), self.port)


def cycles(count: int, megahertz: int) -> int:
    """Return the time of so many cycles, rounded up to a picosecond."""
    return ceil(Fraction(10**6, megahertz) * count)


@dataclass(frozen=True)
class Stage:
    """Layers (inputs, outputs) one after the other, each with a tanh behind it but the network's last one."""

    hardware: Hardware
    layers: tuple[tuple[int, int], ...]
    first: bool
    last: bool
    vectors: int
    transfers: bool

    def step(self, operations: int, elements: int) -> int:
        """Return the time of a step of the digital unit, whose results stream through the port."""
        return max(self.hardware.digital(operations * self.vectors), self.hardware.moved(elements * self.vectors))

    def forward(self) -> int:
        h, v, total = self.hardware, self.vectors, 0
        for number, (inputs, outputs) in enumerate(self.layers):
            final = self.last and number + 1 == len(self.layers)
            total += max(h.read(max(h.cuts(outputs)), v), h.moved(inputs * v))
            # Each converted number is scaled and added; then a tanh of each output, or softmax and loss.
            added = outputs * len(h.cuts(inputs))
            total += self.step(added + (3 if final else 1) * outputs, (1 if final else 2) * outputs)
        return total

    def backward(self) -> int:
        h, v, total = self.hardware, self.vectors, 0
        operations = elements = 0
        for number in reversed(range(len(self.layers))):
            inputs, outputs = self.layers[number]
            final = self.last and number + 1 == len(self.layers)
            # Behind the read of the layer after it: through the tanh, then the error is scaled and summed up.
            operations += outputs if final else 2 * outputs
            elements += 0 if final else outputs
            total += self.step(operations, elements)
            operations = elements = 0
            if number or not self.first:
                total += max(h.read(max(h.cuts(inputs)), v), h.moved(outputs * v))
                operations, elements = inputs * len(h.cuts(outputs)), inputs
        return total + (self.step(operations, elements) if operations else 0)

    def update(self, count: int) -> int:
        h, v, total = self.hardware, self.vectors * count, 0
        for inputs, outputs in self.layers:
            total += h.digital((inputs + outputs) * v)
            pulsed = v * h.fixed + h.phases * v * h.slots * h.pulse
            if self.transfers:
                # After each vector a line is read by itself and written into the other array.
                pulsed += v * h.read(max(h.cuts(outputs)), 1) + h.phases * v * h.slots * h.pulse
            total += max(pulsed, h.moved((inputs + outputs) * v))
            if self.transfers:
                parts = [(r, c) for r in h.cuts(inputs) for c in h.cuts(outputs)]
                total += h.digital(v * sum(r + c for r, c in parts))
        return total


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("transfers", [False, True], ids=["one array", "transfers"])
@pytest.mark.parametrize(
    ("kind", "update"),
    [("sequential", "deferred"), ("gpipe", "deferred"), ("synchronous", "deferred"), ("asynchronous", "immediate")],
)
def test_executor_equals_longest_path_of_cut_layers(kind: str, update: str, transfers: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    hardware, micro_batches, vectors = Hardware.draw(random), int(random.integers(2, 5)), int(random.integers(1, 4))
    sizes = [int(n) for n in random.integers(5, 50, sum(STAGES))] + [CLASSES]
    layers: list[dict[str, Any]] = []
    for i, size in enumerate(sizes[1:]):
        layers.append({"name": f"fc{i}", "kind": "linear", "features": size})
        if i + 1 < sum(STAGES):
            layers.append({"name": f"act{i}", "kind": "tanh"})
    ends = np.cumsum((0, *STAGES)).tolist()
    named = [[f"fc{i}" for i in range(a, b)] for a, b in itertools.pairwise(ends)]
    moves = {"kind": "tiki-taka", "transfer_every": 1, "units_in_mbatch": False}
    run = archsim.simulate(
        {
            "network": {"input_shape": [sizes[0]], "layers": layers},
            "chip": hardware.section(),
            "data": {"samples": MINI_BATCHES * micro_batches * vectors},
            "training": {
                "algorithm": moves if transfers else "analog-sgd",
                "learning_rate": 0.1,
                "mini_batch": micro_batches * vectors,
            },
            "schedule": {"kind": kind, "stages": named, "micro_batches": micro_batches, "update": update},
            "run": {"mode": "timing"},
        }
    )
    pairs = list(itertools.pairwise(sizes))
    stages = [
        Stage(hardware, tuple(pairs[a:b]), a == 0, b == len(pairs), vectors, transfers)
        for a, b in itertools.pairwise(ends)
    ]
    between = [
        cycles(hardware.hop, hardware.link) + cycles(BYTES * sizes[end] * vectors, hardware.link) for end in ends[1:-1]
    ]
    times = tuple(
        StageTimes(stage.forward(), stage.backward(), {n: stage.update(n) for n in (1, micro_batches)})
        for stage in stages
    )
    ways = TransferTimes(
        host=cycles(hardware.latency + BYTES * sizes[0] * vectors, hardware.host),
        values=tuple(between),
        gradients=tuple(between),
        prefetch=hardware.prefetch,
    )
    specification = ScheduleSpecification(kind=kind, micro_batches=micro_batches, update=update)
    schedule = make_schedule(specification, len(STAGES), MINI_BATCHES)
    assert run.metrics["makespan_ps"] == LongestPath(schedule, times, ways).makespan()
