"""Objects that refer to each other as plain numbers and texts, and back.

Nothing in a file chooses what runs here. Objects are made empty, never by a constructor that takes what the file says,
and only those of `archsim.engine.checkpoint.kinds`; a name in the file is looked up in a table, never imported. What
is read is in proportion to the file, since nothing in it says how large something is to be made.

A file has two tables. *Values* never change, and refer to values before them or to objects; *objects* do change, and
refer to anything. A reference is ``[0, index]`` to an object, ``[1, index]`` to a value, ``[name]`` to what is rebuilt
from the experiment. The elements of arrays follow the tables, array after array.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from archsim.engine.checkpoint.kinds import Kind, kind_of, kinds_by_name

__all__ = ["Reader", "Writer"]

_OBJECT, _VALUE = 0, 1
_UNSET = object()
_PLAIN = (bool, int, float, str, type(None))
#: The elements of arrays: truth values, whole numbers, floating-point numbers.
_DTYPES = frozenset(np.dtype(code).str for code in "?bBhHiIqQefd")
#: How deep values may be nested in values; real ones reach a third of it.
_DEEPEST = 16

#: How containers are made empty, and what fills them.
_CONTAINERS: Mapping[str, tuple[Callable[[], Any], str]] = {
    "list": (list, "extend"),
    "deque": (deque, "extend"),
    "set": (set, "update"),
    "dict": (dict, ""),
    "Counter": (Counter, ""),
    "defaultdict of int": (lambda: defaultdict(int), ""),
}
_CONTAINER_TYPES: Mapping[type, str] = {list: "list", deque: "deque", set: "set", dict: "dict", Counter: "Counter"}
_VALUE_TYPES: Mapping[type, str] = {tuple: "tuple", frozenset: "frozenset"}


@cache
def _never_changes(kind: Kind) -> bool:
    found = kind.load()
    return issubclass(found, tuple) or (is_dataclass(found) and found.__dataclass_params__.frozen)  # type: ignore[attr-defined]


class Writer:
    """Turns objects into tables.

    Parameters
    ----------
    rebuilt : mapping of str to object
        What is referred to by name.

    Attributes
    ----------
    elements : list of bytes
        The elements of the arrays.
    """

    def __init__(self, rebuilt: Mapping[str, object]) -> None:
        self.elements: list[bytes] = []
        self._names = {id(value): name for name, value in rebuilt.items()}
        self._values: list[list[Any]] = []
        self._objects: list[list[Any]] = []
        self._places: dict[int, list[int]] = {}
        self._left: deque[tuple[int, object]] = deque()
        # What is known by its address must not make room for something else meanwhile.
        self._kept: list[object] = []

    def write(self, root: object) -> dict[str, Any]:
        """Return the tables of everything below an object.

        Raises
        ------
        TypeError
            If something is not on the list.
        """
        first = self._refer(root)
        while self._left:
            index, value = self._left.popleft()
            self._objects[index] = self._describe(value)
        attributes = {node[0]: kinds_by_name()[node[0]].attributes() for node in (*self._objects, *self._values)
                      if node[0] in kinds_by_name()}  # fmt: skip
        return {"root": first, "attributes": attributes, "values": self._values, "objects": self._objects}

    def _refer(self, value: object) -> Any:
        if type(value) in _PLAIN:
            return value
        if (name := self._names.get(id(value))) is not None:
            return [name]
        place = self._places.get(id(value))
        if place is None:
            place = self._enter(value)
            self._places[id(value)] = place
            self._kept.append(value)
        return place

    def _enter(self, value: object) -> list[int]:
        node = self._leaf(value)
        if node is None and isinstance(value, (tuple, frozenset)):
            kind = kind_of(value)
            plain = _VALUE_TYPES.get(type(value))
            if kind is None and plain is None:
                raise TypeError(_not_listed(value))
            node = [kind.full_name if kind else plain, *map(self._refer, value)]
        elif node is None and (kind := kind_of(value)) is not None and _never_changes(kind):
            node = self._attributes(kind, value)
        if node is not None:
            self._values.append(node)
            return [_VALUE, len(self._values) - 1]
        self._objects.append([])
        self._left.append((len(self._objects) - 1, value))
        return [_OBJECT, len(self._objects) - 1]

    def _leaf(self, value: object) -> list[Any] | None:
        """Return what describes numbers without references; None for anything else."""
        if isinstance(value, np.ndarray) and value.dtype.str in _DTYPES:
            # The order in memory stays: sums depend on it.
            order: Literal["F", "C"] = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
            self.elements.append(value.tobytes(order))
            return ["ndarray", value.dtype.str, list(value.shape), order]
        if isinstance(value, np.generic) and value.dtype.str in _DTYPES:
            return ["number", value.dtype.str, value.item()]
        if type(value) is array and value.typecode == "q":
            self.elements.append(value.tobytes())
            return ["array", len(value)]
        return None

    def _describe(self, value: object) -> list[Any]:
        name = _CONTAINER_TYPES.get(type(value))
        if type(value) is defaultdict and value.default_factory is int:
            name = "defaultdict of int"
        if name is not None:
            members = value if not isinstance(value, dict) else [part for item in value.items() for part in item]
            return [name, *map(self._refer, members)]  # type: ignore[call-overload]
        kind = kind_of(value)
        if kind is None:
            raise TypeError(_not_listed(value))
        return self._attributes(kind, value)

    def _attributes(self, kind: Kind, value: object) -> list[Any]:
        if kind.state:
            state: dict[str, Any] = value.__getstate__()  # type: ignore[assignment]
            self._kept.append(state)
            return [kind.full_name, *(self._refer(state[name]) for name in kind.state)]
        names = kind.attributes()
        # An attribute that is not set yet is no value at all.
        return [
            kind.full_name,
            *({} if (part := getattr(value, name, _UNSET)) is _UNSET else self._refer(part) for name in names),
        ]


class Reader:
    """Makes objects from tables.

    Parameters
    ----------
    tables : object
        What a file says; nothing is taken for granted.
    elements : memoryview
        The elements of the arrays.
    rebuilt : mapping of str to object
        What is referred to by name.
    """

    def __init__(self, tables: Any, elements: memoryview, rebuilt: Mapping[str, object]) -> None:
        self._tables = tables
        self._elements = elements
        self._taken = 0
        self._rebuilt = rebuilt
        self._values: list[Any] = []
        self._depths: list[int] = []
        self._objects: list[Any] = []
        self._kinds: dict[str, Kind] = {}

    def read(self) -> Any:
        """Return the root of what the tables describe.

        Raises
        ------
        Exception
            Of any kind, if they describe nothing that could have been written.
        """
        tables = self._tables
        for name, attributes in tables["attributes"].items():
            kind = kinds_by_name().get(name)
            if kind is None:
                raise ValueError(f"it holds a {name}, which does not belong there")
            if tuple(attributes) != kind.attributes():
                raise ValueError(f"a {name} of it has other attributes")
            self._kinds[name] = kind
        self._objects = [self._empty(node[0]) for node in tables["objects"]]
        for node in tables["values"]:
            self._values.append(self._value(*node))
        if self._taken != len(self._elements):
            raise ValueError("it holds more numbers than arrays")
        filled = list(zip(self._objects, tables["objects"], strict=True))
        for value, node in filled:
            self._fill(value, *node)
        # Only now is there something behind every reference.
        for value, (name, *parts) in filled:
            kind = self._kinds.get(name)
            if kind is not None and kind.state:
                self._set_state(value, kind, parts)
        for value, (name, *_) in filled:
            if name in self._kinds and self._kinds[name].rebuilt:
                value.restored()
        return self._find(tables["root"])

    def _find(self, reference: Any) -> Any:
        if type(reference) in _PLAIN:
            return reference
        if len(reference) == 1:
            (name,) = reference
            if name not in self._rebuilt:
                raise LookupError(f"it refers to '{name}', which this experiment does not have")
            return self._rebuilt[name]
        table, index = reference
        if type(index) is not int or index < 0 or table not in (_OBJECT, _VALUE):
            raise ValueError("it refers to nothing")
        return (self._values if table else self._objects)[index]

    def _all(self, references: Iterable[Any]) -> list[Any]:
        return [self._find(reference) for reference in references]

    def _value(self, name: str, *parts: Any) -> Any:
        if name in ("ndarray", "number", "array"):
            self._depths.append(0)
            return self._numbers(name, *parts)
        below = [self._depths[part[1]] for part in parts if type(part) is list and len(part) == 2 and part[0] == _VALUE]
        self._depths.append(max(below, default=0) + 1)
        if self._depths[-1] > _DEEPEST:
            raise ValueError("its values are nested too deep")
        if name in ("tuple", "frozenset"):
            return (tuple if name == "tuple" else frozenset)(self._all(parts))
        kind = self._kinds[name]
        if not _never_changes(kind):
            raise ValueError(f"a {name} is no value")
        found = kind.load()
        if issubclass(found, tuple):
            if len(parts) != len(kind.attributes()):
                raise ValueError(f"a {name} of it has other attributes")
            return tuple.__new__(found, self._all(parts))
        value = object.__new__(found)
        self._set(value, kind, parts)
        return value

    def _numbers(self, name: str, *parts: Any) -> Any:
        if name == "array":
            (count,) = parts
            whole = array("q")
            whole.frombytes(self._take(count * whole.itemsize))
            return whole
        if parts[0] not in _DTYPES:
            raise ValueError("it holds elements that are no numbers")
        dtype = np.dtype(parts[0])
        if name == "number":
            if type(parts[1]) not in _PLAIN:
                raise ValueError("it holds a number that is none")
            return dtype.type(parts[1])
        _, shape, order = parts
        size = dtype.itemsize
        for length in shape:
            if type(length) is not int or length < 0:
                raise ValueError("it holds an array of no shape")
            size *= length
        flat = np.frombuffer(self._take(size), dtype)
        return flat.reshape(shape, order="F" if order == "F" else "C").copy("K")

    def _take(self, size: int) -> memoryview:
        if type(size) is not int or not 0 <= size <= len(self._elements) - self._taken:
            raise ValueError("it holds fewer numbers than arrays")
        self._taken += size
        return self._elements[self._taken - size : self._taken]

    def _empty(self, name: str) -> Any:
        if name in _CONTAINERS:
            return _CONTAINERS[name][0]()
        found = self._kinds[name].load()
        if _never_changes(self._kinds[name]):
            raise ValueError(f"a {name} never changes")
        return object.__new__(found)

    def _fill(self, value: Any, name: str, *parts: Any) -> None:
        if name not in _CONTAINERS:
            if not self._kinds[name].state:
                self._set(value, self._kinds[name], parts)
        elif fill := _CONTAINERS[name][1]:
            getattr(value, fill)(self._all(parts))
        else:
            members = self._all(parts)
            for key, member in zip(members[::2], members[1::2], strict=True):
                value[key] = member

    def _set_state(self, value: Any, kind: Kind, parts: list[Any]) -> None:
        state = dict(zip(kind.state, self._all(parts), strict=True))
        for _, owner, method in state.get("pending", ()):
            listed = kind_of(owner)
            if listed is None or method not in listed.calls:
                raise ValueError(f"an event would call {method!r} of a {type(owner).__name__}")
        value.__setstate__(state)

    def _set(self, value: Any, kind: Kind, parts: tuple[Any, ...]) -> None:
        for name, part in zip(kind.attributes(), parts, strict=True):
            if part != {}:
                object.__setattr__(value, name, self._find(part))


def _not_listed(value: object) -> str:
    """Say why a value cannot be stored: the reason that it gives itself, if it does."""
    found = type(value)
    reason: str | None = getattr(value, "unstorable", None)
    return reason or (
        f"a {found.__module__}.{found.__qualname__} cannot stand in a checkpoint: "
        "it is not listed in archsim.engine.checkpoint.kinds"
    )
