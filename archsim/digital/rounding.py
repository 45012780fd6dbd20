"""How numbers between two of a format are rounded, and the random numbers of stochastic rounding."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim._core import kernels

__all__ = ["Draws", "Rounding", "make_rounding"]

#: Rounds a float64 array in place to whole numbers.
Rounding = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_WORDS = 4


class _Now(threading.local):
    """What a thread computes now: key of its place, first sample, samples, roundings so far."""

    key = 0
    first = 0
    samples = 1
    roundings = 0


class Draws:
    """Random numbers that belong to a place of the network, a sample and an element, not to the order of the calls.

    A number follows from the seed, the place, the index of the sample in the run, how many roundings the place has done
    of this sample before, and the element among those of the sample: Philox4x32-7 with the first two as its key.

    Parameters
    ----------
    seed : int
        Seed of the noise of a run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._keys: dict[tuple[int, ...], int] = {}
        self._now = _Now()

    def seed(self, seed: int) -> None:
        """Draw by another seed."""
        self._seed = seed
        self._keys = {}

    def begin(self, place: tuple[int, ...], first_sample: int, samples: int) -> None:
        """Say what is computed next in this thread."""
        key = self._keys.get(place)
        if key is None:
            sequence = np.random.SeedSequence([self._seed, *place])
            key = self._keys[place] = int(sequence.generate_state(1, np.uint64)[0])
        now = self._now
        now.key, now.first, now.samples, now.roundings = key, first_sample, samples, 0

    def uniforms(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return numbers of [0, 1), multiples of 2^-24.

        Entries of the first axis belong to the samples of the block in their order, as many to each; where they do not
        divide so (sums over the block), all belong to its first sample.
        """
        now, size = self._now, math.prod(shape)
        samples = now.samples if shape and shape[0] % now.samples == 0 else 1
        each = size // samples
        counters = np.empty((samples, -(-each // _WORDS), _WORDS), np.uint32)
        index = np.arange(now.first, now.first + samples, dtype=np.uint64)
        counters[..., 0] = np.arange(counters.shape[1])
        counters[..., 1] = now.roundings
        counters[..., 2] = (index & np.uint64(0xFFFFFFFF))[:, None]
        counters[..., 3] = (index >> np.uint64(32))[:, None]
        kernels.philox(counters.reshape(-1, _WORDS), now.key)
        now.roundings += 1
        words = counters.reshape(samples, -1)[:, :each].reshape(shape) >> np.uint32(8)
        drawn: NDArray[np.float64] = np.multiply(words, 2.0**-24, dtype=np.float64)
        return drawn


def make_rounding(name: Literal["nearest", "truncate", "stochastic"], draws: Draws) -> Rounding:
    """Return how to round: to nearest with ties to even, down, or up with the part behind the point as probability."""
    if name == "nearest":
        return _nearest
    if name == "truncate":
        return _truncate

    def stochastic(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.floor(np.add(v, draws.uniforms(v.shape), out=v), out=v)

    return stochastic


def _nearest(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(v, out=v)


def _truncate(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.floor(v, out=v)
