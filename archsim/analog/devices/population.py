"""Device-to-device variation: every cell's own bounds and steps, drawn once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from archsim.analog.blocks import FloatArray
from archsim.analog.devices.retention import Retention

__all__ = ["CELL_NUMBERS", "DOWN", "FEW_NUMBERS", "FIRST_SHAPE", "UP", "W_MAX", "W_MIN", "Family", "Population"]

#: Numbers of a cell, half a cache line; and of one that few numbers tell, as an update has to fetch them.
CELL_NUMBERS: Final = 8
FEW_NUMBERS: Final = 4

#: Columns of a cell's numbers that all families share, soft bounds only the first two; from `FIRST_SHAPE` on they
#: depend on the family.
W_MIN: Final = 0
W_MAX: Final = 1
UP: Final = 2
DOWN: Final = 3
FIRST_SHAPE: Final = 4

Family = Literal["constant", "soft", "affine", "exponential", "power", "piecewise"]


def _no_nodes() -> FloatArray:
    return np.empty(0, np.float32)


@dataclass(frozen=True)
class Population:
    """The cells of an array, and the law of a pulse on them.

    What a pulse adds in the mean to a cell at weight w, before the cell's own bounds clip it:

    - constant: up and down, whatever the weight;
    - soft: slope_up (w - w_max) and slope_down (w - w_min), with these slopes in place of `up` and `down`;
    - affine: side + slope w, with the columns (slope_up, slope_down, noise_up, noise_down);
    - exponential: max(up + beta_up exp(kappa_up w), 0) and min(down + beta_down exp(kappa_down w), 0), with the columns
      (beta_up, beta_down, kappa_up, kappa_down);
    - power: up ((w_max - w) inv)**gamma_up and down ((w - w_min) inv)**gamma_down, with the columns
      (gamma_up, gamma_down, inv, unused);
    - piecewise: up times the nodes interpolated at t = (w - w_min) inv in 0..1, and down likewise, with the columns
      (inv, unused, unused, unused).

    Attributes
    ----------
    cells : float32 [outputs * inputs, 4 or 8]
        Lower bound, upper bound, the number `up` of an up pulse, the number `down` of a down pulse, and the columns of
        the family, of which constant steps and soft bounds have none. Down numbers carry their sign: they are added.
    family : str
        Which law it is.
    granularity : float
        Mean weight change of one pulse, which pulse trains are made for.
    deviation : float
        Cycle-to-cycle noise of a pulse: the standard deviation is deviation (|dw| + noise_add + noise_slope |w|).
    multiplicative : bool
        Whether it is. Else, in the affine family, it is noise_up or noise_down, which hold the deviation already.
    noise_add : float
        Part of the noise that is always there, a weight.
    noise_slope : float
        Part of the noise that grows with |w|.
    write_noise : float
        Standard deviation of what is seen about what is held, drawn anew when a cell is written; a weight.
    nodes_up, nodes_down : float32 [n >= 2]
        Relative steps at equal distances from bound to bound; empty but in the piecewise family.
    retention : Retention
        What happens to the cells between mini-batches.
    """

    cells: FloatArray
    family: Family
    granularity: float
    deviation: float
    multiplicative: bool = True
    noise_add: float = 0.0
    noise_slope: float = 0.0
    write_noise: float = 0.0
    nodes_up: FloatArray = field(default_factory=_no_nodes)
    nodes_down: FloatArray = field(default_factory=_no_nodes)
    retention: Retention = field(default_factory=Retention.still)
