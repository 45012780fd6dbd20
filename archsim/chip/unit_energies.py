"""What one operation and one unit's static power cost, and which constants say so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.chip.common import Leakage
from archsim.chip.counts import OPERATIONS
from archsim.chip.specification import BitEnergy, Chip
from archsim.specification import Constant

__all__ = ["UnitEnergy", "leakages", "unit_energies"]


@dataclass(frozen=True, slots=True)
class UnitEnergy:
    """The dynamic energy of one operation.

    Attributes
    ----------
    parts : mapping of str to float
        What each constant contributes, in picojoules, by dotted name below ``chip``.
    """

    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def pj(self) -> float:
        """The energy in picojoules."""
        return math.fsum(self.parts.values())

    @property
    def constants(self) -> tuple[str, ...]:
        """The dotted names (below ``chip``) of the constants it comes from."""
        return tuple(self.parts)


def unit_energies(chip: Chip) -> dict[tuple[str, str], UnitEnergy]:
    """Return the energy of each operation by (component, operation).

    Energies that grow with a resolution are taken at ``dac.bits`` on the driving side and at
    ``adc.bits`` on the reading side; a converter without a resolution costs the fixed part. A cell's
    energy is shared by the ``tile.cell_devices`` that it contains, since devices are counted. What a chip
    does not have is free, and so are stage engines.
    """
    free = {(component, name): UnitEnergy() for component, names in OPERATIONS.items() for name in names}
    return free | _tile_energies(chip) | _digital_energies(chip)


def leakages(chip: Chip) -> dict[str, tuple[Leakage, str]]:
    """Return the static power of one unit by component, and the dotted name (below ``chip``) of its section.

    The components are ``tile`` (converters, drivers and control), ``array`` (an array of one device a
    cell in it), ``nmpu``, ``buffer`` and ``link``; those without an entry (``host``, ``stage_engine``) have none.
    """
    found = {
        "tile": (chip.tile.leakage, "tile.leakage"),
        "array": (_of_one_device(chip.tile.array_leakage, chip.tile.cell_devices), "tile.array_leakage"),
    }
    if chip.nmpu is not None:
        found["nmpu"] = (chip.nmpu.leakage, "nmpu.leakage")
    if chip.buffer is not None:
        found["buffer"] = (chip.buffer.leakage, "buffer.leakage")
    if chip.interconnect is not None:
        found["link"] = (chip.interconnect.leakage, "interconnect.leakage")
    return found


def _at_resolution(energy: BitEnergy, bits: int | None, name: str) -> UnitEnergy:
    return UnitEnergy(energy.parts(bits, name))


def _per_device(cell: UnitEnergy, devices: int) -> UnitEnergy:
    return UnitEnergy({name: part / devices for name, part in cell.parts.items()})


def _of_one_device(leakage: Leakage, devices: int) -> Leakage:
    states = {name: getattr(leakage, name) for name in Leakage.model_fields}
    return leakage.model_copy(
        update={name: state.model_copy(update={"value": state.value / devices}) for name, state in states.items()}
    )


def _tile_energies(chip: Chip) -> dict[tuple[str, str], UnitEnergy]:
    energy, dac, adc = chip.tile.energy, chip.dac.bits, chip.adc.bits
    name, devices = "tile.energy", chip.tile.cell_devices
    return {
        ("array", "cell_read"): _per_device(_at_resolution(energy.cell_read, dac, f"{name}.cell_read"), devices),
        ("array", "cell_write"): _per_device(_at_resolution(energy.cell_write, dac, f"{name}.cell_write"), devices),
        ("array", "coincidence"): _of(energy.coincidence, f"{name}.coincidence"),
        ("dac", "conversion"): _at_resolution(chip.dac.energy, dac, "dac.energy"),
        ("integrator", "integration"): _at_resolution(energy.integration, adc, f"{name}.integration"),
        ("adc", "conversion"): _at_resolution(chip.adc.energy, adc, "adc.energy"),
        ("pulse_driver", "write_row"): _at_resolution(energy.write_row, dac, f"{name}.write_row"),
        ("pulse_driver", "write_column"): _at_resolution(energy.write_column, dac, f"{name}.write_column"),
    }


def _digital_energies(chip: Chip) -> dict[tuple[str, str], UnitEnergy]:
    found: dict[tuple[str, str], UnitEnergy] = {}
    if chip.nmpu is not None:
        found["nmpu", "multiply_add"] = _of(chip.nmpu.multiply_add, "nmpu.multiply_add")
        found["nmpu", "activation"] = _of(chip.nmpu.activation, "nmpu.activation")
    if chip.buffer is not None:
        found["buffer", "read_byte"] = _of(chip.buffer.read_byte, "buffer.read_byte")
        found["buffer", "write_byte"] = _of(chip.buffer.write_byte, "buffer.write_byte")
    if chip.interconnect is not None:
        hop = chip.interconnect.hop_energy()
        found["link", "byte_hop"] = UnitEnergy({f"interconnect.{name}": value for name, value in hop.items()})
    if chip.host is not None:
        found["host", "byte"] = _of(chip.host.byte, "host.byte")
    return found


def _of(constant: Constant[float], name: str) -> UnitEnergy:
    return UnitEnergy({name: constant.value})
