"""What goes wrong in the code of a part from outside is told as that part's, with its name and its line."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from traceback import walk_tb
from types import FrameType
from typing import Any

from archsim.errors import ArchsimError, PluginError
from archsim.plugins.groups import package
from archsim.plugins.registry import outside

__all__ = ["as_plugin_error", "plugin_failures"]

#: A module, and the name of a function or class in it.
Definition = tuple[str, str]


@contextmanager
def plugin_failures(callbacks: Iterable[object] = ()) -> Iterator[None]:
    """Raise what comes out of the code of a registered part as a `PluginError` that names the part.

    Errors of archsim's own kind, and those that do not come from such a part, pass as they are.

    Parameters
    ----------
    callbacks : iterable of object
        What the caller handed over to be called. What it raises is the caller's, and passes as it is.
    """
    try:
        yield
    except ArchsimError:
        raise
    except Exception as error:  # A part from outside may fail in any way.
        told = as_plugin_error(error, callbacks)
        if told is None:
            raise
        raise told from error


def as_plugin_error(error: Exception, callbacks: Iterable[object] = ()) -> PluginError | None:
    """Return what to say of an error that passed through the code of a registered part; None of any other one.

    The part is that of the innermost frame in which one of its functions is at work. Where none is (an object that a
    part made may be of any class), every part from the package of the innermost frame is meant.
    """
    frames = [*walk_tb(error.__traceback__)][::-1]
    given = {definition for callback in callbacks for definition in _definitions(callback)}
    if any(_is_in(frame, given) for frame, _ in frames):
        return None
    parts = [(called, {*_definitions(thing)}) for called, thing in outside()]
    homes = {called: {package(module) for module, _ in found} for called, found in parts}
    for frame, line in frames:
        home = package(_module(frame))
        there = [called for called, packages in homes.items() if home in packages]
        if there:
            at_work = ([called for called, found in parts if _is_in(frame, found)] for frame, _ in frames)
            found = next((called for called in at_work if called), there)
            code = frame.f_code
            return PluginError(" or ".join(found), error, f"{code.co_filename}:{line}, in {code.co_qualname}")
    return None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_in(frame: FrameType, definitions: set[Definition]) -> bool:
    """Return whether a frame belongs to a function, or to a method of a class, among some definitions."""
    module, name = _module(frame), frame.f_code.co_qualname
    return any(module == where and f"{name}.".startswith(f"{called}.") for where, called in definitions)


def _definitions(thing: Any) -> Iterator[Definition]:
    """Yield where the code of something stands, as far as it is not archsim's: its functions, its classes."""
    if isinstance(thing, functools.partial):
        yield from _definitions(thing.func)
    elif isinstance(thing, type):
        home = package(thing.__module__)
        for cls in thing.__mro__:
            if home != "archsim" and package(cls.__module__) == home:
                yield cls.__module__, cls.__qualname__
        if isinstance(settings := getattr(thing, "Settings", None), type) and settings is not thing:
            yield from _definitions(settings)
    elif hasattr(thing, "__qualname__"):
        if package(str(thing.__module__)) != "archsim":
            yield str(thing.__module__), thing.__qualname__
    elif thing is not None:
        yield from _definitions(type(thing))
        if is_dataclass(thing):
            for field in fields(thing):
                if callable(held := getattr(thing, field.name)) or is_dataclass(held):
                    yield from _definitions(held)
