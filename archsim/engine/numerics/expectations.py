"""What the reads and updates of each matrix take on average, for runs without numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from archsim.analog.algorithms import TileOutline, kind_of
from archsim.analog.algorithms.expectations import exact_fraction
from archsim.analog.observed import ExpectedUpdate
from archsim.chip.specification import Chip
from archsim.mapping.load import MatrixRates
from archsim.mapping.plan import Placement, Plan
from archsim.network.graph import Graph, Matrix
from archsim.network.specification import MatrixLayer
from archsim.specification import Specification

__all__ = ["Expectations", "ExpectedReads", "expectations_of", "expected_reads"]


@dataclass(frozen=True, slots=True)
class ExpectedReads:
    """Reads of an array for each vector.

    Attributes
    ----------
    forward : Fraction
        How often bound management reads a forward vector.
    forward_passes, backward_passes : int
        Reads of the array for each of them, and for each transposed product.
    """

    forward: Fraction = Fraction(1)
    forward_passes: int = 1
    backward_passes: int = 1


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a network takes.

    Attributes
    ----------
    reads : dict of str to ExpectedReads
        By matrix.
    updates : dict of str to tuple of ExpectedUpdate
        By matrix, for each of its parts; nothing of what the digital unit holds, whose steps tell what they take.
    """

    reads: dict[str, ExpectedReads]
    updates: dict[str, tuple[ExpectedUpdate, ...]]


def expectations_of(graph: Graph, chip: Chip, plan: Plan, algorithm: Specification, mini_batch: int) -> Expectations:
    """Return what reads and updates of each matrix take on average.

    Parameters
    ----------
    graph, chip, plan
        What is computed, on what, and where.
    algorithm : Specification
        Settings of the training algorithm of layers that name none.
    mini_batch : int
        Samples of a mini-batch.
    """
    placements = {placement.matrix: placement for stage in plan.stages for placement in stage.placements}
    return Expectations(
        {m.name: _reads(m, chip, algorithm) for m in graph.matrices},
        {m.name: _updates(m, placements[m.name], chip, algorithm, mini_batch) for m in graph.matrices},
    )


def matrix_rates(graph: Graph, chip: Chip, algorithm: Specification, mini_batch: int) -> dict[str, MatrixRates]:
    """Return what reads and updates of each matrix take for each vector, uncut: what stages are balanced by."""
    rates = {}
    for matrix in graph.matrices:
        reads = _reads(matrix, chip, algorithm)
        update = _update(matrix, matrix.size, chip, algorithm, mini_batch)
        rates[matrix.name] = MatrixRates(
            float(reads.forward * reads.forward_passes),
            reads.backward_passes,
            update.outer_products,
            float(update.slots),
        )
    return rates


def expected_reads(chip: Chip, algorithm: Specification) -> ExpectedReads:
    """Return the reads of an array that an algorithm trains on a chip."""
    if getattr(kind_of(algorithm), "exact_reads", False):
        return ExpectedReads()
    backward = chip.backward_io or chip.io
    return ExpectedReads(exact_fraction(chip.io.expected_reads), chip.io.passes, backward.passes)


def _reads(matrix: Matrix, chip: Chip, algorithm: Specification) -> ExpectedReads:
    """Return the reads of a matrix; a digital unit computes each product once."""
    return ExpectedReads() if matrix.digital else expected_reads(chip, matrix.settings.algorithm or algorithm)


def _updates(
    matrix: Matrix, placement: Placement, chip: Chip, algorithm: Specification, mini_batch: int
) -> tuple[ExpectedUpdate, ...]:
    return tuple(_update(matrix, (part.rows, part.columns), chip, algorithm, mini_batch) for part in placement.blocks)


def _update(
    matrix: Matrix, size: tuple[int, int], chip: Chip, algorithm: Specification, mini_batch: int
) -> ExpectedUpdate:
    """Return what an update of a part of (inputs, outputs) of a matrix takes."""
    if matrix.digital:
        return ExpectedUpdate()
    settings, device = matrix.settings.algorithm or algorithm, matrix.settings.device or chip.device
    inputs, outputs = size
    tile = TileOutline(outputs, inputs, mini_batch * matrix.vectors, device, chip.update, chip.io)
    update = kind_of(settings).expected(settings, tile)
    if not _learns_input_range(matrix.settings):
        return update
    # The digital unit looks at each input to learn their range.
    return replace(update, digital_operations=update.digital_operations + inputs)


def _learns_input_range(layer: MatrixLayer) -> bool:
    scaling = layer.scaling
    return scaling is not None and scaling.input_range is not None and scaling.input_range.learn_input_range
