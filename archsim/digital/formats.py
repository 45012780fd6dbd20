"""Fixed-point formats u(i,f) and s(i,f): i integer bits, the sign among them for s, and f fraction bits."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["MOST_BITS", "Format", "FormatField", "SignedFormatField"]

#: Significant bits of a float32, in which a simulation keeps every number.
MOST_BITS = 24
_FORMAT = re.compile(r"\s*(?P<kind>[us])\s*\(\s*(?P<integer>\d{1,2})\s*,\s*(?P<fraction>\d{1,2})\s*\)\s*")


class Format(str):
    """Numbers k 2^-f: k is a two's complement integer of i + f bits for s(i,f), a natural number for u(i,f).

    It is its text, so that it can be written wherever a text can.

    Parameters
    ----------
    signed : bool
        Whether it is s(i,f).
    integer : int
        Integer bits i, the sign among them.
    fraction : int
        Fraction bits f.
    """

    signed: bool
    integer: int
    fraction: int

    def __new__(cls, signed: bool, integer: int, fraction: int) -> Format:
        """Return the format."""
        made = super().__new__(cls, f"{'s' if signed else 'u'}({integer},{fraction})")
        made.signed, made.integer, made.fraction = signed, integer, fraction
        return made

    def __getnewargs__(self) -> tuple[bool, int, int]:  # type: ignore[override]
        return self.signed, self.integer, self.fraction

    @property
    def bits(self) -> int:
        """Bits of a word, i + f."""
        return self.integer + self.fraction

    @property
    def step(self) -> float:
        """The distance of two numbers, 2^-f."""
        return 2.0**-self.fraction

    @property
    def lowest(self) -> int:
        """The smallest word k: -2^(i + f - 1), or 0 without a sign."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest word k: 2^(i + f - 1) - 1, or 2^(i + f) - 1 without a sign."""
        return (1 << (self.bits - self.signed)) - 1


def _parse(value: object) -> Format:
    if isinstance(value, Format):
        return value
    found = _FORMAT.fullmatch(value) if isinstance(value, str) and len(value) < MOST_BITS else None
    if found is None:
        raise ValueError(
            "not a fixed-point format: write s(i,f) with a sign or u(i,f) without, such as s(4,4); within braces or "
            "brackets in quotes, 's(4,4)', since YAML ends a value at a comma there"
        )
    format_ = Format(found["kind"] == "s", int(found["integer"]), int(found["fraction"]))
    if format_.signed and not format_.integer:
        raise ValueError(f"{format_} has no bit for its sign: it counts among the integer bits, as in s(1,7)")
    if not 1 + format_.signed <= format_.bits <= MOST_BITS:
        raise ValueError(f"{format_} has {format_.bits} bits, and 1 to {MOST_BITS} are possible (2 with a sign)")
    return format_


def _parse_signed(value: object) -> Format:
    format_ = _parse(value)
    if not format_.signed:
        raise ValueError(f"{format_} has no sign, and these numbers need one: such as 's(4,4)'")
    return format_


def _schema(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": "a fixed-point format", "examples": [example]})


#: A format with a sign or without; and one with a sign.
FormatField = Annotated[Format, BeforeValidator(_parse), PlainSerializer(str, return_type=str), _schema("u(2,5)")]
SignedFormatField = Annotated[
    Format, BeforeValidator(_parse_signed), PlainSerializer(str, return_type=str), _schema("s(2,3)")
]
