"""How far the constants of a chip reach: each for the design that its source gave it for, and by which rule beyond.

A source prices one design, say 1024 rows at 8 bits. A chip outside a constant's domain scales it by the rule that
the constant states; without a rule the value is kept, becomes a placeholder, and the run warns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from archsim.chip.specification import Chip
from archsim.specification import Constant, Domain

__all__ = ["Departure", "as_designed", "departures", "design_of", "domain_warnings"]

#: Parameters whose levels count, 2**bits, not the bits.
_BITS = frozenset({"dac_bits", "adc_bits", "element_bits"})
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Departure:
    """A constant outside its domain.

    Attributes
    ----------
    name : str
        Dotted name below ``chip``.
    left : tuple of str
        What of the design lies outside, in words: ``rows 256 for 1024``.
    factor : float
        What the rule multiplies the value with.
    covered : bool
        Whether a rule is stated for all that lies outside.
    """

    name: str
    left: tuple[str, ...]
    factor: float
    covered: bool


def design_of(chip: Chip) -> dict[str, float | None]:
    """Return the design parameters by which domains are stated; None for what the chip does not have or say."""
    buffer, links = chip.buffer, chip.interconnect
    return {
        "rows": chip.tile.rows,
        "columns": chip.tile.columns,
        "dac_bits": chip.dac.bits,
        "adc_bits": chip.adc.bits,
        "lanes": None if chip.nmpu is None else chip.nmpu.lanes,
        "element_bits": None if buffer is None else buffer.element_bits,
        "buffer_bytes": None if buffer is None else buffer.capacity,
        "port_bytes": None if buffer is None else buffer.bytes_per_cycle,
        "link_bytes": None if links is None else links.bytes_per_cycle,
        "node_nm": chip.node_nm,
    }


def as_designed(chip: Chip) -> Chip:
    """Return the chip with every constant as it is on this design: scaled, or a placeholder where no rule reaches.

    The constants of the result have no domains any more, so it is returned unchanged if it is given again.
    """
    found: Chip = _resolved(chip, design_of(chip))
    return found


def departures(chip: Chip) -> tuple[Departure, ...]:
    """Return the constants that lie outside their domain, in the order of the document."""
    return tuple(_departures(chip, design_of(chip), ""))


def domain_warnings(chip: Chip) -> tuple[str, ...]:
    """Return a warning if constants are used outside their domain without a rule."""
    beyond = [departure for departure in departures(chip) if not departure.covered]
    if not beyond:
        return ()
    left = "; ".join(dict.fromkeys(words for departure in beyond for words in departure.left))
    named = ", ".join(departure.name for departure in beyond[:_MOST_NAMED])
    more = f" and {len(beyond) - _MOST_NAMED} more" if len(beyond) > _MOST_NAMED else ""
    one = len(beyond) == 1
    return (
        f"chip: {len(beyond)} constant{'' if one else 's'} of '{chip.name}' {'is' if one else 'are'} used outside the "
        f"design that {'its source' if one else 'their sources'} gave {'it' if one else 'them'} for ({left}), without "
        f"a rule to scale by, and {'counts as a placeholder' if one else 'count as placeholders'}: {named}{more}",
    )


def _resolved(model: Any, design: Mapping[str, float | None]) -> Any:
    changed: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Constant):
            if value.domain is not None:
                changed[name] = _constant(value, design)
        elif isinstance(value, BaseModel):
            below = _resolved(value, design)
            if below is not value:
                changed[name] = below
    return model.model_copy(update=changed) if changed else model


def _constant(constant: Constant[Any], design: Mapping[str, float | None]) -> Constant[Any]:
    departure = _departure("", constant, design)
    told: dict[str, Any] = {"domain": None, "scaling": None}
    if departure is not None:
        whole = isinstance(constant.value, int)
        value = constant.value * departure.factor
        left = ", ".join(departure.left)
        told |= {
            "value": round(value) if whole else value,
            "source": f"{constant.source}; {'scaled' if departure.covered else 'used outside its domain'}: {left}",
            "status": _status(constant.status, covered=departure.covered),
        }
    return constant.model_copy(update=told)


def _status(status: str, *, covered: bool) -> str:
    """Return what a constant is outside its domain: a rule makes of what was read something derived."""
    if status == "user":
        return status
    if not covered:
        return "placeholder"
    return "derived" if status in ("measured", "published") else status


def _departures(model: BaseModel, design: Mapping[str, float | None], prefix: str) -> Iterator[Departure]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Constant):
            departure = _departure(f"{prefix}{name}", value, design)
            if departure is not None:
                yield departure
        elif isinstance(value, BaseModel):
            yield from _departures(value, design, f"{prefix}{name}.")


def _departure(name: str, constant: Constant[Any], design: Mapping[str, float | None]) -> Departure | None:
    if constant.domain is None:
        return None
    left: list[str] = []
    factor, covered = 1.0, True
    for parameter in Domain.model_fields:
        span: Sequence[float] | None = getattr(constant.domain, parameter)
        value = design[parameter]
        # A chip that does not say its node is taken to have that of its constants.
        if span is None or (value is None and parameter == "node_nm"):
            continue
        if value is not None and span[0] <= value <= span[1]:
            continue
        exponent = getattr(constant.scaling, parameter, None)
        left.append(_words(parameter, value, span))
        if value is None or exponent is None:
            covered = False
        else:
            nearest = span[0] if value < span[0] else span[1]
            ratio = 2.0 ** (value - nearest) if parameter in _BITS else value / nearest
            factor *= ratio**exponent
    return Departure(name, tuple(left), factor, covered) if left else None


def _words(parameter: str, value: float | None, span: Sequence[float]) -> str:
    given = f"{span[0]:g}" if span[0] == span[1] else f"{span[0]:g} to {span[1]:g}"
    return f"{parameter} {'none' if value is None else f'{value:g}'} instead of {given}"
