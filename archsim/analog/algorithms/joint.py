"""Several crossbars that are read together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import FORWARD
from archsim.analog.blocks import FloatArray, restore_arrays
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Counts, Read
from archsim.errors import InputError

__all__ = ["JointArrays"]


class JointArrays:
    """Crossbars W_0 to W_{n-1} whose weighted sum, sum_i gamma^(n-1-i) W_i, is the matrix that reads see.

    The sum is done in analog, so there is one read of the summed matrix through the one chain of the last crossbar.
    With gamma = 0 only the last crossbar is read.

    Parameters
    ----------
    crossbars : sequence of Crossbar
        From the one that takes gradients to the one that holds the weights.
    gamma : float
        Weight of each crossbar relative to the next.
    """

    #: Reads pass the converters.
    exact_reads = False

    def __init__(self, crossbars: Sequence[Crossbar], gamma: float = 0.0) -> None:
        self._crossbars = tuple(crossbars)
        self._last = self._crossbars[-1]
        self._factors = [gamma ** (len(self._crossbars) - 1 - i) for i in range(len(self._crossbars) - 1)]
        self._joint = gamma != 0.0
        self._stale = True
        if self._joint:
            self._sum = np.zeros_like(self._last.weights)
            self._term = np.zeros_like(self._sum)

    @property
    def crossbars(self) -> tuple[Crossbar, ...]:
        """All crossbars, from the one that takes gradients to the one that holds the weights."""
        return self._crossbars

    @property
    def weights(self) -> FloatArray:
        """The matrix that a forward read sees; read-only, valid until the next change."""
        if not self._joint:
            return self._last.weights
        if self._stale:
            np.copyto(self._sum, self._last.weights)
            for index, factor in enumerate(self._factors):
                np.multiply(self._crossbars[index].weights, np.float32(factor), out=self._term)
                self._restore_signs(index, self._term)
                self._sum += self._term
            self._stale = False
        visible = self._sum.view()
        visible.flags.writeable = False
        return visible

    def set_output_scale(self, scale: FloatArray) -> None:
        """Learn of a mapping scale, which changes nothing where steps are in proportion to errors."""

    def program(self, weights: ArrayLike) -> None:
        """Write a matrix into the last crossbar, zeros into the others, and begin anew."""
        self._last.program(weights)
        for crossbar in self._crossbars[:-1]:
            crossbar.program(np.zeros_like(crossbar.weights))
        self._begin()
        self._stale = True

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Read x @ W.T; see `Crossbar.forward`."""
        seen = self.weights if weights is None and self._joint else weights
        return self._last.forward(x, first_vector, purpose=purpose, weights=seen)

    def backward(self, d: ArrayLike, first_vector: int, *, weights: FloatArray | None = None) -> Read:
        """Read d @ W; see `Crossbar.backward`."""
        seen = self.weights if weights is None and self._joint else weights
        return self._last.backward(d, first_vector, weights=seen)

    def end_mini_batch(self, index: int) -> Counts:
        """Let a mini-batch pass for the devices of all crossbars; see `Crossbar.end_mini_batch`."""
        self._stale = True
        work = self._crossbars[0].end_mini_batch(index)
        for crossbar in self._crossbars[1:]:
            work += crossbar.end_mini_batch(index)
        return work

    def saturated(self) -> float:
        """Return the fraction of cells at a bound, over all arrays."""
        return sum(crossbar.saturated() for crossbar in self._crossbars) / len(self._crossbars)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn or changes."""
        state = {name: array.copy() for name, array in self._digital().items()}
        for index, crossbar in enumerate(self._crossbars):
            state |= {f"{index}.{name}": array for name, array in crossbar.state().items()}
        return state

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal array.

        Raises
        ------
        InputError
            If names or shapes differ; nothing is changed then.
        """
        mine = self.state()
        if mine.keys() != state.keys() or any(mine[name].shape != state[name].shape for name in mine):
            raise InputError(
                "this state belongs to another algorithm or size",
                value={name: array.shape for name, array in state.items()},
                allowed=str({name: array.shape for name, array in mine.items()}),
            )
        digital = self._digital()
        restore_arrays(digital, {name: state[name] for name in digital})
        for index, crossbar in enumerate(self._crossbars):
            begin = f"{index}."
            crossbar.restore({k.removeprefix(begin): array for k, array in state.items() if k.startswith(begin)})
        self._stale = True

    def _digital(self) -> dict[str, NDArray[Any]]:
        """Return the arrays themselves that hold digital state; their names must not begin with a number."""
        return {}

    def _begin(self) -> None:
        """Set digital state to its beginning, after new weights were written."""
        for array in self._digital().values():
            array[...] = 0

    def _restore_signs(self, index: int, weights: FloatArray) -> None:
        """Turn back, in place, the signs under which the crossbar of an index accumulates."""
