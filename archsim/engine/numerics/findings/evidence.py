"""What checks may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.analog.observed import ExpectedUpdate
from archsim.network.matrix import AnalogMatrix
from archsim.results.observations import Observations
from archsim.schedule import Schedule
from archsim.specification import Specification

__all__ = ["Evidence"]


@dataclass(frozen=True)
class Evidence:
    """A run that has ended, or was stopped.

    Attributes
    ----------
    settings : Specification
        The experiment.
    observations : Observations
        Counts and times.
    updates : mapping of str to tuple of ExpectedUpdate
        By layer, what the training algorithm takes for each vector of each part.
    vectors : mapping of str to int
        By layer, the vectors of the samples that were trained.
    matrices : mapping of str to AnalogMatrix
        By layer, as they are at the end; empty in a timing run.
    given_weights : bool
        Whether weights were given, instead of drawn.
    schedule : Schedule, optional
        What the stages did.
    """

    settings: Specification
    observations: Observations
    updates: Mapping[str, tuple[ExpectedUpdate, ...]]
    vectors: Mapping[str, int]
    matrices: Mapping[str, AnalogMatrix] = field(default_factory=dict)
    given_weights: bool = False
    schedule: Schedule | None = None
