"""The losses that begin a backward pass; each registers as ``archsim.losses``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archsim import plugins
from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.arrays import Array, described, is_float32
from archsim.digital.losses import mean_squared_error, softmax_cross_entropy
from archsim.errors import ArchsimError
from archsim.network.graph import Graph
from archsim.network.operators.cost import OperatorCost

__all__ = ["Loss", "MeanSquaredError", "SoftmaxCrossEntropy", "checked_loss", "gives_perplexity", "load_loss"]


class Loss(ABC):
    """A loss of the network's outputs."""

    #: Whether targets are numbers of classes; else they are values, one for each output.
    classifies: ClassVar[bool]
    #: Whether it also takes sequences of outputs, each with a target of its own.
    takes_sequences: ClassVar[bool] = False
    #: Whether it is the mean of -log p over the targets of a sample, in nats, which a perplexity is the exponential of.
    in_nats: ClassVar[bool] = False

    def __init__(self, arithmetic: Arithmetic = FLOAT32) -> None:
        self.arithmetic = arithmetic

    @abstractmethod
    def of(self, outputs: Array, targets: NDArray[Any]) -> tuple[float, Array]:
        """Return the loss of a block, summed over its samples, and its gradient at the outputs.

        Parameters
        ----------
        outputs : ndarray, shape (samples, outputs)
            What the network gives; of a loss that takes sequences, also (samples, length, outputs).
        targets : ndarray, shape (samples,) of classes or (samples, outputs) of values
            What it should give; for sequences, (samples, length) of classes.
        """

    @abstractmethod
    def cost(self, outputs: int) -> OperatorCost:
        """Return what loss and gradient of one sample cost, all its outputs counted."""


class SoftmaxCrossEntropy(Loss):
    """-log of the probability that a softmax of the outputs gives the right class; of a sequence, its mean."""

    classifies = True
    takes_sequences = True
    in_nats = True

    def of(self, outputs: Array, targets: NDArray[Any]) -> tuple[float, Array]:
        if outputs.ndim == 2:
            return softmax_cross_entropy(outputs, targets, self.arithmetic)
        length = outputs.shape[1]
        flat = outputs.reshape(-1, outputs.shape[2])
        loss, gradient = softmax_cross_entropy(flat, targets.reshape(-1), self.arithmetic)
        return loss / length, self.arithmetic.multiply(gradient, np.float32(1 / length)).reshape(outputs.shape)

    def cost(self, outputs: int) -> OperatorCost:
        return OperatorCost(multiply_adds=2 * outputs, activations=outputs)


class MeanSquaredError(Loss):
    """The squared error, averaged over the outputs."""

    classifies = False

    def of(self, outputs: Array, targets: NDArray[Any]) -> tuple[float, Array]:
        return mean_squared_error(outputs, targets, self.arithmetic)

    def cost(self, outputs: int) -> OperatorCost:
        return OperatorCost(multiply_adds=2 * outputs)


def load_loss(name: str, field: str | None = None, arithmetic: Arithmetic = FLOAT32) -> Loss:
    """Return the loss registered under a name; `field` is its key in the document, for error messages."""
    made = plugins.load("archsim.losses", name, field=field)(arithmetic)
    return plugins.checked(made, Loss, "archsim.losses", name)  # type: ignore[type-abstract]


def gives_perplexity(graph: Graph) -> bool:
    """Return whether the loss of a network makes a perplexity: a cross-entropy, with a target for each position."""
    return load_loss(graph.loss).in_nats and len(graph.nodes[-1].shape) > 1


def checked_loss(found: Any, outputs: Array, name: str) -> tuple[float, Array]:
    """Return what a loss gave for some outputs, if it is a number and a gradient.

    Raises
    ------
    ArchsimError
        If it is something else; `name` is that of the loss.
    """
    if not isinstance(found, tuple) or len(found) != 2:
        gave = f"{len(found)} values" if isinstance(found, tuple) else described(found)
        raise ArchsimError(f"loss '{name}' gave {gave}, and a tuple is needed: the loss and its gradient")
    loss, gradient = found
    if not isinstance(loss, Real):
        raise ArchsimError(f"loss '{name}' gave {described(loss)} as the loss of a block, and a number is needed")
    if not is_float32(gradient, outputs.shape):
        raise ArchsimError(
            f"loss '{name}' gave {described(gradient)} as the gradient, "
            f"and an array of float32 of the shape {list(outputs.shape)} is needed"
        )
    return float(loss), gradient
