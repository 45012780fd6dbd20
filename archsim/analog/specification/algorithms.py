"""What a user says about training algorithms.

Field names are those of aihwkit where one exists, else of the paper.
"""

from __future__ import annotations

from typing import Annotated, Literal

from archsim.kinds import OpenUnion
from archsim.specification import Specification

__all__ = ["Algorithm", "AnalogSGDSettings"]


class AnalogSGDSettings(Specification):
    """Every sample's pulses go to the array that computes."""

    kind: Literal["analog-sgd"] = "analog-sgd"


#: The settings of any registered kind.
Algorithm = Annotated[Specification, OpenUnion("archsim.algorithm_kinds")]
