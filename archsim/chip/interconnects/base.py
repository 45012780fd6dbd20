"""What an interconnect is to the rest of the house: nodes in an order, links, and routes over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

from archsim import plugins
from archsim.chip.interconnects.specification import InterconnectSettings
from archsim.errors import ArchsimError

__all__ = ["Interconnect", "Link", "checked_order", "checked_route", "interconnect_kind", "interconnect_of"]


class Link(NamedTuple):
    """A link of a route, known by its name: every message over it waits for those before.

    Attributes
    ----------
    name : str
        Such as ``link 0->1``.
    latency_ps : int
        After so long the head of a message asks for the next link.
    """

    name: str
    latency_ps: int


class Interconnect(ABC):
    """The links between the nodes of a chip. A kind of its own derives from this class and says its routes.

    A message holds each link of its route for the link's latency and its own serialisation; its head goes on to the
    next link a latency after it was granted this one (virtual cut-through). A link carries one message at a time.

    Parameters
    ----------
    settings : InterconnectSettings
        What the user says, an instance of the kind's ``Settings``.
    nodes : int
        Nodes of the chip, used or not.
    """

    Settings: ClassVar[type[InterconnectSettings]] = InterconnectSettings

    def __init__(self, settings: InterconnectSettings, nodes: int) -> None:
        self.settings = settings
        self.nodes = nodes

    @staticmethod
    def completed(nodes: int) -> int:
        """Return how many nodes a chip gets that needs so many, where its size is left open."""
        return nodes

    @property
    def order(self) -> tuple[int, ...]:
        """All nodes in the order in which places take them: the closer in the order, the closer on the chip."""
        return tuple(range(self.nodes))

    @property
    @abstractmethod
    def links(self) -> int:
        """How many links there are, used or not."""

    @abstractmethod
    def route(self, source: int, target: int) -> tuple[Link, ...]:
        """Return the links from one node to another one, in their order."""

    def link(self, source: object, target: object) -> Link:
        """Return the link between two neighbours, with the latency of the settings."""
        return Link(f"link {source}->{target}", self.settings.hop_ps)


class _NoLinks(InterconnectSettings):
    kind: Literal["none"] = "none"


class _Together(Interconnect):
    """The interconnect of chips without one: all nodes are at one place."""

    Settings = _NoLinks

    @property
    def links(self) -> int:
        return 0

    def route(self, source: int, target: int) -> tuple[Link, ...]:
        return ()


def interconnect_kind(settings: InterconnectSettings | None) -> type[Interconnect]:
    """Return the kind of interconnect that settings ask for; without any, all nodes are at one place."""
    if settings is None:
        return _Together
    name = settings.kind
    registered = plugins.load("archsim.interconnects", name, field="chip.interconnect.kind")
    if not (isinstance(registered, type) and issubclass(registered, Interconnect)):
        raise plugins.wrong(registered, Interconnect, "archsim.interconnects", name)
    return registered


def interconnect_of(settings: InterconnectSettings | None, nodes: int) -> Interconnect:
    """Return the interconnect between so many nodes; without settings, all nodes are at one place."""
    return interconnect_kind(settings)(settings or _NoLinks(), nodes)


def checked_route(interconnect: Interconnect, source: int, target: int) -> tuple[Link, ...]:
    """Return the links of a route.

    Raises
    ------
    ArchsimError
        If the interconnect gives something else.
    """
    route = interconnect.route(source, target)
    if not isinstance(route, tuple) or not all(isinstance(link, Link) for link in route):
        raise ArchsimError(
            f"interconnect '{interconnect.settings.kind}' gives {route!r} as the route from node {source} to {target}, "
            "and a tuple of Link is needed"
        )
    return route


def checked_order(interconnect: Interconnect) -> tuple[int, ...]:
    """Return all nodes in the order in which places take them.

    Raises
    ------
    ArchsimError
        If the interconnect leaves a node out, or names one twice.
    """
    order = tuple(interconnect.order)
    if sorted(order) != [*range(interconnect.nodes)]:
        raise ArchsimError(
            f"interconnect '{interconnect.settings.kind}' orders its {interconnect.nodes} nodes as "
            f"{list(order[:20])}{' ...' if len(order) > 20 else ''}, and each of 0 to {interconnect.nodes - 1} is "
            "needed once"
        )
    return order
