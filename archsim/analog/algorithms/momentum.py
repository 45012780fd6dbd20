"""Momentum and weight decay, in digital memory beside the weights, once a mini-batch.

With the gradient G of a mini-batch, momentum mu and weight decay l: v <- mu v + G + l W, W <- W - lr v, as in PyTorch's
``torch.optim.SGD`` (no dampening, not Nesterov's). The memory holds -mu v between mini-batches; the gradients of a
mini-batch are added to it vector by vector, and weights change at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from archsim._core import kernels
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.momentum import WithMomentum, WithWeightDecay
from archsim.delays import momentum_left

__all__ = ["Momentum", "expected_steps", "velocities"]

#: Weight and velocity as float32, each read and written.
STEP_BITS = 128


class Momentum:
    """The velocity of a matrix.

    Parameters
    ----------
    settings : WithMomentum
        Momentum, and weight decay where the weights are digital.
    shape : tuple of int
        (outputs, inputs).
    mini_batch : int
        Vectors of a mini-batch.

    Attributes
    ----------
    late : float
        How many steps late the gradients of the next step are, in the mean; what is kept of the velocity behind it
        falls with that (`momentum_left`). Set anew before each step where momentum is corrected, and else 0.
    """

    def __init__(self, settings: WithMomentum, shape: tuple[int, int], mini_batch: int) -> None:
        self._momentum, self._decay = settings.momentum, np.float32(_shares(settings)[1])
        self.late = 0.0
        self._operations = step_operations(settings)
        self._mini_batch = mini_batch
        self._velocity = np.zeros(shape, np.float32)
        self._vectors = np.zeros(1, np.int64)

    @classmethod
    def wanted(cls, settings: WithMomentum, shape: tuple[int, int], mini_batch: int) -> Momentum | None:
        """Return the velocity that settings ask for; None for plain descent."""
        return cls(settings, shape, mini_batch) if any(_shares(settings)) else None

    def add(self, x: FloatArray, d: FloatArray) -> Iterator[None]:
        """Add the gradients of a block, and yield wherever a mini-batch ends, for its `step` to be taken."""
        begin = 0
        while begin < len(x):
            end = min(len(x), begin + self._mini_batch - int(self._vectors[0]) % self._mini_batch)
            kernels.exact_update(self._velocity, x[begin:end], d[begin:end], 1.0, 0, len(self._velocity))
            self._vectors += end - begin
            begin = end
            if int(self._vectors[0]) % self._mini_batch == 0:
                yield

    def step(self, weights: FloatArray, learning_rate: float) -> tuple[FloatArray, Counts]:
        """Return what is added to the weights at the end of a mini-batch, and what that takes."""
        if self._decay:
            self._velocity -= self._decay * weights
        change: FloatArray = np.float32(learning_rate) * self._velocity
        self._velocity *= np.float32(momentum_left(self._momentum, self.late))
        cells = self._velocity.size
        return change, Counts(digital_operations=self._operations * cells, memory_bits=STEP_BITS * cells)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays themselves that hold its state."""
        return {"velocity": self._velocity, "velocity_vectors": self._vectors}


def expected_steps(settings: WithMomentum, cells: int, mini_batch: int) -> tuple[ExpectedUpdate, ...]:
    """Return what the steps at the ends of mini-batches take; none for plain descent."""
    if not any(_shares(settings)):
        return ()
    operations, bits = Fraction(step_operations(settings) * cells), Fraction(STEP_BITS * cells)
    return (ExpectedUpdate(digital_operations=operations, memory_bits=bits, every=mini_batch),)


def velocities(settings: WithMomentum) -> int:
    """Return how many numbers of its size are kept beside a matrix: the velocity, or none for plain descent."""
    return int(any(_shares(settings)))


def step_operations(settings: WithMomentum) -> int:
    """Return the operations of a step for each weight: its change, and what momentum and decay do to the velocity."""
    momentum, decay = _shares(settings)
    return 2 + (momentum > 0) + 2 * (decay > 0)


def _shares(settings: WithMomentum) -> tuple[float, float]:
    return settings.momentum, settings.weight_decay if isinstance(settings, WithWeightDecay) else 0.0
