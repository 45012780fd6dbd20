"""The folder of a run while it works: opened or taken up, locked, watched, saved, and found finished already."""

from archsim.runs.folders import check_place, fresh_folder, fresh_paths
from archsim.runs.job import RunJob, Stopped
from archsim.runs.opening import open_fresh, open_named, open_to_resume
from archsim.runs.resuming import check_same, resume_command

__all__ = [
    "RunJob",
    "Stopped",
    "check_place",
    "check_same",
    "fresh_folder",
    "fresh_paths",
    "open_fresh",
    "open_named",
    "open_to_resume",
    "resume_command",
]
