from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

def follow_maxima(
    x: NDArray[np.float32],
    d: NDArray[np.float32],
    rate: float,
    maxima: NDArray[np.float64],
    products: NDArray[np.float64],
) -> None: ...
def let_go(
    values: NDArray[np.float32],
    counts: NDArray[np.float32],
    threshold: float,
    most: int,
    kept: float,
    taken: float,
    limit: float,
) -> int: ...
def stacked_product(x: NDArray[_Real], y: NDArray[_Real], total: NDArray[_Real]) -> None: ...
