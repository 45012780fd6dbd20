"""Strategies that choose which points of a design space are run, in the light of those that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import pandas as pd

from archsim import plugins
from archsim.document.axes import Axis, grid
from archsim.errors import ArchsimError

__all__ = ["Search", "grid_search", "load_search"]


class Search(Protocol):
    """What is registered in the group ``archsim.searches``: a function that proposes points.

    It is called again and again until it proposes no new point. It keeps nothing between calls and draws random
    numbers from seeds of its own, so a sweep that is taken up again asks the same questions and gets the same answers.
    """

    def __call__(self, axes: Sequence[Axis], results: pd.DataFrame) -> Sequence[Mapping[str, str]]:
        """Return the points to run next.

        Parameters
        ----------
        axes : sequence of Axis
            The keys that vary, and the values that a user gave for each, as YAML texts.
        results : DataFrame
            One row for each point so far, in the order in which they were proposed, with the columns of
            ``points.csv``; no rows at first.

        Returns
        -------
        sequence of mapping of str to str
            The value of each key, as YAML text, for each point; points that were proposed before are passed over.
        """


def grid_search(axes: Sequence[Axis], results: pd.DataFrame) -> Sequence[Mapping[str, str]]:
    """Every combination of the values of all keys."""
    return grid(axes)


def load_search(name: str) -> Search:
    """Return the registered strategy of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    found: Search = plugins.load("archsim.searches", name, field="--search")
    if not callable(found):
        raise ArchsimError(f"'{name}' of archsim.searches: a function is needed, and this is a {type(found).__name__}")
    return partial(_proposed, name, found)


def _proposed(name: str, search: Search, axes: Sequence[Axis], results: pd.DataFrame) -> Sequence[Mapping[str, str]]:
    """Return what a strategy proposes, if it is points: a value for each key that varies."""
    with plugins.plugin_failures():
        points = search(axes, results)
    if not isinstance(points, Sequence) or isinstance(points, str):
        raise ArchsimError(f"search '{name}' proposes a {type(points).__name__}, and a list of points is needed")
    keys = [axis.key for axis in axes]
    for point in points:
        if not isinstance(point, Mapping) or {*point} != {*keys}:
            raise ArchsimError(
                f"search '{name}' proposes the point {point!r}, and a mapping with the keys {', '.join(keys)} is needed"
            )
        if wrong := [value for value in point.values() if not isinstance(value, str)]:
            raise ArchsimError(
                f"search '{name}' proposes the value {wrong[0]!r}, and a text is needed, as YAML writes the value"
            )
    return points
