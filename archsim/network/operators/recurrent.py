"""What a recurrent operator tells: how a state passes from step to step through matrices that are read each time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from archsim.digital.arrays import Array
from archsim.network.graph import Matrix, Node
from archsim.network.operators.base import StationaryOperator, load_operator
from archsim.network.operators.cost import OperatorCost

__all__ = ["MOST_TIME_STEPS", "Drive", "RecurrentOperator", "recurrent_operator", "time_steps", "unroll"]

#: Every time step is a step of its own in a stage's actions, and each is known to those behind it.
MOST_TIME_STEPS = 2**16


class Drive(NamedTuple):
    """What the vector is made of that meets a matrix in a time step.

    Attributes
    ----------
    input, state : bool
        Whether elements of the node's input, and of the state before the step, are among its own.
    """

    input: bool
    state: bool


class RecurrentOperator(StationaryOperator):
    """An operator whose matrices are read once for each time step, with what came of the step before.

    Every matrix has as many vectors a sample as there are steps. A state of a number of elements passes from step to
    step; before the first one it is zero or, as a value, handed on from another sample, and gradients go no further
    back. All reads of a step are asked for at once, and a job of the digital unit makes the next state of what they
    give. Backward, a job makes the errors of a step from the gradient at the state behind it, the matrices are read
    transposed, and what comes of that belongs to the state before. An update applies the vectors and errors of all
    steps, sample after sample, in the order of the steps.
    """

    @staticmethod
    def steps(node: Node) -> int:
        """Return the number of time steps."""
        return node.matrices[0].vectors

    def carries(self, node: Node) -> bool:
        """Return whether samples begin with the state in which the ones before them in their streams ended."""
        return False

    @abstractmethod
    def state_size(self, node: Node) -> int:
        """Return the elements of a state."""

    @abstractmethod
    def kept_size(self, node: Node) -> int:
        """Return how many numbers of a step are kept for its gradient, beside the states."""

    @abstractmethod
    def drive(self, node: Node, matrix: Matrix) -> Drive:
        """Return what the vectors of a matrix are made of."""

    @abstractmethod
    def vectors(self, node: Node, matrix: Matrix, step: int, inputs: tuple[Array, ...], state: Array) -> Array:
        """Return what meets a matrix in a step.

        Parameters
        ----------
        node, matrix
            The node, and one of its matrices.
        step : int
            The time step, from 0.
        inputs : tuple of ndarray, shape (samples, \\*shape)
            A block of each input of the node.
        state : ndarray, shape (samples, state_size)
            The state before the step.

        Returns
        -------
        ndarray, shape (samples, inputs)
        """

    @abstractmethod
    def advance(self, node: Node, outputs: tuple[Array, ...], state: Array) -> tuple[Array, Array]:
        """Return the state behind a step, and what is kept for the gradient.

        Parameters
        ----------
        node : Node
            The node.
        outputs : tuple of ndarray, shape (samples, outputs)
            What each matrix gives.
        state : ndarray, shape (samples, state_size)
            The state before the step.

        Returns
        -------
        state : ndarray, shape (samples, state_size)
        kept : ndarray, shape (samples, kept_size)
        """

    @abstractmethod
    def output(self, node: Node, states: Array) -> Array:
        """Return the node's output (samples, \\*shape) from the states behind its steps (samples, steps, elements)."""

    @abstractmethod
    def output_gradient(self, node: Node, step: int, d: Array) -> Array:
        """Return what the gradient at the node's output gives to that at the state behind a step."""

    @abstractmethod
    def retreat(self, node: Node, state: Array, kept: Array, d: Array) -> tuple[tuple[Array, ...], Array]:
        """Return the gradient at what each matrix gave in a step, and what goes past them to the state before.

        Parameters
        ----------
        node : Node
            The node.
        state : ndarray, shape (samples, state_size)
            The state before the step.
        kept : ndarray, shape (samples, kept_size)
            What `advance` kept.
        d : ndarray, shape (samples, state_size)
            The gradient at the state behind the step.
        """

    @abstractmethod
    def state_gradient(self, node: Node, matrix: Matrix, gradient: Array, d: Array) -> Array:
        """Return the gradient `d` at a state with what a matrix's transposed read (samples, inputs) adds to it."""

    @abstractmethod
    def fold_gradient(self, node: Node, gradients: tuple[Array | None, ...]) -> tuple[Array, ...]:
        """Return the gradient at each input of the node from that at the vectors of each matrix.

        Parameters
        ----------
        node : Node
            The node.
        gradients : tuple of ndarray, shape (samples, steps, inputs)
            Those of each matrix; None where its vectors hold nothing of the input.
        """

    @abstractmethod
    def step_cost(self, node: Node) -> OperatorCost:
        """Return what `advance` costs for one sample."""

    @abstractmethod
    def step_gradient_cost(self, node: Node) -> OperatorCost:
        """Return what the gradient rules of a step cost for one sample."""


def recurrent_operator(node: Node) -> RecurrentOperator:
    """Return the operator of a recurrent node."""
    operator = load_operator(node.kind)
    if not isinstance(operator, RecurrentOperator):
        raise TypeError(f"'{node.name}' of kind '{node.kind}' is not recurrent")
    return operator


def time_steps(node: Node) -> Sequence[int] | tuple[None]:
    """Return the time steps of a node with matrices, from the first; None alone where all is read at once."""
    operator = load_operator(node.kind)
    return range(operator.steps(node)) if isinstance(operator, RecurrentOperator) else (None,)


def unroll(
    operator: RecurrentOperator,
    node: Node,
    inputs: tuple[Array, ...],
    read: Callable[[Matrix, int, Array], Array],
    state: Array | None = None,
) -> tuple[Array, Array]:
    """Return the output of a recurrent node, step after step, and the state behind the last one.

    Parameters
    ----------
    operator, node
        The operator, and the node.
    inputs : tuple of ndarray, shape (samples, \\*shape)
        A block of each input.
    read : callable
        ``read(matrix, step, vectors)``: what a matrix gives for the vectors of a step.
    state : ndarray, shape (samples, state_size), optional
        The state before the first step; zeros without it.
    """
    if state is None:
        state = np.zeros((len(inputs[0]), operator.state_size(node)), np.float32)
    states = []
    for step in range(operator.steps(node)):
        outputs = tuple(read(m, step, operator.vectors(node, m, step, inputs, state)) for m in node.matrices)
        state, _ = operator.advance(node, outputs, state)
        states.append(state)
    return operator.output(node, np.stack(states, axis=1)), state
