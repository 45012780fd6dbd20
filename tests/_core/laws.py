"""The law of a cell's weight after several pulses, one by one: computed on a grid, not sampled."""

import numpy as np
from scipy.special import ndtr

from archsim.analog.reference.response import in_full, respond

POINTS, WIDTH = 500, 6.5


def law_after(law, cell, start, ups):
    """Return edges and the distribution function at them, after pulses in the given directions.

    The grid follows the mean; the first and the last point hold what is beyond them, such as what a bound collects.
    """
    low, high = float(cell[0]), float(cell[1])
    law, cells = in_full(law, np.repeat(cell[None], POINTS, axis=0))
    at, mass = np.array([float(start)]), np.ones(1)
    for up in ups:
        pulse = respond(law, cells[: len(at)], at.astype(np.float32), np.full(len(at), up))
        ends = at + pulse.step.astype(np.float64)
        sizes = np.maximum(pulse.size.astype(np.float64) * float(law.scale), 1e-12)
        mean = mass @ ends
        reach = WIDTH * np.sqrt(mass @ ((ends - mean) ** 2 + sizes**2))
        at = np.linspace(*np.clip([mean - reach, mean + reach], low, high), POINTS)
        edges = (at[1:] + at[:-1]) / 2
        function = mass @ ndtr((edges[None, :] - ends[:, None]) / sizes[:, None])
        mass = np.diff(np.concatenate([[0.0], function, [1.0]]))
    return edges, function
