"""Random numbers of digital decisions, from the same counters as all noise."""

from __future__ import annotations

import numpy as np

from archsim._core import kernels
from archsim._core.purposes import DROPOUT
from archsim.analog.blocks import FloatArray

__all__ = ["Uniforms"]

#: Decisions whose numbers are made at once: one call of the generator costs more than a number.
BLOCK = 1024


class Uniforms:
    """Uniform numbers in (0, 1), each a function of its index alone; see `archsim._core.purposes`.

    Parameters
    ----------
    seed : int
        Seed of all noise.
    identity : int
        Crossbar that they belong to.
    purpose : int
        What they decide.
    """

    def __init__(self, seed: int, identity: int, purpose: int) -> None:
        self._seed = seed
        self._identity = identity
        self._purpose = purpose
        self._block = -1
        self._numbers: FloatArray = np.empty(0, np.float32)

    @classmethod
    def of_layer(cls, seed: int, layer: int) -> Uniforms:
        """Return the numbers that a digital layer, by its number in the network, draws for each sample."""
        return cls(seed, layer, DROPOUT)

    def at(self, index: int) -> float:
        """Return the number of a decision."""
        return float(self.run(index, 1)[0])

    def run(self, first: int, count: int, step: int = 1) -> FloatArray:
        """Return the numbers of decisions whose indices have a step between them, float32 [count]."""
        block, offset = divmod(first, BLOCK)
        end = offset + (count - 1) * step + 1
        if end > BLOCK:
            return self._draw(np.arange(first, first + count * step, step, dtype=np.uint64), 1)[:, 0]
        if block != self._block:
            self._numbers = self._draw(np.arange(block * BLOCK, (block + 1) * BLOCK, dtype=np.uint64), 1)[:, 0]
            self._block = block
        return self._numbers[offset : max(end, offset) : step]

    def rows(self, first: int, count: int, elements: int) -> FloatArray:
        """Return the numbers of ``count`` decisions about many elements each, float32 [count, elements]."""
        return self._draw(np.arange(first, first + count, dtype=np.uint64), elements)

    def _draw(self, indices: np.ndarray[tuple[int], np.dtype[np.uint64]], elements: int) -> FloatArray:
        counters = np.empty((len(indices), elements, 4), np.uint32)
        counters[..., 0] = np.arange(elements, dtype=np.uint32)
        counters[..., 1] = self._purpose << 24
        counters[..., 2] = (indices & np.uint64(0xFFFFFFFF))[:, None]
        counters[..., 3] = (indices >> np.uint64(32) & np.uint64(0xFFF) | np.uint64(self._identity << 12))[:, None]
        words = counters.reshape(-1, 4)
        kernels.philox(words, self._seed)
        # The middle of one of 2**24 equal parts: exact in float32 but for the last one.
        parts = (words[:, 0] >> np.uint32(8)).astype(np.float32)
        numbers: FloatArray = parts * np.float32(2.0**-24) + np.float32(2.0**-25)
        return numbers.reshape(len(indices), elements)
