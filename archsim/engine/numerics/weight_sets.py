"""The sets of crossbars that a network's matrices lie on, with what digital units hold beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.network.parameters import DigitalParameters
from archsim.network.stationary import StationaryMatrix

__all__ = ["WeightSet"]


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
