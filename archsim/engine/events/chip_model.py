"""How a chip is modelled in time: by its units, or by one engine for each stage. It is chosen here and nowhere else."""

from __future__ import annotations

from archsim.chip.specification import Chip
from archsim.engine.events.equipment import Equipment
from archsim.engine.events.equipment_of_stages import EquipmentOfStages
from archsim.engine.events.equipment_of_units import EquipmentOfUnits

__all__ = ["model_of"]


def model_of(chip: Chip) -> type[Equipment]:
    """Return what makes a chip's units and tasks, and knows how many there are."""
    return EquipmentOfUnits if chip.stage_engine is None else EquipmentOfStages
