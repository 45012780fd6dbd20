"""What has no effect on a chip of stage engines, and so may not be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from archsim.specification import Specification, contradiction, values_of

__all__ = ["refuse_beside_stage_engine"]

#: What is read of these sections all the same: how matrices are cut, and what converters do to numbers.
_READ = {"tile": ("rows", "columns"), "dac": ("bits",), "adc": ("bits",)}
_MOST_NAMED = 8


def refuse_beside_stage_engine(sections: Mapping[str, Specification | None]) -> None:
    """Refuse what takes no effect beside a stage engine: other units, and what a tile takes in time, energy and area.

    Parameters
    ----------
    sections : mapping of str to Specification
        The sections of the units of a chip by name; None for those that it does not have.

    Raises
    ------
    PydanticCustomError
        Naming what has no effect, and what to write instead.
    """
    units = [name for name, section in sections.items() if section is not None and name not in _READ]
    named = units + [f"{name}.{key}" for name, read in _READ.items() for key in _differing(sections[name], read)]
    if not named:
        return
    listed = ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if (more := len(named) - _MOST_NAMED) > 0 else "")
    ways = ["leave out what is named (NAME: null where a preset gives it)" if units else "leave out what is named"]
    if "nmpu" in units:
        ways.append("give the arithmetic of digital work as stage_engine.arithmetic")
    raise contradiction(
        f"a stage engine stands for all units, so these have no effect beside it: {listed}",
        allowed="of tile, dac and adc: tile.rows, tile.columns, dac.bits, adc.bits",
        remedy=f"{'; '.join(ways)}; or take the preset unit as a base; or set stage_engine: null for a chip of units",
    )


def _differing(section: Any, read: tuple[str, ...]) -> Iterator[str]:
    """Yield the dotted names of the values of a section that are not read and are not the defaults."""
    usual = dict(values_of(type(section)(**{name: getattr(section, name) for name in read})))
    for name, value in values_of(section):
        if getattr(value, "value", value) != getattr(usual[name], "value", usual[name]):
            yield name
