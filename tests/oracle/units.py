"""The units of a chip, and what is asked of them on behalf of an action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from .cases import Action
from .clock import Clock, Job, Process, Server, Work
from .hardware import Hardware
from .layout import Layout, Part

__all__ = ["Units"]


class Units:
    """Units are there as soon as somebody asks for them."""

    def __init__(
        self, clock: Clock, hardware: Hardware, layout: Layout, orders: Mapping[str, Sequence[Work]] | None = None
    ) -> None:
        self.clock = clock
        self.hardware = hardware
        self.layout = layout
        self.orders = orders
        #: Bytes that each link carried.
        self.carried: Counter[str] = Counter()
        self._servers: dict[str, Server] = {}

    def served(self) -> dict[str, list[Work]]:
        """Return what each unit has served, in order."""
        return {name: server.served for name, server in self._servers.items()}

    def tile(self, part: Part, duration: int, action: Action) -> Job:
        return self._ask(f"tile {part.tile}", duration, action)

    def host(self, duration: int, action: Action) -> Job:
        return self._ask("host", duration, action)

    def digital(self, operations: int, action: Action) -> Process:
        """A job of the digital unit; without operations nobody asks for one."""
        duration = self.hardware.digital(operations)
        yield self._ask(f"nmpu {self._home(action)}", duration, action).done if operations else 0

    def port(self, size: int, action: Action) -> Job:
        """So many bytes through the port of the buffer."""
        return self._ask(f"buffer {self._home(action)}", self.hardware.moved(size), action)

    def engine(self, duration: int, action: Action) -> Process:
        """The engine of a place; a stage alone there has it for itself."""
        place = self.layout.places[action.stage]
        shared = self.layout.places.count(place) > 1 and duration
        yield self._ask(f"stage engine {place}", duration, action).done if shared else duration

    def travel(self, source: int, target: int, size: int, action: Action) -> Process:
        """From link to link between nodes; the head goes on a hop after it took one."""
        hardware = self.hardware
        if source == target or not size or hardware.engine:
            yield 0
            return
        occupied = hardware.on_link(size)
        *first, last = hardware.route(source, target, self.layout.nodes)
        action = action._replace(part=(*action.part, source, target))
        self.carried.update(dict.fromkeys((*first, last), size))
        for link in first:
            yield self._ask(link, occupied, action).started
            yield hardware.hop_time()
        yield self._ask(last, occupied, action).done

    def _home(self, action: Action) -> int:
        return self.layout.homes[action.stage]

    def _ask(self, name: str, duration: int, action: Action) -> Job:
        link = name == "bus" or name.startswith("link ")
        policy = self.hardware.links if link else self.hardware.units
        if name not in self._servers:
            order = None if self.orders is None else self.orders[name]
            self._servers[name] = Server(self.clock, name, policy, order)
        return self._servers[name].serve(Job(duration, action.stage, action.kind, action.micro_batch, action.part))
