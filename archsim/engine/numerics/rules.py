"""The rules that digital units compute by: what tells the random numbers of one from those of all others."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Rule"]


class Rule(IntEnum):
    """A rule; with the index of a node or a matrix, and of a part, it is a place of `Arithmetic.begin`."""

    INPUT = 0
    FORWARD = 1
    GRADIENT = 2
    SUM_OF_GRADIENTS = 3
    CLIP = 4
    READ_FORWARD = 5
    READ_BACKWARD = 6
    COLLECT = 7
    COLLECT_GRADIENTS = 8
    LOSS = 9
    PREPARE = 10
    UPDATE = 11
    UPDATE_PARAMETERS = 12
    UPDATE_STATE = 13
    EVALUATE = 14
