"""From settings to the class of their algorithm."""

from __future__ import annotations

from archsim import plugins
from archsim.analog.algorithms.protocol import AlgorithmKind
from archsim.specification import Specification

__all__ = ["kind_of"]


def kind_of(settings: Specification) -> AlgorithmKind:
    """Return the class that settings belong to: called with them and a `TileSite`, it makes the arrays of a tile.

    Raises
    ------
    InputError
        If no such kind is registered.
    """
    kind: AlgorithmKind = plugins.load("archsim.algorithm_kinds", str(getattr(settings, "kind", "")), field="kind")
    return kind
