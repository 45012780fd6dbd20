"""The error of a list of actions that stages cannot do as it is."""

from __future__ import annotations

from archsim.errors import ArchsimError

__all__ = ["ScheduleError"]


class ScheduleError(ArchsimError):
    """A schedule that leaves something out or does something twice or too early.

    Parameters
    ----------
    problem : str
        Which stage does what is wrong, in one sentence.
    remedy : str
        What to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n  remedy:  {remedy}")
