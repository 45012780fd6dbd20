"""Timing of short calls, and the machine's own matrix products to compare with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

__all__ = ["best_seconds", "sgemm_ns", "sgemv_ns"]

#: numpy's products use OpenBLAS's Haswell kernels on one thread, in an interpreter of their own: libraries read these
#: variables when they are loaded.
BLAS = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

PRODUCT = """
import time
import numpy as np
batch, size = {batch}, {size}
random = np.random.default_rng(1)
w, x = random.standard_normal((size, size), dtype="f4"), random.standard_normal((batch, size), dtype="f4")
y, best = np.empty((batch, size), "f4"), 9e9
for _ in range({calls}):
    begin = time.perf_counter()
    np.dot(x, w.T, out=y)
    best = min(best, time.perf_counter() - begin)
print(best * 1e9 / size / size / batch)
"""


def best_seconds(call: Callable[[int], object], budget: float, at_least: int = 3) -> float:
    """Return the shortest time of many calls of ``call(k)``, k = 0, 1, ..., for about `budget` seconds."""
    shortest, end, k = float("inf"), time.perf_counter() + budget, 0
    while k < at_least or time.perf_counter() < end:
        begin = time.perf_counter()
        call(k)
        shortest = min(shortest, time.perf_counter() - begin)
        k += 1
    return shortest


def sgemm_ns(size: int = 512, batch: int = 256, calls: int = 100) -> float:
    """Return the time of one multiply-add of numpy's float32 matrix product, in nanoseconds."""
    code = PRODUCT.format(size=size, batch=batch, calls=calls)
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | BLAS, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def sgemv_ns(size: int = 512) -> float:
    """Return the same for a matrix and one vector."""
    return sgemm_ns(size, 1, 2000)
