"""Whole runs on every kind of interconnect, and on one that is registered from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

import archsim
from archsim.chip.interconnects import Interconnect, InterconnectSettings, Link
from archsim.plugins import registry
from archsim.report import write_report

WORKLOAD = "workloads/mlp_digits.yaml"


class RingSettings(InterconnectSettings):
    """Links from each node to the next; a byte costs ``switch`` picojoules more at each node that it enters."""

    kind: Literal["ring"] = "ring"
    switch: Annotated[float, Field(ge=0)] = 0.5

    def hop_energy(self) -> dict[str, float]:
        return super().hop_energy() | {"switch": self.switch}


class Ring(Interconnect):
    """One way round."""

    Settings = RingSettings

    @property
    def links(self) -> int:
        return self.nodes

    def route(self, source: int, target: int) -> tuple[Link, ...]:
        hops = (target - source) % self.nodes
        steps = [(source + hop) % self.nodes for hop in range(hops)]
        return tuple(self.link(node, (node + 1) % self.nodes) for node in steps)


@pytest.fixture
def ring() -> Iterator[None]:
    archsim.register("interconnect", "ring", Ring)
    yield
    registry._REGISTERED["archsim.interconnects"].pop("ring")


def digits(*sets: str, mode: str = "timing") -> archsim.Run:
    bound = ["data.samples=200"] if mode == "timing" else ["training.max_mini_batches=3"]
    return archsim.simulate(archsim.load_experiment(WORKLOAD, [f"run.mode={mode}", *bound, *sets]))


def byte_hops(run: archsim.Run) -> int:
    return sum(count for key, count in run.observations.counts.items() if key.operation == "byte_hop")


@pytest.mark.parametrize("kind", ["bus", "point-to-point"])
def test_a_chain_of_neighbours_sends_as_many_bytes_over_any_interconnect(kind: str) -> None:
    mesh, other = digits(), digits(f"chip.interconnect.kind={kind}")
    assert byte_hops(other) == byte_hops(mesh) > 0
    assert other.metrics["bytes_sent"] == other.metrics["bytes_received"] == mesh.metrics["bytes_sent"]
    assert other.metrics["makespan_ps"] >= mesh.metrics["makespan_ps"] > 0


def test_a_narrow_bus_is_slower_than_links_of_that_width() -> None:
    narrow = "chip.interconnect.bytes_per_cycle=1"
    assert digits(narrow, "chip.interconnect.kind=bus").metrics["makespan_ps"] > digits(narrow).metrics["makespan_ps"]


def test_every_unit_accounts_for_the_whole_run_on_a_bus() -> None:
    run = digits("chip.interconnect.kind=bus")
    makespan = run.metrics["makespan_ps"]
    links = [unit for unit in run.observations.units if unit.component == "link"]
    assert [(unit.unit, unit.active_ps + unit.idle_ps) for unit in links] == [("bus", makespan)]


def test_a_ring_from_outside_runs_in_every_mode_with_energy_area_and_report(ring: None, tmp_path: Path) -> None:
    timing, coupled = (digits("chip.interconnect.kind=ring", mode=mode) for mode in ("timing", "coupled"))
    # Three stages on a ring of as many nodes: forward one hop, backward all the way round.
    assert byte_hops(timing) > byte_hops(digits())
    links = [unit for unit in timing.observations.units if unit.component == "link"]
    assert sum(unit.units for unit in links) == timing.observations.nodes
    hop = timing.cost.query("operation == 'byte_hop'")
    energy = timing.chip.interconnect.byte_hop.value + 0.5
    np.testing.assert_allclose(hop["dynamic_pj"], hop["count"] * energy)
    free = digits("chip.interconnect.kind=ring", "chip.interconnect.switch=0")
    assert free.metrics["makespan_ps"] == timing.metrics["makespan_ps"]
    assert free.metrics["energy_pj"] == pytest.approx(timing.metrics["energy_pj"] - 0.5 * byte_hops(timing))
    assert timing.metrics["area_um2"] > 0
    numerics = digits("chip.interconnect.kind=ring", mode="numerics")
    for name, weights in coupled.weights.items():
        np.testing.assert_array_equal(weights, numerics.weights[name])
    write_report(timing, tmp_path)
    assert "link" in (tmp_path / "report.html").read_text()


def test_what_is_registered_and_no_interconnect_is_refused() -> None:
    with pytest.raises(archsim.InputError, match="as an interconnect: this is the class RingSettings"):
        archsim.register("interconnect", "no-interconnect", RingSettings)
