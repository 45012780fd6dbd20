"""What a stage computes of a recurrent layer between the reads of its time steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.engine.numerics.held import Held
from archsim.network.graph import Node
from archsim.network.operators import RecurrentOperator
from archsim.network.operators.shapes import check_array, wrong_gradients

__all__ = ["Recurrence", "RecurrentLayer"]


@dataclass(slots=True)
class Recurrence:
    """What is kept of a recurrent layer for a micro-batch; the axes of arrays are samples, time steps and elements.

    Attributes
    ----------
    states : ndarray
        The state before each step, and behind the last.
    kept : ndarray
        What the gradient of each step needs beside them.
    vectors, analog, errors, slopes, gradients : dict of str to ndarray
        Of each matrix, the vectors that met it, what it gave where scales are learned, what drives its transposed reads
        and updates, the gradients behind its scales, and those at its vectors where they hold elements of the input.
    at_hand : dict of str to ndarray, shape (samples, elements)
        The vectors, or errors, of the step at hand.
    d : ndarray, shape (samples, elements)
        The gradient at the state behind the step at hand.
    ended : bool
        Whether the forward has come to its end.
    """

    states: Array
    kept: Array
    d: Array
    vectors: dict[str, Array] = field(default_factory=dict)
    analog: dict[str, Array] = field(default_factory=dict)
    errors: dict[str, Array] = field(default_factory=dict)
    slopes: dict[str, Array] = field(default_factory=dict)
    gradients: dict[str, Array] = field(default_factory=dict)
    at_hand: dict[str, Array] = field(default_factory=dict)
    ended: bool = False


class RecurrentLayer:
    """Does the time steps of a recurrent layer.

    Parameters
    ----------
    node, operator, gradients
        The layer, its operator, and the one of its gradient rules.
    matrices : mapping of str to Held
        Its matrices.
    arithmetic : Arithmetic
        What adds gradients.
    """

    def __init__(
        self,
        node: Node,
        operator: RecurrentOperator,
        gradients: RecurrentOperator,
        matrices: Mapping[str, Held],
        arithmetic: Arithmetic,
    ) -> None:
        self._node = node
        self._operator = operator
        self._gradients = gradients
        self._matrices = dict(matrices)
        self._arithmetic = arithmetic
        self._steps = operator.steps(node)

    @property
    def carries(self) -> bool:
        """Whether samples begin where the ones before them in their streams ended."""
        return self._operator.carries(self._node)

    def begin(self, samples: int, state: Array | None) -> Recurrence:
        """Return the state of things before the first step: that of the layer, or zeros."""
        width, kept = self._operator.state_size(self._node), self._operator.kept_size(self._node)
        states = np.zeros((samples, self._steps + 1, width), np.float32)
        if state is not None:
            states[:, 0] = state
        return Recurrence(states, np.zeros((samples, self._steps, kept), np.float32), np.zeros_like(states[:, 0]))

    def vectors(self, found: Recurrence, held: Held, step: int, inputs: tuple[Array, ...]) -> Array:
        """Return what meets a matrix in a step of the forward, and keep it for the update."""
        name, made = held.matrix.name, found.at_hand.get(held.matrix.name)
        if made is None:
            made = self._operator.vectors(self._node, held.matrix, step, inputs, found.states[:, step])
            check_array(self._node, "vectors", made, (len(inputs[0]), held.matrix.inputs))
            found.at_hand[name] = made
            self._note(found.vectors, name, step, made)
        return made

    def advance(self, found: Recurrence, step: int, parts: dict[str, list[Array]]) -> Array | None:
        """Compute the state behind a step from what the parts of matrices gave; return the output after the last."""
        outputs = []
        for name, held in self._matrices.items():
            affine = held.holder.affine
            analog = held.holder.add_outputs(parts.pop(name))
            if affine.learn_scale:
                self._note(found.analog, name, step, analog)
            outputs.append(affine.forward(analog, affine.scale, affine.bias))
        before = found.states[:, step]
        state, kept = self._operator.advance(self._node, tuple(outputs), before)
        check_array(self._node, "advance", state, before.shape)
        check_array(self._node, "advance", kept, found.kept[:, step].shape)
        found.states[:, step + 1], found.kept[:, step] = state, kept
        found.at_hand = {}
        found.ended = step == self._steps - 1
        if not found.ended:
            return None
        output = self._operator.output(self._node, found.states[:, 1:])
        check_array(self._node, "output", output, (len(state), *self._node.shape))
        return output

    def prepare(self, found: Recurrence, step: int, gradient: Array, scales: Mapping[str, Array | None]) -> None:
        """Compute the errors of a step from the gradient at the layer's output and what came back to its state.

        `scales` are the digital ones behind each matrix.
        """
        if step == self._steps - 1:
            found.d = np.zeros_like(found.d)
        given = self._gradients.output_gradient(self._node, step, gradient)
        check_array(self._node, "output_gradient", given, found.d.shape)
        d = self._arithmetic.add(found.d, given)
        slopes, before = self._gradients.retreat(self._node, found.states[:, step], found.kept[:, step], d)
        check_array(self._node, "retreat", before, found.d.shape)
        found.d, found.at_hand = before, {}
        for (name, held), slope in zip(self._matrices.items(), slopes, strict=True):
            check_array(self._node, "retreat", slope, (len(d), held.matrix.outputs))
            errors = held.holder.affine.gradient(slope, scales[name])
            self._note(found.slopes, name, step, slope)
            self._note(found.errors, name, step, errors)
            found.at_hand[name] = errors

    def collect(self, found: Recurrence, step: int, parts: dict[str, list[Array]]) -> None:
        """Add what the transposed reads of a step gave to the gradients at the input, and at the state before it."""
        for name, held in self._matrices.items():
            if name not in parts:
                continue
            gradient = held.holder.add_inputs(parts.pop(name))
            drive = self._operator.drive(self._node, held.matrix)
            if drive.input:
                self._note(found.gradients, name, step, gradient)
            if drive.state and step:
                found.d = self._gradients.state_gradient(self._node, held.matrix, gradient, found.d)
                check_array(self._node, "state_gradient", found.d, (len(gradient), found.states.shape[2]))

    def input_gradients(self, found: Recurrence) -> tuple[Array, ...]:
        """Return the gradient at each input of the layer, when all steps are done."""
        gradients = tuple(found.gradients.pop(name, None) for name in self._matrices)
        returned = self._gradients.fold_gradient(self._node, gradients)
        if not isinstance(returned, tuple) or len(returned) != len(self._node.inputs):
            raise wrong_gradients(self._node, "fold_gradient", returned)
        return returned

    def parameter_gradients(self, found: Recurrence) -> dict[str, tuple[Array | None, Array | None]]:
        """Return the gradients of the scales and biases of each matrix, when the errors of all steps are prepared."""
        made = {}
        for name, held in self._matrices.items():
            slopes = _flat(found.slopes.pop(name))
            analog = _flat(found.analog.pop(name)) if name in found.analog else slopes
            made[name] = held.holder.affine.parameter_gradients(analog, slopes)
        return made

    def _note(self, where: dict[str, Array], name: str, step: int, block: Array) -> None:
        """Keep a block of a step among those of the others."""
        if name not in where:
            where[name] = np.zeros((len(block), self._steps, block.shape[1]), np.float32)
        where[name][:, step] = block


def _flat(blocks: Array) -> Array:
    """Return blocks of all steps as vectors: those of a sample follow each other."""
    return blocks.reshape(-1, blocks.shape[2])
