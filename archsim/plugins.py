"""Registries behind entry points: the built-ins come through the same door as everybody else's.

A package outside archsim adds, for example, a schedule by declaring in its ``pyproject.toml``::

    [project.entry-points."archsim.schedules"]
    my-schedule = "my_package.schedules:my_schedule"

A script or a notebook calls `register` instead, which serves the process that calls it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from typing import Any, Literal, TypeVar, get_args, get_origin, overload

from pydantic import BaseModel

from archsim.errors import ArchsimError, InputError, Place, did_you_mean

__all__ = ["Group", "adopt", "checked", "load", "names", "register", "registered", "unknown", "unpackaged", "wrong"]

Group = Literal[
    "archsim.chips",
    "archsim.devices",
    "archsim.device_kinds",
    "archsim.algorithms",
    "archsim.algorithm_kinds",
    "archsim.schedules",
    "archsim.actions",
    "archsim.datasets",
    "archsim.operators",
    "archsim.losses",
    "archsim.arithmetics",
    "archsim.networks",
    "archsim.interconnects",
    "archsim.arbitrations",
    "archsim.searches",
]

Thing = TypeVar("Thing")


def _member(group: str) -> str:
    """Return what a member of a group is called: ``loss`` of ``archsim.losses``."""
    plural = group.removeprefix("archsim.")
    return plural.removesuffix("es" if plural.endswith(("sses", "ches")) else "s")


#: A group by what a user calls one of its members: ``schedule``, ``device kind``, ...
_GROUPS: dict[str, Group] = {_member(group).replace("_", " "): group for group in get_args(Group)}
#: Groups whose members are functions that return a specification.
_OF_PRESETS = frozenset({"archsim.chips", "archsim.devices", "archsim.algorithms", "archsim.networks"})
#: What `register` adds, by group and name: like the entry points, a table of what there is. It is read when an
#: experiment is loaded and its simulation set up; a simulation under way asks nothing of it.
_REGISTERED: dict[Group, dict[str, Any]] = {}
#: What a member of a group is, where it is an object or a class of a certain type, and its settings. Named, not
#: imported: they come from higher rooms, and are loaded where something of their group is registered.
_TYPES: dict[Group, tuple[str, str | None]] = {
    "archsim.schedules": (
        "archsim.schedule.actions:ScheduleKind",
        "archsim.schedule.specification:ScheduleSpecification",
    ),
    "archsim.actions": ("archsim.schedule.action_kinds:ActionKind", None),
    "archsim.operators": ("archsim.network.operators:Operator", "archsim.network.specification:Layer"),
    "archsim.losses": ("archsim.network.losses:Loss", None),
    "archsim.arithmetics": (
        "archsim.digital.arithmetic:Arithmetic",
        "archsim.digital.specification:ArithmeticSettings",
    ),
    "archsim.interconnects": (
        "archsim.chip.interconnects.base:Interconnect",
        "archsim.chip.interconnects.specification:InterconnectSettings",
    ),
    "archsim.arbitrations": ("archsim.chip.arbitration:Arbitration", "archsim.chip.arbitration:Arbitration"),
    "archsim.device_kinds": ("builtins:object", "archsim.specification:Specification"),
    "archsim.algorithm_kinds": ("builtins:type", "archsim.specification:Specification"),
}
#: Groups whose members are objects of the type, not classes that derive from it.
_OF_OBJECTS = frozenset({"archsim.schedules", "archsim.actions", "archsim.device_kinds", "archsim.algorithm_kinds"})
#: Methods of members that are of no type of archsim.
_METHODS: dict[Group, tuple[str, ...]] = {
    "archsim.device_kinds": ("devices_per_cell", "make"),
    "archsim.algorithm_kinds": ("arrays", "expected"),
}


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
            f"{_a(group)} cannot be called so", field="name", value=name, allowed="letters, digits and any of . _ + -"
        )
    if thing is None:
        return lambda defined: register(group, name, defined)
    before = _REGISTERED.get(entry, {}).get(name)
    if name in _points(entry) or (before is not None and not _same_definition(before, thing)):
        origin = _points(entry)[name].value if name in _points(entry) else _origin(before)
        raise InputError(
            f"there is {_a(group)} of this name already, from {origin}",
            field="name",
            value=name,
            remedy="give it another name",
        )
    _check(entry, group, name, thing)
    is_value = entry in _OF_PRESETS and isinstance(thing, (BaseModel, Mapping))
    _REGISTERED.setdefault(entry, {})[name] = _Preset(thing) if is_value else thing
    return thing


def _check(entry: Group, group: str, name: str, thing: Any) -> None:
    """Refuse what is not of the type that its group asks for, or says of itself that it is of another kind."""
    if entry not in _TYPES:
        if not callable(thing) and not (entry in _OF_PRESETS and isinstance(thing, (BaseModel, Mapping))):
            allowed = "a function, or a specification or mapping" if entry in _OF_PRESETS else "a function"
            raise _refused(group, name, f"this is {_a(type(thing).__name__)}", thing, allowed)
        return
    wanted, settings = _TYPES[entry]
    base = _named(wanted)
    if entry in _OF_OBJECTS:
        fits, allowed = isinstance(thing, base), f"{_a(base.__name__)}"
    else:
        fits = isinstance(thing, type) and issubclass(thing, base)
        allowed = f"a class that derives from {base.__module__}.{base.__name__}"
    if not fits:
        found = f"the class {thing.__name__}" if isinstance(thing, type) else _a(type(thing).__name__)
        raise _refused(group, name, f"this is {found}", thing, allowed)
    missing = sorted(getattr(thing, "__abstractmethods__", ())) if isinstance(thing, type) else []
    missing += [method for method in _METHODS.get(entry, ()) if not callable(getattr(thing, method, None))]
    if missing:
        raise _refused(group, name, f"it does not define {', '.join(missing)}", thing, "all of these methods")
    if settings is not None:
        _check_settings(group, name, thing, _named(settings))


def _check_settings(group: str, name: str, thing: Any, base: type[BaseModel]) -> None:
    """Refuse settings that no document could hold under this name."""
    own: Any = thing if isinstance(thing, type) and issubclass(thing, BaseModel) else getattr(thing, "Settings", None)
    bases = [base, *(getattr(each, "Settings", base) for each in getattr(thing, "__mro__", ()) if isabstract(each))]
    for each in bases:
        if not (isinstance(own, type) and issubclass(own, each)):
            allowed = f"a class that derives from {each.__module__}.{each.__name__}"
            raise _refused(group, name, "its 'Settings' do not fit", own, allowed, "Settings")
    kind = own.model_fields.get("kind")
    kinds = get_args(kind.annotation) if kind is not None and get_origin(kind.annotation) is Literal else (name,)
    if name not in kinds:
        raise _refused(
            group,
            name,
            f"its 'Settings' are of the kind '{kinds[0]}', so no document could name it",
            own,
            f"kind: Literal['{name}'] = '{name}'",
            "Settings.kind",
        )


def _refused(group: str, name: str, problem: str, found: Any, allowed: str, field: str = "thing") -> InputError:
    return InputError(
        f"'{name}' cannot be registered as {_a(group)}: {problem}", field=field, value=found, allowed=allowed
    )


def _named(path: str) -> Any:
    """Return what a path such as ``package.module:name`` leads to."""
    return EntryPoint("", path, "").load()


def _a(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


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
    if called not in _GROUPS:
        close = did_you_mean(str(called), _GROUPS)
        raise InputError(
            "there is no such group",
            field="group",
            value=called,
            allowed=", ".join(_GROUPS),
            remedy=f"did you mean '{close}'?" if close else None,
        )
    return _GROUPS[called]


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
    what = _member(group)
    close = did_you_mean(name, known)
    return InputError(
        f"there is no {what.replace('_', ' ')} of this name",
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
    except (ImportError, AttributeError) as error:
        if isinstance(error, ImportError) and error.name == "archsim._core":
            raise  # The core refuses what ARCHSIM_ISA asks for; what is registered is not to blame.
        raise ArchsimError(f"'{name}' of {group} cannot be loaded from {point.value}: {error}") from error


def checked(thing: Any, wanted: type[Thing], group: Group, name: str) -> Thing:
    """Return what is registered, or what it made, if it is of the type that its group asks for.

    Raises
    ------
    ArchsimError
        If it is something else.
    """
    if not isinstance(thing, wanted):
        raise wrong(thing, wanted, group, name)
    return thing


def wrong(thing: Any, wanted: type[Any], group: Group, name: str) -> ArchsimError:
    """Return the error that says that something registered is not what its group asks for."""
    found = thing.__name__ if isinstance(thing, type) else type(thing).__name__
    return ArchsimError(f"'{name}' of {group}: {_a(wanted.__name__)} is needed, and this is {_a(found)}")
