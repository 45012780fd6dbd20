"""Which constants a run rests on, and which fields of a chip may change without running again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from archsim.chip.counts import CountKey, UnitTime
from archsim.chip.domain import as_designed
from archsim.chip.specification import Chip
from archsim.chip.unit_energies import leakages, unit_energies
from archsim.specification import Constant, constants_of

__all__ = ["constants_used", "placeholders_used", "timing_fingerprint"]

#: Times that an operation rests on, by component.
_TIMES: dict[str, tuple[str, ...]] = {
    "dac": ("dac.fixed_time", "dac.step_time"),
    "integrator": ("tile.integration_time",),
    "adc": ("adc.fixed_time", "adc.step_time"),
    "pulse_driver": ("tile.update_fixed_time", "tile.pulse_time"),
    "stage_engine": ("stage_engine.forward", "stage_engine.backward", "stage_engine.update"),
}

#: Fields that change prices only; everything else changes times, counts or numbers.
_PRICES = frozenset(
    {
        "name",
        "description",
        "energy",
        "leakage",
        "array_leakage",
        "area",
        "array_area",
        "cell_devices",
        "node_nm",
        "timing",
        "multiply_add",
        "activation",
        "read_byte",
        "write_byte",
        "byte_hop",
        "byte",
    }
)


def constants_used(counts: Mapping[CountKey, int], units: Sequence[UnitTime], chip: Chip) -> dict[str, Constant[Any]]:
    """Return the physical constants that a run's time, energy and area rest on, by dotted name below ``chip``.

    Energies and times of the operations that were counted, static powers of the states in which
    time was spent, and the areas of the parts, in the order of the document. A run without a clock
    (no `units`) rests on energies only.
    """
    names = set(_energy_names(counts, chip))
    if units:
        names.update(_time_names(counts), _leakage_names(units, chip), _area_names(chip))
    return {name: constant for name, constant in constants_of(chip) if name in names}


def placeholders_used(counts: Mapping[CountKey, int], units: Sequence[UnitTime], chip: Chip) -> tuple[str, ...]:
    """Return the dotted names (below ``chip``) of the constants used that are guesses."""
    used = constants_used(counts, units, chip)
    return tuple(name for name, constant in used.items() if constant.status == "placeholder")


def timing_fingerprint(chip: Chip) -> dict[str, Any]:
    """Return the fields that change times, counts or numbers, as plain values.

    A finished run may be priced for another chip if both have the same fingerprint. Sources and
    states of knowledge are left out; times are those of the design at hand.
    """
    return _fingerprint(as_designed(chip))


def _fingerprint(model: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    dumped = model.model_dump(mode="json")
    for name in type(model).model_fields:
        if name in _PRICES:
            continue
        value = getattr(model, name)
        if isinstance(value, Constant):
            found[name] = value.value
        elif isinstance(value, BaseModel):
            found[name] = _fingerprint(value)
        else:
            found[name] = dumped[name]
    return found


def _energy_names(counts: Mapping[CountKey, int], chip: Chip) -> Iterable[str]:
    prices = unit_energies(chip)
    for key, count in counts.items():
        if count:
            yield from prices[key.component, key.operation].constants


def _time_names(counts: Mapping[CountKey, int]) -> Iterable[str]:
    for component in {key.component for key, count in counts.items() if count}:
        yield from _TIMES.get(component, ())


def _leakage_names(units: Sequence[UnitTime], chip: Chip) -> Iterable[str]:
    sections = leakages(chip)
    for unit in units:
        if unit.component not in sections:
            continue
        leakage, section = sections[unit.component]
        for state, time_ps in (("active", unit.active_ps), ("idle", unit.idle_ps), ("gated", unit.gated_ps)):
            # An array without a static power of its own is contained in its tile's.
            if time_ps and (unit.component != "array" or getattr(leakage, state).value):
                yield f"{section}.{state}"


def _area_names(chip: Chip) -> Iterable[str]:
    """The areas of what is there; an array or a converter without one is contained in ``tile.area``."""
    yield "tile.area"
    contained = {"tile.array_area": chip.tile.array_area}
    for name, area in (("adc", chip.adc.area), ("dac", chip.dac.area)):
        contained |= {f"{name}.area.fixed": area.fixed, f"{name}.area.per_step": area.per_step}
    yield from (name for name, constant in contained.items() if constant.value)
    for part in ("nmpu", "buffer"):
        if getattr(chip, part) is not None:
            yield f"{part}.area"
    if chip.interconnect is not None:
        yield from (f"interconnect.{name}" for name in chip.interconnect.node_area())
