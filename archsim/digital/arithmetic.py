"""The arithmetic of a near-memory unit: what is left of a number after each of its operations.

Everything digital that a network sees (sums of parts, scales and biases, operators, losses, gradients, their updates)
is computed by these operations. Choosing, ordering and moving numbers makes no new ones and needs none of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from archsim import plugins
from archsim.digital.arrays import Array, described, is_float32
from archsim.digital.products import stacked_product, vector_product
from archsim.digital.specification import ArithmeticSettings, Float32Settings
from archsim.digital.windows import Window, fold, fold_by
from archsim.errors import ArchsimError

__all__ = ["FLOAT32", "Arithmetic", "Float32", "make_arithmetic"]

Operand = Array | float | np.floating[Any]


class Arithmetic:
    """Operations that give what `number` leaves of the floating-point result.

    A kind of arithmetic says at least `number`. One whose intermediate results are finer than what it stores, such as
    a sum in a wide accumulator, says those operations, too. Kinds register as ``archsim.arithmetics``. Every operation
    gives float32, in which a simulation keeps all numbers, and the shape that NumPy's would give.

    An arithmetic computes what flows forward. A kind that has other numbers for errors and updates sets the attributes
    below to other arithmetics; where nothing is said they are the arithmetic itself.

    Parameters
    ----------
    settings : ArithmeticSettings
        What the user says about it: the kind's ``Settings``.

    Attributes
    ----------
    backward : Arithmetic
        Computes the loss, and the gradients that flow backward.
    update : Arithmetic
        Computes what prepares updates: gradients of scales, biases and other digital parameters.
    parameters : Arithmetic
        Computes the digital parameters that the unit holds.
    """

    Settings: ClassVar[type[ArithmeticSettings]]

    def __init__(self, settings: ArithmeticSettings) -> None:
        self.settings = settings
        self.backward: Arithmetic = self
        self.update: Arithmetic = self
        self.parameters: Arithmetic = self

    def seed(self, seed: int) -> None:
        """Take the seed of a run's noise; for kinds that round at random."""

    def begin(self, place: tuple[int, ...], first_sample: int, samples: int) -> None:
        """Take note of what this thread computes next; for kinds that round at random.

        Parameters
        ----------
        place : tuple of int
            Numbers that tell the place in the network and the rule from all others.
        first_sample, samples : int
            Index in the run of the first sample of the block, and how many there are.
        """

    def number(self, x: Array) -> Array:
        """Return what the unit holds of numbers that come from elsewhere: converters, buffers, the host."""
        raise NotImplementedError

    def add(self, x: Operand, y: Operand) -> Array:
        """Return x + y."""
        return self.number(np.add(x, y))

    def subtract(self, x: Operand, y: Operand) -> Array:
        """Return x - y."""
        return self.number(np.subtract(x, y))

    def multiply(self, x: Operand, y: Operand) -> Array:
        """Return x * y."""
        return self.number(np.multiply(x, y))

    def divide(self, x: Operand, y: Operand) -> Array:
        """Return x / y."""
        return self.number(np.divide(x, y))

    def total(self, x: Array, axis: int) -> Array:
        """Return the sum along an axis."""
        return self.number(np.add.reduce(x, axis=axis))

    def matmul(self, x: Array, y: Array) -> Array:
        """Return x @ y for stacks of matrices (..., n, k) and (..., k, m)."""
        return self.number(stacked_product(x, y))

    def product(self, x: Array, weights: Array) -> Array:
        """Return x @ weights.T, for vectors x [V, inputs] and a matrix of weights [outputs, inputs]."""
        return self.number(vector_product(x, weights))

    def outer_products(self, d: Array, x: Array) -> Array:
        """Return d.T @ x, the sum of the outer products of vectors d [V, outputs] and x [V, inputs]."""
        return self.number(vector_product(d.T, x.T))

    def mean(self, x: Array, axis: int) -> Array:
        """Return the mean along an axis: the sum in the unit's accumulator, divided once."""
        return self.number(np.add.reduce(x, axis=axis) / x.shape[axis])

    def function(self, f: np.ufunc, x: Array) -> Array:
        """Return a function of one argument that the unit looks up, such as `numpy.exp`."""
        return self.number(f(x))

    def affine(self, a: Array, scale: Array | None, offset: Array | None) -> Array:
        """Return scale * a + offset for one scale and one offset of each column, without those that are None."""
        y = a if scale is None else self.multiply(a, scale)
        return y if offset is None else self.add(y, offset)

    def fold(self, window: Window, parts: Array, height: int, width: int) -> Array:
        """Return the images to whose elements the positions of a window add what they give; see `fold_by`."""
        return fold_by(self.add, window, parts, height, width)


class Float32(Arithmetic):
    """IEEE 754 single precision: the precision of the numbers given, which a simulation keeps in 32 bits."""

    Settings = Float32Settings

    # NumPy's own operations: nothing is left to do to their results, and a call less counts where blocks are small.
    add: ClassVar[Any] = np.add
    subtract: ClassVar[Any] = np.subtract
    multiply: ClassVar[Any] = np.multiply
    divide: ClassVar[Any] = np.divide
    total: ClassVar[Any] = np.add.reduce

    def number(self, x: Array) -> Array:
        """Return the numbers as they are."""
        return x

    def fold(self, window: Window, parts: Array, height: int, width: int) -> Array:
        """Return the images in one go, with the same terms in the same order."""
        return fold(window, parts, height, width)


#: What computes where nothing else is said.
FLOAT32 = Float32(Float32Settings())


def make_arithmetic(settings: ArithmeticSettings, seed: int = 0) -> Arithmetic:
    """Return the arithmetic of the kind that settings name; `seed` is that of a run's noise."""
    kind = plugins.load("archsim.arithmetics", settings.kind)
    tried: Arithmetic = plugins.checked(kind(settings), Arithmetic, "archsim.arithmetics", settings.kind)
    for arithmetic in dict.fromkeys((tried, tried.backward, tried.update, tried.parameters)):
        _try(arithmetic, settings.kind)
    made: Arithmetic = kind(settings)
    made.seed(seed)
    return made


def _try(arithmetic: Arithmetic, kind: str) -> None:
    """Refuse an arithmetic whose results are no float32 numbers of the shape of its operands.

    Once before a run, instead of after each of its operations; on an object of its own, which is not used again.
    """
    x = np.array([[0.25, 0.5], [0.75, 1.0]], np.float32)
    found: dict[str, tuple[Any, tuple[int, ...]]] = {
        "number": (arithmetic.number(x.copy()), x.shape),
        "add": (arithmetic.add(x, x[0]), x.shape),
        "subtract": (arithmetic.subtract(x, x[0]), x.shape),
        "multiply": (arithmetic.multiply(x, np.float32(0.5)), x.shape),
        "divide": (arithmetic.divide(x, x[1]), x.shape),
        "total": (arithmetic.total(x, 0), x[0].shape),
        "matmul": (arithmetic.matmul(x, x), x.shape),
        "product": (arithmetic.product(x, x), x.shape),
        "outer_products": (arithmetic.outer_products(x, x), x.shape),
        "mean": (arithmetic.mean(x, 0), x[0].shape),
        "function": (arithmetic.function(np.exp, x), x.shape),
        "affine": (arithmetic.affine(x, x[0], x[1]), x.shape),
    }
    for operation, (result, shape) in found.items():
        if not is_float32(result, shape):
            raise ArchsimError(
                f"'{operation}' of the arithmetic '{kind}' gave {described(result)}, "
                f"and an array of float32 of the shape {list(shape)} is needed"
            )
