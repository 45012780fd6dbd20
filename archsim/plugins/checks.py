"""What a group holds: what is registered is asked whether it is that, and so is what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from inspect import isabstract
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from archsim.errors import ArchsimError, InputError
from archsim.plugins.groups import OF_PRESETS, Group, article, member

__all__ = ["check", "checked", "wrong"]

Thing = TypeVar("Thing")

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


def check(entry: Group, name: str, thing: Any) -> None:
    """Refuse what is not what its group holds, or says of itself that it is of another kind than its name.

    Raises
    ------
    InputError
        If it could not be used under this name.
    """
    group = member(entry)
    if entry not in _TYPES:
        if not callable(thing) and not (entry in OF_PRESETS and isinstance(thing, (BaseModel, Mapping))):
            allowed = "a function, or a specification or mapping" if entry in OF_PRESETS else "a function"
            raise _refused(group, name, f"this is {article(type(thing).__name__)}", thing, allowed)
        return
    wanted, settings = _TYPES[entry]
    base = _named(wanted)
    if entry in _OF_OBJECTS:
        fits, allowed = isinstance(thing, base), f"{article(base.__name__)}"
    else:
        fits = isinstance(thing, type) and issubclass(thing, base)
        allowed = f"a class that derives from {base.__module__}.{base.__name__}"
    if not fits:
        found = f"the class {thing.__name__}" if isinstance(thing, type) else article(type(thing).__name__)
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
        f"'{name}' cannot be registered as {article(group)}: {problem}", field=field, value=found, allowed=allowed
    )


def _named(path: str) -> Any:
    """Return what a path such as ``package.module:name`` leads to."""
    return EntryPoint("", path, "").load()


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
    return ArchsimError(f"'{name}' of {group}: {article(wanted.__name__)} is needed, and this is {article(found)}")
