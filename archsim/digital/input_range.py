"""The learned range of an array's inputs: which magnitude reaches the bound of its DAC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array

__all__ = ["InputRange", "InputRangeRules", "InputRangeState", "RangeMet", "scaled_inputs"]


def scaled_inputs(x: Array, reach: float, arithmetic: Arithmetic) -> Array:
    """Return clip(x / reach, -1, 1), which is what an array reads: also where no DAC would clip it."""
    scaled = arithmetic.divide(x, np.float32(reach))
    return np.clip(scaled, np.float32(-1.0), np.float32(1.0), out=scaled)


@dataclass(frozen=True, slots=True)
class InputRangeRules:
    """How a range is found; names and defaults of aihwkit's ``InputRangeParameter`` in its preset for training.

    Attributes
    ----------
    init_value : float
        Range before anything was seen.
    init_from_data : int
        So many blocks decide the range; learning begins after them.
    init_std_alpha : float
        Standard deviations of the inputs that the data make it.
    learn : bool
        Whether gradient descent goes on from there.
    decay : float
        Relative shrinking of a step of rate 1, while more than ``input_min_percentage`` of the inputs lie inside.
    input_min_percentage : float
        See ``decay``; a part of 1.
    """

    init_value: float = 3.0
    init_from_data: int = 100
    init_std_alpha: float = 3.0
    learn: bool = True
    decay: float = 1e-3
    input_min_percentage: float = 0.95


@dataclass(frozen=True, slots=True)
class RangeMet:
    """The range that a forward met: its update clips the same inputs, and learns from what was clipped.

    Attributes
    ----------
    value : float
        The range.
    learns : bool
        Whether it was one that gradient descent changes: no longer one that blocks decide.
    """

    value: float
    learns: bool

    def clip(self, x: Array) -> Array:
        """Return inputs within the range: what the array saw, in the inputs' own units."""
        return np.clip(x, np.float32(-self.value), np.float32(self.value))


@dataclass(frozen=True, slots=True)
class InputRangeState:
    """The range, the blocks that it has seen, and what its next step goes on from."""

    value: float
    blocks: int
    latest: float


class InputRange:
    """A range r: the array reads clip(x / r, -1, 1), and its outputs are multiplied by r.

    From the first blocks it is the mean of ``init_std_alpha`` std(x). Then, with the gradient g at inputs whose forward
    met the range r', a step of rate eta is

        r <- r - eta r (sum_{x >= r'} min(g, 0) - sum_{x <= -r'} max(g, 0) + decay [enough inputs inside])

    so clipped inputs that the loss wants larger widen it, and it narrows while few are clipped (aihwkit
    ``InputRangeParameter`` with relative gradients).

    Parameters
    ----------
    rules : InputRangeRules
        How it is found.
    accumulates : bool
        Whether steps are seen at the end of a mini-batch only, wherever its updates stand.

    Attributes
    ----------
    value : float
        The range that is read.
    """

    def __init__(self, rules: InputRangeRules, *, accumulates: bool = False) -> None:
        self._rules = rules
        self._accumulates = accumulates
        self.value = self._latest = rules.init_value
        self._blocks = 0

    def observe(self, x: Array) -> None:
        """Take a block of training inputs into account."""
        if self._blocks >= self._rules.init_from_data:
            return
        reach = self._rules.init_std_alpha * float(np.std(x, dtype=np.float64)) if x.size else 0.0
        if reach > 0:
            # No step has been taken yet: only forwards that come after the last such block are learned from.
            self.value = self._latest = (self.value * self._blocks + reach) / (self._blocks + 1)
            self._blocks += 1

    @property
    def met(self) -> RangeMet:
        """What a forward meets now."""
        return RangeMet(self.value, self._rules.learn and self._blocks >= self._rules.init_from_data)

    def learn(self, met: RangeMet, x: Array, gradient: NDArray[np.float64], learning_rate: float) -> None:
        """Take one step of gradient descent.

        Parameters
        ----------
        met : RangeMet
            The range that the forward of these inputs met.
        x : float32 [V, inputs]
            Inputs, not clipped.
        gradient : float64 [V, inputs]
            Gradient of the loss at them.
        learning_rate : float
            Rate of the step.
        """
        if not x.size or not met.learns:
            return
        above, below = x >= met.value, x <= -met.value
        slope = float(np.minimum(gradient[above], 0.0).sum() - np.maximum(gradient[below], 0.0).sum())
        if 1.0 - float((above | below).mean()) > self._rules.input_min_percentage:
            slope += self._rules.decay
        # A step never takes more than half of it, so the range stays positive at any rate.
        self._latest *= max(1.0 - learning_rate * slope, 0.5)
        if not self._accumulates:
            self.value = self._latest

    def end_mini_batch(self) -> None:
        """Let forwards meet what a mini-batch has made of it."""
        self.value = self._latest

    def state(self) -> InputRangeState:
        """Return everything that changes."""
        return InputRangeState(self.value, self._blocks, self._latest)

    def restore(self, state: InputRangeState) -> None:
        """Continue from a `state`."""
        self.value, self._blocks, self._latest = state.value, state.blocks, state.latest
