"""The digital correction behind a crossbar: one scale and one bias per output."""

from __future__ import annotations

from archsim.delays import ON_TIME, Late
from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.descent import PLAIN, DescentRule, TrainedNumbers

__all__ = ["Affine"]


class Affine:
    """y = scale * a + bias, both optional, trained by gradient descent.

    A crossbar holds A, the layer's matrix is W = diag(scale) A. A scale is the product m alpha of a fixed mapping scale
    m, by which initial weights were divided, and of alpha, which starts at 1 and may be trained (aihwkit's
    ``weight_scaling_omega`` and ``learn_out_scaling``). The mapping scale only says in which unit the crossbar holds
    weights: gradient descent is that of m A and alpha, so with the gradient d at y and the crossbar's output a,

        A <- A - lr (alpha d / m) x^T,   alpha <- alpha - lr m sum(a d).

    (aihwkit divides errors by its mapping scales before an update, too.)

    Parameters
    ----------
    scale : ndarray of float32, shape (n,), optional
        Output scales at their start.
    bias : ndarray of float32, shape (n,), optional
        Biases.
    learn_scale : bool
        Whether gradient descent also trains the scales.
    arithmetic : Arithmetic
        What computes.
    rule : DescentRule
        How scales and biases descend.

    Attributes
    ----------
    mapping : ndarray of float32, shape (n,), or None
        The mapping scale m of each output; None for 1.
    """

    def __init__(
        self,
        scale: Array | None,
        bias: Array | None,
        *,
        learn_scale: bool,
        arithmetic: Arithmetic = FLOAT32,
        rule: DescentRule = PLAIN,
    ) -> None:
        self.arithmetic = arithmetic
        self.learn_scale = learn_scale
        self._rule = rule
        self.begin(scale, bias)
        self.mapping: Array | None = None

    def begin(self, scale: Array | None, bias: Array | None) -> None:
        """Begin with other scales and biases."""
        given = {"scale": scale, "bias": bias}
        self._held = {
            name: TrainedNumbers(values, self.arithmetic, self._rule)
            for name, values in given.items()
            if values is not None
        }

    @property
    def scale(self) -> Array | None:
        """The scale of each output; None for 1."""
        held = self._held.get("scale")
        return None if held is None else held.values

    @property
    def bias(self) -> Array | None:
        """The bias of each output; None for 0."""
        held = self._held.get("bias")
        return None if held is None else held.values

    def map_weights(self, scale: Array) -> None:
        """Begin with a mapping scale, by which the weights on the crossbar are divided."""
        self.begin(scale, self.bias)
        self.mapping = self.scale

    def forward(self, a: Array, scale: Array | None, bias: Array | None) -> Array:
        """Apply given scales and biases (its own, or those of a snapshot) to a block of shape (V, n)."""
        return self.arithmetic.affine(a, scale, bias)

    def gradient(self, d: Array, scale: Array | None) -> Array:
        """Return the gradient at the crossbar's output from the gradient `d` at one with given scales."""
        return self.arithmetic.backward.affine(d, scale, None)

    def crossbar_errors(self, errors: Array, outputs: slice) -> Array:
        """Return what drives the update of a crossbar, from what `gradient` gave for a range of the outputs."""
        if self.mapping is None:
            return errors
        mapping = self.mapping[outputs]
        # Twice instead of by the square, which may be too small or too large for float32.
        return self.arithmetic.update.divide(self.arithmetic.update.divide(errors, mapping), mapping)

    def parameter_gradients(self, a: Array, d: Array) -> tuple[Array | None, Array | None]:
        """Return the gradients of alpha and bias, summed over a block; that of alpha times m, as the scale changes."""
        unit = self.arithmetic.update
        scale = unit.total(unit.multiply(a, d), axis=0) if self.learn_scale else None
        if scale is not None and self.mapping is not None:
            scale = unit.multiply(unit.multiply(scale, self.mapping), self.mapping)
        return scale, None if self.bias is None else unit.total(d, axis=0)

    def update(self, gradients: tuple[Array | None, Array | None], learning_rate: float) -> None:
        """Descend by the gradients of a micro-batch."""
        for name, gradient in zip(("scale", "bias"), gradients, strict=True):
            if gradient is not None and name in self._held:
                self._held[name].descend(gradient, learning_rate)

    def end_mini_batch(self, learning_rate: float, late: Late = ON_TIME) -> None:
        """Take the steps that wait for the end of a mini-batch, as late as it is."""
        for held in self._held.values():
            held.end_mini_batch(learning_rate, late)

    def state(self) -> dict[str, dict[str, Array]]:
        """Return everything that changes."""
        return {name: held.state() for name, held in self._held.items()}

    def restore(self, state: dict[str, dict[str, Array]]) -> None:
        """Continue from a `state` of equal scales and biases."""
        for name, held in self._held.items():
            held.restore(state[name])
