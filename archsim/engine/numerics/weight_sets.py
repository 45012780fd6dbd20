"""The sets of crossbars that a network's matrices lie on, with what digital units hold beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsim.network.parameters import DigitalParameters
from archsim.network.stationary import StationaryMatrix

__all__ = ["WeightSet", "newest_of"]


@dataclass(frozen=True, slots=True)
class WeightSet:
    """One version of all weights.

    Attributes
    ----------
    matrices : mapping of str to StationaryMatrix
        The matrices, whoever holds them.
    parameters : mapping of str to DigitalParameters
        What digital units hold for operators, by layer.
    """

    matrices: Mapping[str, StationaryMatrix]
    parameters: Mapping[str, DigitalParameters]

    def take_over(self, layer: str, matrices: tuple[str, ...], newest: WeightSet) -> None:
        """Let digital numbers of a layer go on from those of another set: they are exact, and lie in the same unit."""
        for name in matrices:
            self.matrices[name].take_over(newest.matrices[name])
        if layer in self.parameters:
            self.parameters[layer].restore(newest.parameters[layer].state())


def newest_of(sets: Sequence[WeightSet], newest: Mapping[str, int]) -> WeightSet:
    """Return the newest version of all weights.

    Parameters
    ----------
    sets : sequence of WeightSet
        All versions.
    newest : mapping of str to int
        The set of each matrix, and of each layer's digital parameters, that holds the newest; the first if unnamed.
    """
    matrices = {name: sets[newest.get(name, 0)].matrices[name] for name in sets[0].matrices}
    return WeightSet(matrices, {name: sets[newest.get(name, 0)].parameters[name] for name in sets[0].parameters})
