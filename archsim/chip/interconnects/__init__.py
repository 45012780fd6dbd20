"""What lies between the nodes of a chip: kinds of interconnects, each with its links, routes and order of nodes."""

from archsim.chip.interconnects.base import (
    Interconnect,
    Link,
    checked_order,
    checked_route,
    interconnect_kind,
    interconnect_of,
)
from archsim.chip.interconnects.specification import InterconnectSettings

__all__ = [
    "Interconnect",
    "InterconnectSettings",
    "Link",
    "checked_order",
    "checked_route",
    "interconnect_kind",
    "interconnect_of",
]
