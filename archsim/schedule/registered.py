"""The kinds of schedule that are registered."""

from __future__ import annotations

from archsim import plugins
from archsim.schedule.actions import ScheduleKind
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["kind_of"]


def kind_of(specification: ScheduleSpecification) -> ScheduleKind:
    """Return the registered kind of a schedule, as it is with these settings.

    Raises
    ------
    InputError
        If none is registered under its name, or it cannot be as the settings have it.
    """
    registered = plugins.load("archsim.schedules", specification.kind, field="schedule.kind")
    kind = plugins.checked(registered, ScheduleKind, "archsim.schedules", specification.kind)
    return kind if kind.resolve is None else kind.resolve(specification)
