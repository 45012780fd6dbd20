"""Whether a value is of the type that its annotation says, and no count below zero: a file may hold anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

__all__ = ["check_not_negative", "check_type"]


def check_type(value: object, kind: Any, name: str) -> None:
    """Raise an error if a value is not of a type, down to the last number.

    Parameters
    ----------
    value : object
        The value.
    kind : type
        A plain type, a dataclass or a named tuple, or a tuple, list, mapping, union or literal of such.
    name : str
        What the value is called.

    Raises
    ------
    TypeError
        If it is not, with the name of what is wrong.
    """
    if kind in (Any, object):
        return
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if not any(_is(value, one) for one in arguments):
            raise _wrong(value, kind, name)
    elif origin is Literal:
        if value not in arguments:
            raise _wrong(value, kind, name)
    elif not isinstance(value, origin or _plain(kind)) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(value, kind, name)
    else:
        for part, below, called in _parts(value, kind, name):
            check_type(part, below, called)


def check_not_negative(value: object, name: str, signed: Collection[str] = ()) -> None:
    """Raise an error if a number in a value is below zero.

    Parameters
    ----------
    value : object
        A number, or a dataclass, mapping or tuple of such; anything else is no number.
    name : str
        What the value is called.
    signed : collection of str
        Fields of the value that may be below zero.

    Raises
    ------
    ValueError
        If one is, with its name.
    """
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} is {value}, 0 or more expected")
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in signed:
                check_not_negative(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, Mapping):
        for key, part in value.items():
            check_not_negative(part, f"{name}.{key}")
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            check_not_negative(part, f"{name}[{index}]")


def _is(value: object, kind: Any) -> bool:
    try:
        check_type(value, kind, "")
    except TypeError:
        return False
    return True


def _plain(kind: Any) -> Any:
    return (int, float) if kind is float else type(None) if kind is None else kind


def _parts(value: Any, kind: Any, name: str) -> Iterator[tuple[object, Any, str]]:
    """Yield what a value consists of, the type of each, and how it is called."""
    arguments = get_args(kind)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        for field, below in get_type_hints(kind).items():
            yield getattr(value, field), below, f"{name}.{field}"
    elif isinstance(value, Mapping) and arguments:
        for key, part in value.items():
            yield key, arguments[0], f"a key of {name}"
            yield part, arguments[1], f"{name}.{key}"
    elif isinstance(value, (tuple, list)) and arguments:
        kinds = (arguments[0],) * len(value) if len(arguments) == 1 or arguments[-1] is ... else arguments
        if len(kinds) != len(value):
            raise _wrong(value, kind, name)
        for index, (part, below) in enumerate(zip(value, kinds, strict=True)):
            yield part, below, f"{name}[{index}]"


def _wrong(value: object, kind: Any, name: str) -> TypeError:
    wanted = getattr(kind, "__name__", str(kind)) if not get_args(kind) else str(kind)
    return TypeError(f"{name} is {str(value)[:40]!r}, {wanted} expected")
