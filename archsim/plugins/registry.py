"""The table of what is registered: entry points, and what this process adds to them."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, overload

from pydantic import BaseModel

from archsim.errors import ArchsimError, InputError, Place, did_you_mean
from archsim.plugins.checks import check
from archsim.plugins.groups import GROUPS, OF_PRESETS, Group, article, member, package

__all__ = [
    "adopt",
    "load",
    "names",
    "outside",
    "packaged",
    "problem_of",
    "register",
    "registered",
    "unknown",
    "unpackaged",
]

Thing = TypeVar("Thing")

#: What `register` adds, by group and name: like the entry points, a table of what there is. It is read when an
#: experiment is loaded and its simulation set up; a simulation under way asks nothing of it.
_REGISTERED: dict[Group, dict[str, Any]] = {}


@functools.cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda p: p.name)}


def names(group: Group) -> tuple[str, ...]:
    """Return the registered names of a group, sorted."""
    return tuple(sorted({*_points(group), *_REGISTERED.get(group, {})}))


@dataclass(frozen=True)
class _Preset:
    """A preset that was registered as a value."""

    content: BaseModel | Mapping[str, Any]

    @property
    def description(self) -> str:
        if isinstance(self.content, Mapping):
            return str(self.content.get("description", ""))
        return str(getattr(self.content, "description", ""))

    def __call__(self) -> BaseModel | Mapping[str, Any]:
        return self.content


@overload
def register(group: str, name: str) -> Callable[[Thing], Thing]: ...
@overload
def register(group: str, name: str, thing: Thing) -> Thing: ...
def register(group: str, name: str, thing: Any = None) -> Any:
    """Register something under a name that experiments may use, without a package.

    It is there in this process, and in the workers of `archsim.sweep` if they can import it. Other processes (another
    notebook, workers of your own) import the module that calls `register`, or register for themselves.

    Parameters
    ----------
    group : str
        ``chip``, ``device``, ``algorithm``, ``network``, ``schedule``, ``action``, ``dataset``, ``operator``, ``loss``,
        ``arithmetic``, ``interconnect``, ``arbitration``, ``search``, ``device kind`` or ``algorithm kind``.
    name : str
        The name: letters, digits, ``.``, ``_``, ``+`` and ``-``.
    thing : object, optional
        What an entry point of the group names: a function without arguments that returns a specification or a mapping
        (chip, device, algorithm, network; the specification or mapping itself will do), a `ScheduleKind`, an
        `ActionKind`, a function from a `DataSpecification` to a `DataSet`, a class of operators, of losses, of
        arithmetics, of interconnects, of arbitrations or of algorithms, a kind of devices, a search. Without it, a
        decorator for the function or class that follows is returned.

    Returns
    -------
    object
        The thing, or the decorator.

    Raises
    ------
    InputError
        If there is no such group, the thing is not what the group holds, its ``Settings`` are of another kind, or the
        name is taken. A definition that is executed again (a cell of a notebook) takes the place of its earlier self.
    """
    entry = _group(group)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.+-]+", name):
        raise InputError(
            f"{article(group)} cannot be called so",
            field="name",
            value=name,
            allowed="letters, digits and any of . _ + -",
        )
    if thing is None:
        return lambda defined: register(group, name, defined)
    before = _REGISTERED.get(entry, {}).get(name)
    if name in _points(entry) or (before is not None and not _same_definition(before, thing)):
        origin = _points(entry)[name].value if name in _points(entry) else _origin(before)
        raise InputError(
            f"there is {article(group)} of this name already, from {origin}",
            field="name",
            value=name,
            remedy="give it another name",
        )
    check(entry, name, thing)
    is_value = entry in OF_PRESETS and isinstance(thing, (BaseModel, Mapping))
    _REGISTERED.setdefault(entry, {})[name] = _Preset(thing) if is_value else thing
    return thing


def unpackaged() -> dict[str, str]:
    """Return what `register` has added in this process: where it was defined, by ``group: name``."""
    return {
        f"{group}: {name}": _origin(thing)
        for group, things in sorted(_REGISTERED.items())
        for name, thing in sorted(things.items())
    }


def registered() -> dict[tuple[Group, str], Any]:
    """Return what `register` has added in this process, by group and name."""
    return {(group, name): thing for group, things in _REGISTERED.items() for name, thing in things.items()}


def adopt(things: Mapping[tuple[Group, str], Any]) -> None:
    """Register in this process what `registered` returned in another one."""
    for (group, name), thing in things.items():
        _REGISTERED.setdefault(group, {})[name] = thing


def _group(called: str) -> Group:
    if called not in GROUPS:
        close = did_you_mean(str(called), GROUPS)
        raise InputError(
            "there is no such group",
            field="group",
            value=called,
            allowed=", ".join(GROUPS),
            remedy=f"did you mean '{close}'?" if close else None,
        )
    return GROUPS[called]


def _same_definition(before: Any, thing: Any) -> bool:
    """Return whether a thing is what it takes the place of, or the same piece of code executed again."""
    if isinstance(before, _Preset):
        return bool(before.content == thing)
    code = getattr(before, "__qualname__", None), getattr(before, "__module__", None)
    again = getattr(thing, "__qualname__", None), getattr(thing, "__module__", None)
    if code[0] is None or "<lambda>" in str(code[0]):
        return bool(before is thing or before == thing)
    return code == again


def _origin(thing: Any) -> str:
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return "a value" if isinstance(thing, _Preset) else f"{named.__module__}:{named.__qualname__}"


def unknown(group: Group, name: str, *, field: str | None = None, place: Place | None = None) -> InputError:
    """Return the error that says that nothing is registered as `name`, with the closest name."""
    known = names(group)
    close = did_you_mean(name, known)
    return InputError(
        f"there is no {member(group)} of this name",
        field=field,
        value=name,
        allowed=", ".join(known),
        remedy=f"did you mean '{close}'?"
        if close
        else f"see 'archsim list {group.removeprefix('archsim.').removesuffix('_kinds')}'",
        place=place,
    )


def load(group: Group, name: str, *, field: str | None = None, place: Place | None = None) -> Any:
    """Return the object registered as `name`.

    Raises
    ------
    InputError
        If nothing of that name is registered; the closest name is suggested.
    ArchsimError
        If it is registered and cannot be imported.
    """
    registered = _REGISTERED.get(group, {})
    if name in registered:
        return registered[name]
    points = _points(group)
    if name not in points:
        raise unknown(group, name, field=field, place=place)
    point = points[name]
    try:
        return point.load()
    except ArchsimError:
        raise
    except Exception as error:  # A module of somebody else's may fail in any way when it is imported.
        if isinstance(error, ImportError) and error.name == "archsim._core":
            raise  # The core refuses what ARCHSIM_ISA asks for; what is registered is not to blame.
        what = error if isinstance(error, (ImportError, AttributeError)) else f"{type(error).__name__}: {error}"
        raise ArchsimError(f"'{name}' of {group} cannot be loaded from {point.value}: {what}") from error


def packaged() -> dict[tuple[Group, str], str]:
    """Return what packages outside archsim bring, by group and name: where it stands, ``module:name``."""
    return {
        (group, name): point.value
        for group in GROUPS.values()
        for name, point in _points(group).items()
        if package(point.module) != "archsim"
    }


def problem_of(group: Group, name: str) -> str | None:
    """Return what is wrong with what is registered as `name`, in one line; None if it can be loaded and used."""
    try:
        check(group, name, load(group, name))
    except InputError as error:
        return f"{error.problem}, and {error.allowed} is needed" if error.allowed else error.problem
    except ArchsimError as error:
        return " ".join(str(error).split())
    return None


def outside() -> Iterator[tuple[str, Any]]:
    """Yield what is registered, in use, and not archsim's own: what it is called, ``operator 'tanh'``, and itself."""
    for (group, name), thing in registered().items():
        yield f"{member(group)} '{name}'", thing
    for group, name in packaged():
        # What nobody has imported so far has done nothing.
        if _points(group)[name].module in sys.modules:
            with contextlib.suppress(Exception):
                yield f"{member(group)} '{name}'", load(group, name)
