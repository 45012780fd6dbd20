"""Faster units never slow a run whose order of service is kept; each link carries the same bytes, however they are cut.

First come, first served may lose by a faster unit, since others come in another order then. So each unit serves as it
did on the slower chip: it waits for the next in that order. Every moment is then a maximum of sums of times, which
cannot grow when times shrink. The simulation is that of `test_timing`, which gives the machine's slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.random_cases import tried

from .cases import Case
from .clock import Work
from .hardware import Hardware
from .simulation import Machine
from .test_timing import cases

#: What more of a unit changes: ADCs of a tile, bytes of a cycle of links, ports and the host, lanes.
MORE = ("per_tile", "link_bytes", "port_bytes", "host_bytes", "lanes")


def done(case: Case, orders: Mapping[str, Sequence[Work]] | None = None) -> Machine:
    machine = Machine(case, orders)
    machine.run()
    assert not machine.unfinished
    return machine


def unbounded(case: Case) -> Case:
    """Return a case without bounds of buffers: who waits for space comes in no order of a unit."""
    return replace(case, hardware=replace(case.hardware, capacity=None))


def ends(machine: Machine) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for unit, _, end, _, _ in machine.clock.slices:
        found.setdefault(unit, []).append(end)
    return {unit: sorted(times) for unit, times in found.items()}


@given(cases(), st.sampled_from(MORE), st.integers(2, 5))
@tried(40)
def test_more_of_a_unit_never_slows_a_kept_order(case: Case, name: str, factor: int) -> None:
    slow = done(case := unbounded(case))
    more: Hardware = replace(case.hardware, **{name: factor * getattr(case.hardware, name)})
    fast = done(replace(case, hardware=more), slow.units.served())
    assert fast.clock.now <= slow.clock.now
    assert fast.units.served() == slow.units.served()


@given(cases())
@tried(40)
def test_more_links_never_slow_a_kept_order(case: Case) -> None:
    """A bus becomes a link for every pair of nodes; each keeps the order in which its messages went over the bus."""
    case = unbounded(case)
    slow = done(replace(case, hardware=replace(case.hardware, interconnect="bus")))
    orders = {unit: served for unit, served in slow.units.served().items() if unit != "bus"}
    for work in slow.units.served().get("bus", []):
        # The last of a message's name is how often it was asked for; the two nodes stand before it.
        orders.setdefault(f"link {work[-3]}->{work[-2]}", []).append(work)
    fast = done(replace(case, hardware=replace(case.hardware, interconnect="point-to-point")), orders)
    assert fast.clock.now <= slow.clock.now


@given(cases(), st.sampled_from(["none", "layers", "stages"]), st.none() | st.integers(1, 9))
@tried(40)
def test_every_link_carries_the_same_bytes(case: Case, overlap: str, chunk: int | None) -> None:
    whole = done(replace(case := unbounded(case), overlap="none", chunk=None))
    assert done(replace(case, overlap=overlap, chunk=chunk)).units.carried == whole.units.carried
