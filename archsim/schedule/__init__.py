"""Schedules as data: what each stage does in which order, checked before the clock starts."""

from archsim.schedule.action_kinds import ActionKind, StageCycles
from archsim.schedule.actions import Action, ClosedForms, KnownForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.checks import Profile, dry_run
from archsim.schedule.make import checked_profile, kind_of, make_schedule
from archsim.schedule.places import places_of

__all__ = [
    "Action",
    "ActionKind",
    "ClosedForms",
    "KnownForms",
    "PipelineShape",
    "Profile",
    "Schedule",
    "ScheduleKind",
    "StageCycles",
    "checked_profile",
    "dry_run",
    "kind_of",
    "make_schedule",
    "places_of",
]
