"""Operators with numbers of their own: trained parameters, running statistics, what is kept for the gradient."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from archsim.analog.algorithms.uniforms import Uniforms
from archsim.digital.arrays import Array
from archsim.network.graph import Node, Parameter, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer, ParametricLayer

__all__ = ["Pass", "StatefulOperator", "affine_parameters"]


@dataclass(frozen=True, slots=True)
class Pass:
    """A block's way through an operator: what the digital unit holds for it then, and what the block is for.

    Attributes
    ----------
    values : mapping of str to ndarray
        The operator's parameters as they are at this moment, by name.
    training : bool
        Whether the network is trained by the block; else it is evaluated, or serves.
    first_sample : int
        Index in the run of the block's first sample: what random numbers of a sample belong to.
    kept : dict of str to ndarray
        What the forward leaves for gradient and U of the same block, which find it here.
    uniforms : Uniforms
        Random numbers of the layer, each a function of a sample and an element alone: a gradient finds those of its
        forward again.
    """

    values: Mapping[str, Array]
    training: bool = True
    first_sample: int = 0
    kept: dict[str, Array] = field(default_factory=dict)
    uniforms: Uniforms = field(default_factory=lambda: Uniforms.of_layer(0, 0))


class StatefulOperator(DigitalOperator):
    """An operator whose rules need more than its inputs: parameters, state, or what the pass is for.

    Parameters are read whenever a rule is computed, as matrices are: a gradient may meet other ones than its forward.
    They are changed by U alone, micro-batch after micro-batch in its order, with the digital biases of matrices: by
    gradient descent with the same learning rate (`archsim.digital.descent`), or `next_state`. So schedules that are
    equal in exact arithmetic give equal parameters.
    """

    def parameters(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Parameter, ...]:
        """Return what the digital unit holds for a layer whose inputs have the given shapes; called after `shape`."""
        return ()

    @abstractmethod
    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        """Return the output for a block: arrays of shape (V, \\*shape)."""

    @abstractmethod
    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        """Return the gradient at each input, and that of each parameter, summed over the block.

        What flows on to the inputs is computed by ``self.arithmetic``, and what prepares updates, the gradients of
        parameters, by ``self.arithmetic.update``.
        """

    def next_state(self, node: Node, at: Pass) -> Mapping[str, Array]:
        """Return what becomes of each parameter that is state, after a micro-batch of which ``at.kept`` was kept."""
        return {}

    def evaluation_cost(self, node: Node) -> OperatorCost:
        """Return what the forward rule costs for one sample where the network is not trained."""
        return self.cost(node)

    def update_cost(self, node: Node) -> OperatorCost:
        """Return what a U costs for a micro-batch: a multiply-add for each trained number, two for each of state.

        A running average takes two: (1 - momentum) r + momentum x.
        """
        trained = sum(parameter.size for parameter in node.parameters if parameter.trained)
        state = sum(parameter.size for parameter in node.parameters if parameter.state)
        return OperatorCost(block_multiply_adds=trained + 2 * state)

    def kept_elements(self, node: Node) -> int:
        """Return how many numbers the forward keeps for its gradient, per sample."""
        return 0

    def kept_block_elements(self, node: Node) -> int:
        """Return how many numbers the forward keeps for gradient and U of a micro-batch, however many its samples."""
        return 0

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        """Return the output for a training block, with parameters as they are before training."""
        return self.forward_pass(node, inputs, Pass(_initial(node)))

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        """Return the gradient at each input for a training block, with parameters as they are before training."""
        at = Pass(_initial(node))
        self.forward_pass(node, inputs, at)
        return self.backward_pass(node, inputs, output, d, at)[0]


def affine_parameters(layer: ParametricLayer, shape: Shape) -> tuple[Parameter, ...]:
    """Return ``weight`` and ``bias`` of a layer that scales and shifts, from 1 and 0."""
    return tuple(
        Parameter(name, shape, start, trained=layer.trainable, learning_rate_factor=layer.learning_rate_factor)
        for name, start in (("weight", 1.0), ("bias", 0.0))
    )


def _initial(node: Node) -> dict[str, Array]:
    return {p.name: np.full(p.shape, p.initial, np.float32) for p in node.parameters}
