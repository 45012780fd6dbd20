"""What a forward met: copies of weights and digital numbers, for a backward that is to meet the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arrays import Array
from archsim.network.parameters import ParameterValues

__all__ = ["Stash"]


@dataclass(slots=True)
class Stash:
    """What one micro-batch met at a stage on its way forward.

    Attributes
    ----------
    weights : dict of (str, int) to ndarray
        A copy of what the read of each part of a matrix met.
    scales : dict of str to ndarray or None
        The digital scales behind each matrix.
    parameters : dict of str to ParameterValues
        What the digital unit held for each layer.
    """

    weights: dict[tuple[str, int], NDArray[np.float32]] = field(default_factory=dict)
    scales: dict[str, Array | None] = field(default_factory=dict)
    parameters: dict[str, ParameterValues] = field(default_factory=dict)
