"""What one operation, one unit's static power and one part cost, and which constants say so."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.chip.counts import OPERATIONS
from archsim.chip.specification import BitEnergy, Chip, Leakage

__all__ = ["UnitEnergy", "area_um2", "leakages", "unit_energies"]


@dataclass(frozen=True, slots=True)
class UnitEnergy:
    """The dynamic energy of one operation and the dotted names (below ``chip``) of the constants it comes from."""

    pj: float
    constants: tuple[str, ...] = ()


def unit_energies(chip: Chip) -> dict[tuple[str, str], UnitEnergy]:
    """Return the price of each operation by (component, operation).

    Energies that grow with a resolution are taken at ``dac.bits`` on the driving side and at
    ``adc.bits`` on the reading side; a converter without a resolution costs the fixed part. On a
    chip with a stage engine everything is free.
    """
    free = {(component, name): UnitEnergy(0.0) for component, names in OPERATIONS.items() for name in names}
    if chip.stage_engine is not None:
        return free
    return free | _tile_energies(chip) | _digital_energies(chip)


def leakages(chip: Chip) -> dict[str, tuple[Leakage, str]]:
    """Return the static power of one unit by component, and the dotted name (below ``chip``) of its section.

    The components are ``tile`` (array, converters and drivers together), ``nmpu``, ``buffer`` and
    ``link``; those without an entry (``host``, ``stage_engine``) have none.
    """
    if chip.stage_engine is not None:
        return {}
    found = {"tile": (chip.tile.leakage, "tile.leakage")}
    if chip.nmpu is not None:
        found["nmpu"] = (chip.nmpu.leakage, "nmpu.leakage")
    if chip.buffer is not None:
        found["buffer"] = (chip.buffer.leakage, "buffer.leakage")
    if chip.interconnect is not None:
        found["link"] = (chip.interconnect.leakage, "interconnect.leakage")
    return found


def area_um2(chip: Chip, tiles: int, nodes: int) -> float:
    """Return the chip's area: its tiles, and for each node a near-memory unit, a buffer and a router."""
    node = sum(part.area.value for part in (chip.nmpu, chip.buffer, chip.interconnect) if part is not None)
    return tiles * chip.tile.area.value + nodes * node


def _at_resolution(energy: BitEnergy, bits: int | None, name: str) -> UnitEnergy:
    if bits is None:
        return UnitEnergy(energy.fixed.value, (f"{name}.fixed",))
    return UnitEnergy(energy.at(bits), (f"{name}.fixed", f"{name}.per_step"))


def _tile_energies(chip: Chip) -> dict[tuple[str, str], UnitEnergy]:
    energy, dac, adc = chip.tile.energy, chip.dac.bits, chip.adc.bits
    name = "tile.energy"
    return {
        ("array", "cell_read"): _at_resolution(energy.cell_read, dac, f"{name}.cell_read"),
        ("array", "cell_write"): _at_resolution(energy.cell_write, dac, f"{name}.cell_write"),
        ("array", "coincidence"): UnitEnergy(energy.coincidence.value, (f"{name}.coincidence",)),
        ("dac", "conversion"): _at_resolution(chip.dac.energy, dac, "dac.energy"),
        ("integrator", "integration"): _at_resolution(energy.integration, adc, f"{name}.integration"),
        ("adc", "conversion"): _at_resolution(chip.adc.energy, adc, "adc.energy"),
        ("pulse_driver", "write_row"): _at_resolution(energy.write_row, dac, f"{name}.write_row"),
        ("pulse_driver", "write_column"): _at_resolution(energy.write_column, dac, f"{name}.write_column"),
    }


def _digital_energies(chip: Chip) -> dict[tuple[str, str], UnitEnergy]:
    found: dict[tuple[str, str], UnitEnergy] = {}
    if chip.nmpu is not None:
        found["nmpu", "multiply_add"] = UnitEnergy(chip.nmpu.multiply_add.value, ("nmpu.multiply_add",))
        found["nmpu", "activation"] = UnitEnergy(chip.nmpu.activation.value, ("nmpu.activation",))
    if chip.buffer is not None:
        found["buffer", "read_byte"] = UnitEnergy(chip.buffer.read_byte.value, ("buffer.read_byte",))
        found["buffer", "write_byte"] = UnitEnergy(chip.buffer.write_byte.value, ("buffer.write_byte",))
    if chip.interconnect is not None:
        found["link", "byte_hop"] = UnitEnergy(chip.interconnect.byte_hop.value, ("interconnect.byte_hop",))
    if chip.host is not None:
        found["host", "byte"] = UnitEnergy(chip.host.byte.value, ("host.byte",))
    return found
