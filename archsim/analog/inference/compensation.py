"""The digital factor that makes up for drift, from read-outs of an array when it was programmed and now.

Both read-outs pass noisy converters, and what a converter adds is large beside a single small weight. So the measure is
a projection: with R_0 and R_0' two read-outs after programming and R_t one of now,

    factor = <R_0 R_0'> / <R_0 R_t>

in which independent noise has the mean 0, as it has in the summed currents of Joshi et al. 2020
(doi:10.1038/s41467-020-16108-9). aihwkit compares mean magnitudes, <|R_0|> / <|R_t|>: noise adds to both of them, and
where it is larger than the weights no drift is seen.
"""

from __future__ import annotations

import numpy as np

from archsim.analog.blocks import FloatArray

__all__ = ["magnitude_factor", "projection_factor"]

#: Mean |read-out| below which compensation does not divide, in parts of a unit read-out (aihwkit).
SMALLEST_READOUT = 1e-4

#: Standard errors by which a projection must stand out of its noise to be used.
SIGNIFICANT = 3.0


def magnitude_factor(first: FloatArray, now: FloatArray) -> float:
    """Return <|R_0|> / <|R_t|> of two read-outs of equal shape."""
    if not first.size:
        return 1.0
    return _magnitude(first) / max(_magnitude(now), SMALLEST_READOUT)


def projection_factor(first: FloatArray, again: FloatArray, now: FloatArray) -> float:
    """Return <R_0 R_0'> / <R_0 R_t>; 1 where either does not stand out of its noise.

    Parameters
    ----------
    first, again, now : float32 [n, outputs]
        Two read-outs after programming, and one at a later time.
    """
    before, after = _projection(first, again), _projection(first, now)
    return 1.0 if before is None or after is None else before / after


def _projection(one: FloatArray, other: FloatArray) -> float | None:
    products = one.astype(np.float64) * other
    if not products.size:
        return None
    mean, error = float(products.mean()), float(products.std()) / np.sqrt(products.size)
    return mean if mean > SIGNIFICANT * error else None


def _magnitude(values: FloatArray) -> float:
    return float(np.abs(values.astype(np.float64)).mean())
