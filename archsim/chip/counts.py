"""What a run counts: operations as integers, and how long each unit was in each power state.

Energy is computed from these afterwards (`archsim.chip.cost`), so a finished run can be priced for
another technology without simulating again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["OPERATIONS", "CountKey", "UnitTime"]

#: The operations that are counted, by component.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "array": ("cell_read", "cell_write", "coincidence"),
    "dac": ("conversion",),
    "integrator": ("integration",),
    "adc": ("conversion",),
    "pulse_driver": ("write_row", "write_column"),
    "nmpu": ("multiply_add", "activation"),
    "buffer": ("read_byte", "write_byte"),
    "link": ("byte_hop",),
    "host": ("byte",),
    "stage_engine": ("forward", "backward", "update"),
}


class CountKey(NamedTuple):
    """What was counted: component and operation, for which phase (F, B, U, or P: programming) of which layer.

    Transfers between stages belong to the layer that produced the data.
    """

    component: str
    operation: str
    phase: str
    layer: str


@dataclass(frozen=True, slots=True)
class UnitTime:
    """Time that one unit spent in each power state, in picoseconds.

    Units that share a fate stand together in one entry, those that no stage uses and the arrays of devices of one
    tile: `units` says how many they are, and their times are sums.
    """

    component: str
    unit: str
    active_ps: int
    idle_ps: int
    gated_ps: int
    units: int = 1
