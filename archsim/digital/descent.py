"""Gradient descent by which a digital unit trains the numbers that it holds: SGD as `torch.optim.SGD` defines it.

With the gradient G of a mini-batch, clipped where that is asked for, momentum mu and weight decay l:
v <- mu v + G + l p, p <- p - lr v (no dampening, not Nesterov's). Plain descent, without any of these, takes the
gradient of each micro-batch as it comes, which is the same in exact arithmetic. Where it accumulates, it takes them on
a second copy of the numbers, which takes the place of the first at the end of the mini-batch: until then forwards and
backwards read what the mini-batch began with, and the sums are those of steps taken one after the other, bit by bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from archsim.delays import ON_TIME, Late, momentum_left
from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.clipping import clip_operations_of_whole, clipped_as_a_whole
from archsim.digital.specification import DigitalOptimizer, GradientClipping

__all__ = ["PLAIN", "DescentRule", "TrainedNumbers"]


@dataclass(frozen=True, slots=True)
class DescentRule:
    """How digital numbers descend.

    Attributes
    ----------
    optimizer : DigitalOptimizer
        Momentum and weight decay.
    clipping : GradientClipping or None
        How large the gradient of a mini-batch may be, of each parameter for itself.
    mean_losses : float
        How many losses, each a mean over samples, a mini-batch's gradient is the sum of: 1 where the loss is averaged
        over a mini-batch.
    accumulates : bool
        Whether nothing of a mini-batch is seen before its end, wherever its updates stand.
    """

    optimizer: DigitalOptimizer = field(default_factory=DigitalOptimizer)
    clipping: GradientClipping | None = None
    mean_losses: float = 1.0
    accumulates: bool = False

    @property
    def plain(self) -> bool:
        """Whether each gradient is a step for itself."""
        return self.clipping is None and not self.optimizer.momentum and not self.optimizer.weight_decay

    @property
    def kept(self) -> int:
        """Arrays of their size that are kept beside the numbers.

        The gradient of a mini-batch and the velocity; of plain descent that accumulates, the second copy.
        """
        return int(self.accumulates) if self.plain else 1 + (self.optimizer.momentum > 0)

    def decay(self, shape: tuple[int, ...]) -> float:
        """Return the weight decay of numbers of a shape."""
        return self.optimizer.weight_decay if len(shape) > 1 or self.optimizer.decay_one_dimensional else 0.0

    def closing_operations(self, shape: tuple[int, ...]) -> int:
        """Return what the step at the end of a mini-batch costs, in multiply-adds; none where there is no such step.

        One for the step of each number, one each for momentum and decay, and what clipping takes.
        """
        if self.plain:
            return 0
        each = 1 + (self.optimizer.momentum > 0) + (self.decay(shape) > 0)
        size = math.prod(shape)
        return each * size + (0 if self.clipping is None else clip_operations_of_whole(self.clipping, size))


#: Plain descent.
PLAIN = DescentRule()


class TrainedNumbers:
    """Numbers that a digital unit holds and trains.

    Parameters
    ----------
    values : ndarray of float32
        What they start from.
    arithmetic : Arithmetic
        What computes.
    rule : DescentRule
        How they descend.

    Attributes
    ----------
    values : ndarray of float32
        The numbers that are read; nobody changes the array, each step makes another one.
    latest : ndarray of float32
        What the next step goes on from; other than `values` only within a mini-batch whose steps accumulate.
    """

    __slots__ = ("_arithmetic", "_gradient", "_kept", "_rule", "_velocity", "latest", "values")

    def __init__(self, values: Array, arithmetic: Arithmetic = FLOAT32, rule: DescentRule = PLAIN) -> None:
        self._arithmetic = arithmetic
        self._rule = rule
        self.begin(values)

    def begin(self, values: Array) -> None:
        """Begin with other numbers."""
        self.values = self.latest = self._arithmetic.parameters.number(values)
        self._velocity: Array | None = None
        #: What the next step keeps of the velocity: less than the momentum where the last one's gradients were late.
        self._kept = self._rule.optimizer.momentum
        self._gradient: Array | None = None

    def descend(self, gradient: Array, learning_rate: float) -> None:
        """Take the gradient of a micro-batch: a step of plain descent, or a part of the mini-batch's gradient."""
        if self._rule.plain:
            self._step(gradient, learning_rate)
        elif self._gradient is None:
            self._gradient = gradient
        else:
            self._gradient = self._arithmetic.update.add(self._gradient, gradient)

    def end_mini_batch(self, learning_rate: float, late: Late = ON_TIME) -> None:
        """Take the step that waits for the end of a mini-batch, if there is one, as late as it is."""
        if self._gradient is None:
            self.values = self.latest
            return
        unit, rule, gradient = self._arithmetic.update, self._rule, self._gradient
        self._gradient = None
        if rule.clipping is not None:
            bound = rule.clipping.limit * rule.mean_losses * late.bound
            gradient = clipped_as_a_whole(gradient, bound, rule.clipping, unit)
        if decay := rule.decay(self.values.shape):
            gradient = unit.add(gradient, unit.multiply(self.values, self.values.dtype.type(decay)))
        if rule.optimizer.momentum:
            if self._velocity is not None:
                gradient = unit.add(unit.multiply(self._velocity, self.values.dtype.type(self._kept)), gradient)
            self._velocity = gradient
            self._kept = momentum_left(rule.optimizer.momentum, late.steps)
        self._step(gradient, learning_rate)
        self.values = self.latest

    def state(self) -> dict[str, Array]:
        """Return the numbers, and what there is of a second copy, velocity and gradient."""
        latest = None if self.latest is self.values else self.latest
        kept = None if self._kept == self._rule.optimizer.momentum else np.array([self._kept])
        arrays = {"values": self.values, "latest": latest, "velocity": self._velocity, "gradient": self._gradient}
        found = arrays | {"kept": kept}
        return {name: array for name, array in found.items() if array is not None}

    def restore(self, state: dict[str, Array]) -> None:
        """Continue from a `state` of numbers of the same shape."""
        self.values = state["values"]
        self.latest = state.get("latest", self.values)
        self._velocity, self._gradient = state.get("velocity"), state.get("gradient")
        kept = state.get("kept")
        self._kept = self._rule.optimizer.momentum if kept is None else float(kept[0])

    def _step(self, gradient: Array, learning_rate: float) -> None:
        step = self._arithmetic.update.multiply(gradient, gradient.dtype.type(learning_rate))
        self.latest = self._arithmetic.parameters.subtract(self.latest, step)
        if not self._rule.accumulates:
            self.values = self.latest
