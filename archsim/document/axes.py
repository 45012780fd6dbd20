"""Axes along which experiments vary, ``KEY=a,b``, and the seeds of runs, ``1..5``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archsim.errors import InputError
from archsim.experiment import Experiment

__all__ = [
    "Axis",
    "grid",
    "overrides_of",
    "point_name",
    "point_overrides",
    "read_axis",
    "read_seeds",
    "with_seed",
]

_MOST_SEEDS = 10_000
_LAST_SEED = 2**63 - 1
_OPENING, _CLOSING = "[{(", "]})"


@dataclass(frozen=True, slots=True)
class Axis:
    """A key and the values that it takes, as text.

    Attributes
    ----------
    key : str
        Dotted name, such as ``chip.adc.bits``.
    values : tuple of str
        YAML values.

    Raises
    ------
    InputError
        If a value stands twice.
    """

    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        twice = next((value for value in self.values if self.values.count(value) > 1), None)
        if twice is not None:
            raise InputError(
                "this value stands twice, and would be one point",
                field="--vary",
                value=f"{self.key}={twice}",
                remedy="give each value once",
            )


def read_axis(text: str) -> Axis:
    """Return the axis that ``KEY=a,b`` names; commas within brackets or quotes belong to a value.

    Raises
    ------
    InputError
        If there is no key or no value, or a value stands twice.
    """
    key, equals, written = text.partition("=")
    values = tuple(part.strip() for part in _split(written))
    if not equals or not key.strip() or not all(values):
        raise InputError("not an axis", field="--vary", value=text, allowed="KEY=a,b, such as chip.adc.bits=6,8")
    return Axis(key.strip(), values)


def grid(axes: Sequence[Axis]) -> list[dict[str, str]]:
    """Return every point of a grid: the value of each key, as text.

    Raises
    ------
    InputError
        If two axes vary the same key.
    """
    keys = [axis.key for axis in axes]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError("this key varies twice", field="--vary", value=twice, remedy="give all its values in one axis")
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes))]


def point_name(values: Mapping[str, str]) -> str:
    """Return what a point is called: its values, ``gpipe, bits=8``; a schedule's name stands without its key."""
    keys = list(values)
    return ", ".join(
        value if key == "schedule.kind" else f"{_short(key, keys)}={value}" for key, value in values.items()
    )


def overrides_of(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the overrides that make a point of an experiment."""
    return tuple(f"{key}={value}" for key, value in values.items())


def point_overrides(axes: Sequence[Axis]) -> dict[str, tuple[str, ...]]:
    """Return the overrides of every point of a grid by the name of the point; see `grid` and `point_name`."""
    return {point_name(values): overrides_of(values) for values in grid(axes)}


def read_seeds(seeds: str | Iterable[int]) -> tuple[int, ...]:
    """Return seeds, given as ``1..5``, as ``1,4,7`` or as whole numbers; without repeats, in their order.

    Raises
    ------
    InputError
        If there is none, or one is no whole number from 0 to 2^63 - 1.
    """
    allowed = "1..5, or 1,4,7; whole numbers from 0 to 2^63 - 1"
    found: list[int] = []
    if not isinstance(seeds, Iterable):
        raise InputError("seeds are several", field="seeds", value=seeds, allowed=f"{allowed}, such as [{seeds}]")
    parts: Iterable[object] = seeds.split(",") if isinstance(seeds, str) else seeds
    for part in parts:
        ends = [end.strip() for end in part.split("..")] if isinstance(part, str) else [str(part)]
        if isinstance(part, bool) or len(ends) > 2 or not all(end.isdecimal() and end.isascii() for end in ends):
            raise InputError("this is no seed", field="seeds", value=part, allowed=allowed)
        first, last = int(ends[0]), int(ends[-1])
        if last > _LAST_SEED or last < first or last - first >= _MOST_SEEDS:
            raise InputError(
                "these are no seeds", field="seeds", value=part, allowed=f"{allowed}; at most {_MOST_SEEDS}"
            )
        found += range(first, last + 1)
    if not found:
        raise InputError("there is no seed", field="seeds", value=seeds, allowed=allowed)
    return tuple(dict.fromkeys(found))


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """Return an experiment with another ``run.seed``; seeds that it states by themselves stay."""
    return experiment.model_copy(update={"run": experiment.run.model_copy(update={"seed": seed})})


def _short(key: str, keys: Sequence[str]) -> str:
    """Return the last part of a key, or all of it where another key ends alike."""
    last: Mapping[str, str] = {other: other.rpartition(".")[2] for other in keys}
    return last[key] if list(last.values()).count(last[key]) == 1 else key


def _split(text: str) -> list[str]:
    """Split at commas that stand outside of brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        if sign == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
