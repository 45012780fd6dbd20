"""A chip in plain numbers: what a document says of it, and what follows by the rules of docs/abstraction.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, sqrt
from random import Random
from typing import Any

from .clock import Policy

__all__ = ["Hardware"]


@dataclass(frozen=True)
class Hardware:
    """Times in picoseconds, clocks in MHz."""

    side: int
    node_tiles: int
    double_buffered: bool
    integration: int
    fixed: int
    pulse: int
    phases: int
    dac: int
    adc: int
    per_tile: int
    slots: int
    lanes: int
    pipeline: int
    nmpu: int
    port: int
    port_bytes: int
    element_bytes: int
    capacity: int | None
    interconnect: str
    link: int
    link_bytes: int
    hop: int
    host: int
    host_bytes: int
    latency: int
    prefetch: int
    units: Policy = ("first-come-first-served", ())
    links: Policy = ("first-come-first-served", ())
    #: The step of devices, and their largest weight.
    step: float = 0.001
    bound: float = 1.0
    #: Times of whole actions by their kinds, on a chip of abstract stages.
    engine: Mapping[str, int] | None = None

    @classmethod
    def draw(cls, random: Random, node_tiles: int, interconnect: str) -> Hardware:
        """Return a chip of random numbers, whose times hardly ever coincide."""
        n = random.randrange
        return cls(
            side=n(7, 20),
            node_tiles=node_tiles,
            double_buffered=bool(n(2)),
            integration=n(1, 90_000),
            fixed=n(90_000),
            pulse=n(1, 9_000),
            phases=n(1, 3),
            dac=n(1, 60_000),
            adc=n(1, 60_000),
            per_tile=n(1, 6),
            slots=n(1, 6),
            lanes=n(1, 5),
            pipeline=n(9),
            nmpu=n(200, 1500),
            port=n(200, 1500),
            port_bytes=n(1, 4),
            element_bytes=random.choice((1, 2, 4)),
            capacity=None,
            interconnect=interconnect,
            link=n(50, 1500),
            link_bytes=n(1, 4),
            hop=n(5),
            host=n(50, 400),
            host_bytes=n(1, 3),
            latency=n(40),
            prefetch=n(1, 4),
            step=random.uniform(0.001, 0.05),
            bound=random.uniform(0.1, 0.6),
        )

    def with_engine(self, random: Random) -> Hardware:
        """Return a chip of abstract stages, which has no host to say how far ahead samples come."""
        return replace(self, engine={kind: random.randrange(1, 90_000) for kind in "FBU"}, prefetch=2)

    def section(self) -> dict[str, Any]:
        """Return what a document says of it; converters take the same time at any resolution."""
        if self.engine:
            return self._abstract(self.engine)
        no_steps = {"step_time": "0 ns", "bits": 8}
        return {
            "preset": "reram-1024",
            "arbitration": policy(self.units),
            "node_tiles": self.node_tiles,
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
            "device": {"kind": "soft-bounds", "dw_min": self.step, "w_max": self.bound, "w_min": -self.bound},
            "update": {"desired_bl": self.slots, "update_bl_management": False},
            "nmpu": {"lanes": self.lanes, "pipeline_cycles": self.pipeline, "clock": f"{self.nmpu} MHz"},
            "buffer": {
                "clock": f"{self.port} MHz",
                "bytes_per_cycle": self.port_bytes,
                "capacity": None if self.capacity is None else f"{self.capacity} B",
                "element_bits": 8 * self.element_bytes,
            },
            "interconnect": {
                "kind": self.interconnect,
                "arbitration": policy(self.links),
                "clock": f"{self.link} MHz",
                "bytes_per_cycle": self.link_bytes,
                "hop_cycles": self.hop,
            },
            "host": {
                "clock": f"{self.host} MHz",
                "bytes_per_cycle": self.host_bytes,
                "latency_cycles": self.latency,
                "prefetch": self.prefetch,
            },
        }

    def _abstract(self, engine: Mapping[str, int]) -> dict[str, Any]:
        return {
            "preset": "unit",
            "arbitration": policy(self.units),
            "node_tiles": self.node_tiles,
            "tile": {"rows": self.side, "columns": self.side},
            "stage_engine": {
                name: f"{engine[kind]} ps" for name, kind in (("forward", "F"), ("backward", "B"), ("update", "U"))
            },
        }

    def cuts(self, size: int) -> list[int]:
        """Return the sizes of as few and as equal pieces of a side as tiles allow."""
        pieces = ceil(size / self.side)
        return [size * (i + 1) // pieces - size * i // pieces for i in range(pieces)]

    def parts(self, inputs: int, outputs: int) -> list[tuple[int, int]]:
        """Return the rows and columns of each part of a matrix."""
        return [(rows, columns) for rows in self.cuts(inputs) for columns in self.cuts(outputs)]

    def read(self, lines: int, vectors: int) -> int:
        """Return the time of consecutive reads of one part by so many lines."""
        units = (self.dac, self.integration, ceil(lines / self.per_tile) * self.adc)
        return sum(units) + (vectors - 1) * (max(units) if self.double_buffered else sum(units))

    def update(self, vectors: int) -> int:
        """Return the time of the pulses of so many outer products."""
        return vectors * (self.fixed + self.phases * self.slots * self.pulse)

    def transfer(self, columns: int, lines: int) -> int:
        """Return the time of so many lines, each read by itself and written into another array."""
        return lines * (self.read(columns, 1) + self.phases * self.slots * self.pulse)

    def written(self, columns: int, inputs: int) -> int:
        """Return the time to write a row of a matrix with so many inputs: as long as its largest weight needs."""
        slots = ceil(min(1 / sqrt(inputs), self.bound) / self.step)
        trains = ceil(slots / self.slots)
        return trains * self.fixed + self.phases * slots * self.pulse + self.read(columns, 1)

    def digital(self, operations: int) -> int:
        """Return the time of a job of the digital unit."""
        return cycles(self.pipeline + ceil(operations / self.lanes), self.nmpu) if operations else 0

    def bytes(self, elements: int) -> int:
        """Return the bytes of so many numbers."""
        return self.element_bytes * elements

    def moved(self, size: int) -> int:
        """Return how long so many bytes hold the port of a buffer."""
        return cycles(ceil(size / self.port_bytes), self.port)

    def lag(self, lines: int) -> int:
        """Return how much earlier the next read can begin than this one is out."""
        return 2 * self.read(lines, 1) - self.read(lines, 2)

    def nodes(self, needed: int) -> list[int]:
        """Return so many nodes in the order in which stages take them: on a mesh along a snake."""
        if self.interconnect != "mesh":
            return list(range(needed))
        columns, rows = self.mesh(needed)
        snake = [y * columns + (x if y % 2 == 0 else columns - 1 - x) for y in range(rows) for x in range(columns)]
        return snake[:needed]

    def mesh(self, needed: int) -> tuple[int, int]:
        """Return columns and rows of the smallest rectangle that is at most three times as wide as high."""
        shapes = [(max(ceil(needed / rows), rows), rows) for rows in range(1, needed + 1)]
        return min((c * r, c, r) for c, r in shapes if c <= 3 * r)[1:]

    def route(self, source: int, target: int, needed: int) -> list[str]:
        """Return the links between two of the nodes: of a mesh along the row, then along the column."""
        if self.interconnect == "bus":
            return ["bus"]
        if self.interconnect == "point-to-point":
            return [f"link {source}->{target}"]
        columns, _ = self.mesh(needed)
        (y, x), (y_end, x_end) = divmod(source, columns), divmod(target, columns)
        path = [y * columns + at for at in range(x, x_end, 1 if x_end > x else -1)]
        path += [at * columns + x_end for at in range(y, y_end, 1 if y_end > y else -1)]
        return [f"link {a}->{b}" for a, b in pairwise([*path, target])]

    def hop_time(self) -> int:
        """Return what a hop adds to the way of a message's head."""
        return cycles(self.hop, self.link)

    def on_link(self, size_bytes: int) -> int:
        """Return how long a message holds each link."""
        return self.hop_time() + cycles(ceil(size_bytes / self.link_bytes), self.link)

    def at_host(self, elements: int) -> int:
        """Return how long the host port takes for so many numbers."""
        return cycles(self.latency + ceil(self.bytes(elements) / self.host_bytes), self.host)


def policy(chosen: Policy) -> dict[str, Any]:
    kind, order = chosen
    return {"kind": kind, "order": list(order)} if order else {"kind": kind}


def cycles(count: int, megahertz: int) -> int:
    """Return the time of so many cycles, rounded up to a picosecond."""
    return ceil(Fraction(10**6, megahertz) * count)
