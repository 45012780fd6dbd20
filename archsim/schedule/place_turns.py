"""Whose turn it is at a place of several stages, where the schedule says so."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["PlaceTurns"]


class PlaceTurns:
    """The order in which a place begins the actions of its stages.

    Parameters
    ----------
    turns : iterator of int
        The stages whose actions are left to begin, one after the other.

    Attributes
    ----------
    next : int or None
        The stage whose turn it is; None at the end.
    """

    __slots__ = ("_turns", "next")

    def __init__(self, turns: Iterator[int]) -> None:
        self._turns = turns
        self.next: int | None = None
        self.advance()

    def advance(self) -> None:
        """Pass the turn on: an action has begun."""
        self.next = next(self._turns, None)
