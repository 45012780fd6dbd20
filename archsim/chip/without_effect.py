"""What has no effect on a chip of stage engines, and so may not be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from archsim.specification import Constant, Specification, contradiction

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
    """Yield the dotted names of the fields of a section that are not read and do not have their defaults."""
    usual = type(section)(**{name: getattr(section, name) for name in read})
    yield from _changed(section, usual, "")


def _changed(model: BaseModel, usual: BaseModel, prefix: str) -> Iterator[str]:
    for name, value in model:
        other = getattr(usual, name)
        if isinstance(value, Constant):
            if value.value != other.value:
                yield f"{prefix}{name}"
        elif isinstance(value, BaseModel):
            yield from _changed(value, other, f"{prefix}{name}.")
        elif value != other:
            yield f"{prefix}{name}"
