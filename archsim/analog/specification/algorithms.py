"""What a user says about training algorithms.

Field names are those of aihwkit where one exists, else of the paper.
"""

from __future__ import annotations

from typing import Literal

from archsim.specification import Specification

__all__ = ["AnalogSGDSettings"]


class AnalogSGDSettings(Specification):
    """Every sample's pulses go to the array that computes."""

    kind: Literal["analog-sgd"] = "analog-sgd"
