"""Schedules as data: what each stage does in which order, checked before the clock starts."""

from archsim.schedule.action_kinds import ActionKind, StageCycles
from archsim.schedule.actions import Action, ClosedForms, KnownForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.checks import Profile, dry_run
from archsim.schedule.gradients import Gradients, gradients_of
from archsim.schedule.make import checked_profile, make_schedule
from archsim.schedule.places import places_of
from archsim.schedule.registered import kind_of
from archsim.schedule.versions import weight_versions

__all__ = [
    "Action",
    "ActionKind",
    "ClosedForms",
    "Gradients",
    "KnownForms",
    "PipelineShape",
    "Profile",
    "Schedule",
    "ScheduleKind",
    "StageCycles",
    "checked_profile",
    "dry_run",
    "gradients_of",
    "kind_of",
    "make_schedule",
    "places_of",
    "weight_versions",
]
