"""How far the weights that a backward meets are from those that its forward met: measured, never injected."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arrays import Array
from archsim.engine.numerics.stash import Stash
from archsim.engine.program import StageProgram
from archsim.engine.steps import MatrixStep
from archsim.network.stationary import StationaryMatrix

__all__ = ["Discrepancies", "DiscrepancySeries", "effective_weights"]

#: Points of a series that are kept; from there on every second one is, then every fourth, and so on.
_MOST_POINTS = 4096


def effective_weights(
    weights: NDArray[np.float32], scale: Array | None, outputs: tuple[int, int]
) -> NDArray[np.float64]:
    """Return what a part of a matrix multiplies with: its weights times the digital scales behind them.

    Parameters
    ----------
    weights : float32 [outputs, inputs]
        Those of the part.
    scale : array [outputs of the matrix], optional
        The digital scales of the whole matrix; 1 without.
    outputs : tuple of int
        The outputs of the matrix that the part has, from, to.
    """
    found = weights.astype(np.float64)
    return found if scale is None else found * np.asarray(scale, np.float64)[slice(*outputs), None]


class DiscrepancySeries:
    """What was measured of one matrix.

    Attributes
    ----------
    points : list of (int, float, float)
        Micro-batch, norm of the difference, the same divided by the norm of what the forward met (NaN where that is
        0); thinned out where they are many.
    measured, compared : int
        How often it was measured, and how often there was something to divide by.
    total, most, relative_total, relative_most : float
        Sums and largest values, over all that was measured.
    """

    __slots__ = (
        "_stride",
        "compared",
        "measured",
        "most",
        "points",
        "relative_most",
        "relative_total",
        "total",
    )

    def __init__(self) -> None:
        self.points: list[tuple[int, float, float]] = []
        self.measured = self.compared = 0
        self.total = self.most = self.relative_total = self.relative_most = 0.0
        self._stride = 1

    def add(self, micro_batch: int, difference: float, norm: float) -> None:
        """Note a measurement: two Frobenius norms."""
        relative = difference / norm if norm else math.nan
        self.total += difference
        self.most = max(self.most, difference)
        if norm:
            self.compared += 1
            self.relative_total += relative
            self.relative_most = max(self.relative_most, relative)
        if self.measured % self._stride == 0:
            self.points.append((micro_batch, difference, relative))
        self.measured += 1
        if len(self.points) > _MOST_POINTS:
            del self.points[1::2]
            self._stride *= 2

    def summary(self) -> dict[str, float]:
        """Return means and largest values, by the metric that has them by layer."""
        found = {}
        if self.measured:
            found["weight_discrepancy"] = self.total / self.measured
            found["weight_discrepancy_max"] = self.most
        if self.compared:
            found["relative_weight_discrepancy"] = self.relative_total / self.compared
            found["relative_weight_discrepancy_max"] = self.relative_most
        return found


class Discrepancies:
    """Measures ||W_B - W_F|| of every matrix that is read transposed, for some micro-batches.

    W_F are the effective weights that the forward of a micro-batch met, W_B those that its backward meets, at the
    moments at which their reads are granted. Nothing is changed by it, and no random number drawn.

    Parameters
    ----------
    every : int
        It is measured for every so many micro-batches, from the first.
    matrices : iterable of str
        The matrices that are read transposed.
    """

    __slots__ = ("_every", "_found", "_met", "series")

    def __init__(self, every: int, matrices: Iterable[str]) -> None:
        self._every = every
        self.series = {name: DiscrepancySeries() for name in matrices}
        #: What the forward of a micro-batch met, by micro-batch, matrix and part.
        self._met: dict[tuple[int, str, int], NDArray[np.float64]] = {}
        #: Squares of both norms of the parts of a matrix that its backward has met so far.
        self._found: dict[tuple[int, str], dict[int, tuple[float, float]]] = {}

    @classmethod
    def wanted(cls, every: int | None, programs: Iterable[StageProgram]) -> Discrepancies | None:
        """Return what measures all matrices that stages read transposed, in their order; None where nobody asks."""
        if every is None:
            return None
        steps = [step for program in programs for step in program.matrix_steps]
        transposed = {step.matrix for step in steps if step.phase == "B"}
        return cls(every, dict.fromkeys(step.matrix for step in steps if step.matrix in transposed))

    def measures(self, micro_batch: int, matrix: str) -> bool:
        """Return whether something is measured of a matrix with a micro-batch."""
        return micro_batch % self._every == 0 and matrix in self.series

    def read(
        self, step: MatrixStep, part: int, micro_batch: int, holder: StationaryMatrix, stash: Stash | None
    ) -> None:
        """Note which weights a read of a part has met at this moment; with copies, a backward meets those."""
        if not self.measures(micro_batch, step.matrix):
            return
        parts = step.placement.blocks
        copied = None if stash is None or step.phase == "F" else stash
        weights = holder.part_weights(part) if copied is None else copied.weights[step.matrix, part]
        scale = holder.affine.scale if copied is None else copied.scales[step.matrix]
        met = effective_weights(weights, scale, parts[part].outputs)
        if step.phase == "F":
            self.forward(micro_batch, step.matrix, part, met)
        else:
            self.backward(micro_batch, step.matrix, part, len(parts), met)

    def forward(self, micro_batch: int, matrix: str, part: int, weights: NDArray[np.float64]) -> None:
        """Note what a forward read of a part meets; of the reads of many time steps, the first."""
        self._met.setdefault((micro_batch, matrix, part), weights)

    def backward(self, micro_batch: int, matrix: str, part: int, parts: int, weights: NDArray[np.float64]) -> None:
        """Compare what the first transposed read of a part meets; with the last part, the norm of all is known."""
        met = self._met.pop((micro_batch, matrix, part), None)
        if met is None:
            return
        found = self._found.setdefault((micro_batch, matrix), {})
        found[part] = float(np.square(weights - met).sum()), float(np.square(met).sum())
        if len(found) < parts:
            return
        del self._found[micro_batch, matrix]
        squares = [found[index] for index in range(parts)]  # In one order, whichever part was read first.
        difference, norm = (math.sqrt(math.fsum(column)) for column in zip(*squares, strict=True))
        self.series[matrix].add(micro_batch, difference, norm)
