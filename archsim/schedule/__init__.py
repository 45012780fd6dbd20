"""Schedules as data: what each stage does in which order, checked before the clock starts."""

from archsim.schedule.actions import Action, PipelineShape, Schedule
from archsim.schedule.checks import Profile, dry_run
from archsim.schedule.make import checked_profile, kind_of, make_schedule, updates_together

__all__ = [
    "Action",
    "PipelineShape",
    "Profile",
    "Schedule",
    "checked_profile",
    "dry_run",
    "kind_of",
    "make_schedule",
    "updates_together",
]
