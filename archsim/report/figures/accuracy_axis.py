"""An axis on which 93 % and 96 % stand well apart, and 10 % is still on it: the error on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

__all__ = ["accuracy_axis"]

#: The least error that the axis tells from none.
_LEAST_ERROR = 1e-4

_TICKS = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)


def _height(accuracy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return -np.log10(np.clip(1 - np.asarray(accuracy, dtype=np.float64), _LEAST_ERROR, None))


def _accuracy(height: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return 1 - np.power(10.0, -np.asarray(height, dtype=np.float64))


def accuracy_axis(axes: Axes, accuracies: Iterable[float]) -> None:
    """Give a panel a vertical axis for accuracies between 0 and 1, from the tick below them to the tick above.

    Equal distances are equal factors of the error 1 - accuracy.
    """
    shown = [accuracy for accuracy in accuracies if np.isfinite(accuracy)] or [0.0, 1.0]
    lowest = max(tick for tick in _TICKS[:-1] if tick <= max(min(shown), 0.0))
    highest = min((tick for tick in _TICKS if tick >= max(shown) and tick > lowest), default=_TICKS[-1])
    axes.set_yscale("function", functions=(_height, _accuracy))
    axes.set_ylim(lowest, highest)
    ticks = [tick for tick in _TICKS if lowest <= tick <= highest]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{100 * tick:g} %" for tick in ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
