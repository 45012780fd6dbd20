"""Accuracy over time: program, wait, read, several times over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from archsim.errors import InputError

__all__ = ["InferencePoint", "evaluate_over_time"]


@dataclass(frozen=True, slots=True)
class InferencePoint:
    """Accuracy at a time.

    Attributes
    ----------
    time_s : float
        Seconds after programming.
    accuracies : tuple of float
        One for each programming.
    """

    time_s: float
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the programmings."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Standard deviation between the programmings; 0 for a single one."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0


def evaluate_over_time(
    program: Callable[[], None],
    accuracy: Callable[[float, int], float],
    times_s: Sequence[float],
    repeats: int,
) -> tuple[InferencePoint, ...]:
    """Return the accuracy at each time, for several programmings of the same weights.

    Parameters
    ----------
    program : callable
        Writes all weights anew.
    accuracy : callable
        ``accuracy(time_s, evaluation)`` reads the network at a time; evaluations are numbered from 0, each with its own
        noise.
    times_s : sequence of float
        Seconds after programming.
    repeats : int
        Programmings.

    Raises
    ------
    InputError
        If there is no time, or nothing is programmed.
    """
    if not len(times_s) or repeats < 1:
        raise InputError("an evaluation needs a time and a programming", value=(tuple(times_s), repeats))
    found: list[list[float]] = [[] for _ in times_s]
    for repeat in range(repeats):
        program()
        for index, time_s in enumerate(times_s):
            found[index].append(accuracy(time_s, repeat * len(times_s) + index))
    return tuple(InferencePoint(time, tuple(values)) for time, values in zip(times_s, found, strict=True))
