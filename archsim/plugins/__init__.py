"""Registries behind entry points: the built-ins come through the same door as everybody else's.

A package outside archsim adds, for example, a schedule by declaring in its ``pyproject.toml``::

    [project.entry-points."archsim.schedules"]
    my-schedule = "my_package.schedules:my_schedule"

A script or a notebook calls `register` instead, which serves the process that calls it.
"""

from archsim.plugins.checks import check, checked, wrong
from archsim.plugins.failures import as_plugin_error, plugin_failures
from archsim.plugins.groups import OF_PRESETS, Group
from archsim.plugins.registry import adopt, load, names, packaged, problem_of, register, registered, unknown, unpackaged

__all__ = [
    "OF_PRESETS",
    "Group",
    "adopt",
    "as_plugin_error",
    "check",
    "checked",
    "load",
    "names",
    "packaged",
    "plugin_failures",
    "problem_of",
    "register",
    "registered",
    "unknown",
    "unpackaged",
    "wrong",
]
