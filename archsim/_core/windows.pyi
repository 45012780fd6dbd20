from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float32, np.float64)
Pair = tuple[int, int]

def unfold(
    images: NDArray[Number], vectors: NDArray[Number], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> None: ...
def fold(
    vectors: NDArray[Number], images: NDArray[Number], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> None: ...
def largest(images: NDArray[Number], values: NDArray[Number], kernel: Pair, stride: Pair, padding: Pair) -> None: ...
def to_largest(
    images: NDArray[Number], d: NDArray[Number], parts: NDArray[Number], kernel: Pair, stride: Pair, padding: Pair
) -> None: ...
def transpose(matrices: NDArray[Number], turned: NDArray[Number]) -> None: ...
