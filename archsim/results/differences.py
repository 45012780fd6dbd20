"""The keys in which experiments differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from archsim.results.run import Run

__all__ = ["ABSENT", "differing_keys"]


class _Absent:
    """What stands in the place of the value where an experiment lacks a key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"

    def __reduce__(self) -> str:
        return "ABSENT"  # One object, in every process.


#: The value of a key that an experiment does not have; ``null`` is a value.
ABSENT: Final = _Absent()


def differing_keys(*experiments: Run | BaseModel | Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the keys in which experiments differ, with the value of each experiment.

    Parameters
    ----------
    *experiments : Run, Experiment or mapping
        Resolved experiments. A mapping is one as nested plain values, as `Run.settings` is.

    Returns
    -------
    dict of str to tuple
        By dotted key, in the order of the documents; a value for each experiment, `ABSENT` where it lacks the key. A
        constant is compared by its value, and by source and status only where its values agree. The description of an
        experiment changes nothing and is not compared.
    """
    trees = [_plain(experiment) for experiment in experiments]
    return {key: values for key, values in _differences(trees, "") if key != "description"}


def _plain(experiment: Run | BaseModel | Mapping[str, Any]) -> Any:
    if isinstance(experiment, Run):
        return experiment.settings
    return experiment.model_dump(mode="json") if isinstance(experiment, BaseModel) else experiment


def _differences(values: Sequence[Any], path: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if all(_is_constant(value) for value in values):
        numbers = [value["value"] for value in values]
        if any(_differ(numbers[0], number) for number in numbers):
            yield path, tuple(numbers)
            return
    there = [value for value in values if value is not ABSENT]
    if all(isinstance(value, Mapping) for value in there):
        keys = dict.fromkeys(key for value in there for key in value)
        for key in keys:
            below = [ABSENT if value is ABSENT else value.get(key, ABSENT) for value in values]
            yield from _differences(below, f"{path}.{key}" if path else str(key))
    elif all(_is_list(value) for value in there) and any(_has_sections(value) for value in there):
        for i in range(max(map(len, there))):
            below = [value[i] if value is not ABSENT and i < len(value) else ABSENT for value in values]
            yield from _differences(below, f"{path}.{i}")
    elif any(_differ(values[0], value) for value in values):
        yield path, tuple(values)


def _is_constant(value: Any) -> bool:
    return isinstance(value, Mapping) and {"value", "source", "status"} <= value.keys()


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _has_sections(value: Sequence[Any]) -> bool:
    return any(isinstance(item, Mapping) or _is_list(item) for item in value)


def _differ(one: Any, other: Any) -> bool:
    # True equals 1 in Python, and is another value in a document.
    return one != other or isinstance(one, bool) != isinstance(other, bool)
