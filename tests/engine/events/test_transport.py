"""Messages over links: routes, cut-through, contention, for every kind of interconnect."""

from __future__ import annotations

import pytest

from archsim.chip import presets
from archsim.chip.specification import Chip
from archsim.engine.events.kernel import Kernel
from archsim.engine.events.transport import Message, Transport
from archsim.engine.setup import Setup
from archsim.mapping.plan import Plan
from archsim.results.timeline import Timeline
from archsim.schedule import PipelineShape, Schedule

HOP_PS, BYTE_PS = 4_000, 1_000


class Inbox:
    """Notes when messages arrive."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.times: list[int] = []

    def arrived(self, message: Message) -> None:
        self.times.append(self.kernel.now)


class Links:
    """Six nodes (a mesh of 3 x 2 unless told otherwise) with links of one byte a nanosecond and hops of four."""

    def __init__(self, kind: str = "mesh") -> None:
        document = presets.reram_1024()
        document["interconnect"] |= {"kind": kind, "clock": "1 GHz", "bytes_per_cycle": 1, "hop_cycles": 4}
        plan = Plan((), (), 6, 1, 6)
        schedule = Schedule("none", PipelineShape(1, 1, 1), "immediate", lambda shape, stage: iter(()))
        self.kernel, self.timeline = Kernel(), Timeline()
        setup = Setup(Chip.model_validate(document), plan, (), schedule, 1)
        self.transport = Transport(setup, self.kernel, self.timeline)
        self.inbox = Inbox(self.kernel)

    def send(self, source: int, target: int, size: int) -> None:
        layer = (self.timeline.layer("fc"), "fc")
        channel = self.transport.channel((source, target), size, layer, "F", 0, self.timeline.cause("test"))
        self.transport.send(channel, 0, self.inbox)

    def arrivals(self) -> list[int]:
        self.kernel.advance()
        return self.inbox.times


@pytest.mark.parametrize(("target", "hops"), [(1, 1), (2, 2), (3, 1), (4, 2), (5, 3)])
def test_undisturbed_message_takes_its_hops_and_one_serialisation(target: int, hops: int) -> None:
    mesh = Links()
    mesh.send(0, target, 100)
    assert mesh.arrivals() == [hops * HOP_PS + 100 * BYTE_PS]
    assert sum(mesh.transport.byte_hops.values()) == 100 * hops
    assert mesh.transport.bytes_sent == mesh.transport.bytes_received == 100


def test_routes_go_along_the_row_first() -> None:
    mesh = Links()
    mesh.send(0, 5, 10)
    mesh.arrivals()
    assert [unit.name for unit in mesh.transport.units] == ["link 0->1", "link 1->2", "link 2->5"]


def test_messages_on_one_link_wait_for_each_other() -> None:
    mesh = Links()
    mesh.send(0, 1, 50)
    mesh.send(0, 1, 30)
    first = HOP_PS + 50 * BYTE_PS
    assert mesh.arrivals() == [first, first + HOP_PS + 30 * BYTE_PS]


def test_opposite_directions_do_not_disturb_each_other() -> None:
    mesh = Links()
    mesh.send(0, 1, 50)
    mesh.send(1, 0, 50)
    assert mesh.arrivals() == [HOP_PS + 50 * BYTE_PS] * 2


def test_a_busy_link_delays_the_head_only_where_it_is() -> None:
    mesh = Links()
    mesh.send(1, 2, 40)
    mesh.send(0, 2, 10)
    # The second message's head waits before link 1->2 until it is free at 44 ns.
    assert mesh.arrivals() == [HOP_PS + 40 * BYTE_PS, 2 * HOP_PS + 50 * BYTE_PS]


def test_nothing_to_send_takes_no_time_and_no_link() -> None:
    mesh = Links()
    mesh.send(0, 5, 0)
    mesh.send(2, 2, 99)
    assert mesh.arrivals() == [0, 0]
    assert not mesh.transport.units


def test_links_of_a_mesh() -> None:
    # 2 rows of 2 neighbours, 3 columns of 1, both ways.
    assert Links().transport.setup.interconnect.links == 2 * (2 * 2 + 3)


def test_a_bus_carries_one_message_at_a_time_whoever_sends_it() -> None:
    bus = Links("bus")
    bus.send(0, 5, 50)
    bus.send(3, 1, 30)
    bus.send(1, 0, 10)
    first = HOP_PS + 50 * BYTE_PS
    second = first + HOP_PS + 30 * BYTE_PS
    assert bus.arrivals() == [first, second, second + HOP_PS + 10 * BYTE_PS]
    assert [unit.name for unit in bus.transport.units] == ["bus"]
    assert sum(bus.transport.byte_hops.values()) == 90
    assert bus.transport.setup.interconnect.links == 1


def test_point_to_point_is_one_hop_and_only_equal_pairs_wait() -> None:
    links = Links("point-to-point")
    links.send(0, 5, 50)
    links.send(0, 1, 50)
    links.send(5, 0, 50)
    links.send(0, 5, 20)
    first = HOP_PS + 50 * BYTE_PS
    assert links.arrivals() == [first, first, first, first + HOP_PS + 20 * BYTE_PS]
    assert sum(links.transport.byte_hops.values()) == 170
    assert links.transport.setup.interconnect.links == 6 * 5


@pytest.mark.parametrize("kind", ["mesh", "bus", "point-to-point"])
def test_what_is_sent_arrives(kind: str) -> None:
    links = Links(kind)
    for source in range(6):
        for target in range(6):
            links.send(source, target, 7 * source + target)
    assert len(links.arrivals()) == 36
    assert links.transport.bytes_received == links.transport.bytes_sent == sum(6 * 7 * n + 6 * n for n in range(6))
