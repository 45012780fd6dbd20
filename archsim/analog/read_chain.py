"""One read chain of a crossbar: its converters, what was drawn for them, and what they remember."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim._core import EVALUATE, kernels
from archsim.analog.blocks import BLOCK_VECTORS, FloatArray, NotFiniteError, ranges
from archsim.analog.converters import (
    FORWARD_LINES,
    TRANSPOSED_LINES,
    draw_lines,
    make_converters,
    needs_lines,
    output_codes,
    resolution,
    running_average,
)
from archsim.analog.observed import Read
from archsim.analog.periphery import Streams
from archsim.analog.samples import ReadCounts, sampled
from archsim.analog.specification import IOParameters
from archsim.analog.threads import Workers

__all__ = ["ReadChain", "perfect_read_chain"]

#: Products of weights and inputs (a quarter of a millisecond) from which threads share a read.
SHARED_PRODUCTS = 2**23


class ReadChain:
    """Converters of one kind of read.

    Parameters
    ----------
    io : IOParameters
        What the user says.
    bits : tuple of (int or None)
        Resolutions of the input and of the output converters.
    lines : int
        Output lines.
    streams : Streams
        Its crossbar's random numbers.
    transposed : bool
        Whether vectors enter at the outputs of the matrix.
    managed : bool
        Whether these reads may use bound management at all.
    workers : Workers
        Threads that may share a large read.
    """

    def __init__(
        self,
        io: IOParameters,
        bits: tuple[int | None, int | None],
        lines: int,
        streams: Streams,
        *,
        transposed: bool,
        managed: bool,
        workers: Workers,
    ) -> None:
        self._io = io
        draw = TRANSPOSED_LINES if transposed else FORWARD_LINES
        self._lines = draw_lines(io, lines if needs_lines(io) else 0, streams.identity, streams.device_seed, draw)
        self._average = np.zeros(1)
        self._averages = io.noise_management == "average-abs-max" and not io.is_perfect
        self._converters = make_converters(io, *bits, self._lines)
        self._outputs = lines
        self._identity = streams.identity
        self._seed = streams.noise_seed
        self._transposed = transposed
        self._managed = managed and io.bound_management != "none"
        self._workers = workers
        self._step = resolution(io.out_bound, bits[1])
        #: A sample of what the ADCs gave, evaluations left out.
        self.samples = ReadCounts()

    def read(self, matrix: FloatArray, block: FloatArray, purpose: int, first_vector: int) -> Read:
        """Read a block.

        Parameters
        ----------
        matrix : float32 [outputs, inputs]
            Weights.
        block : float32 [V, lines]
            Vectors.
        purpose : int
            What the random numbers are for; see `archsim._core.purposes`.
        first_vector : int
            Index of the first vector in the run.

        Raises
        ------
        NotFiniteError
            If a number of the block is NaN or infinite.
        """
        values = np.empty((len(block), self._outputs), np.float32)
        try:
            if self._averages:
                reads = self._averaged(matrix, block, values, purpose, first_vector)
            elif len(block) * matrix.size < SHARED_PRODUCTS:
                reads = kernels.read(
                    self._converters,
                    matrix,
                    block,
                    values,
                    self._transposed,
                    self._managed,
                    self._seed,
                    self._identity,
                    purpose,
                    first_vector,
                )
            else:
                reads = self._shared(matrix, block, values, purpose, first_vector, None)
        except ValueError as error:
            raise NotFiniteError("d" if self._transposed else "x") from error
        if purpose != EVALUATE and (some := sampled(first_vector, len(block))) is not None:
            self.count(block[some], values[some])
        return Read(values, reads)

    @property
    def compiled(self) -> kernels.Converters | None:
        """The converters for loops of the core that read; None where scales depend on earlier vectors."""
        return None if self._averages else self._converters

    def count(self, block: FloatArray, values: FloatArray) -> None:
        """Count what the ADCs gave in vectors that belong to the sample; see `archsim.analog.samples`."""
        codes = output_codes(self._io, self._lines, block, values)
        if codes is not None and codes.size:
            self.samples.note(codes, self._io.out_bound, self._step)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays themselves that hold what was drawn or changes."""
        arrays: dict[str, NDArray[Any]] = {"lines": self._lines} if self._lines.size else {}
        if self._averages:
            arrays["average"] = self._average
        return arrays

    def _averaged(
        self, matrix: FloatArray, block: FloatArray, values: FloatArray, purpose: int, first_vector: int
    ) -> int:
        """Read with scales that depend on earlier vectors; an evaluation takes the last one and changes nothing."""
        average = float(self._average[0])
        if purpose == EVALUATE and average > 0.0:
            return self._shared(matrix, block, values, purpose, first_vector, np.full(len(block), average))
        scales = running_average(self._io, block, average)
        reads = self._shared(matrix, block, values, purpose, first_vector, scales)
        if purpose != EVALUATE and len(block):
            self._average[0] = scales[-1]
        return reads

    def _shared(
        self,
        matrix: FloatArray,
        block: FloatArray,
        values: FloatArray,
        purpose: int,
        first_vector: int,
        scales: NDArray[np.float64] | None,
    ) -> int:
        """Read a block in parts that threads share."""

        def part(begin: int, end: int) -> int:
            return kernels.read(
                self._converters,
                matrix,
                block[begin:end],
                values[begin:end],
                self._transposed,
                self._managed,
                self._seed,
                self._identity,
                purpose,
                first_vector + begin,
                None if scales is None else scales[begin:end],
            )

        size = min(BLOCK_VECTORS, max(1, -(-len(block) // self._workers.threads)))
        return sum(self._workers.map(part, ranges(len(block), size)))


def perfect_read_chain(lines: int, workers: Workers) -> ReadChain:
    """Return a chain of exact forward reads."""
    return ReadChain(
        IOParameters(is_perfect=True),
        (None, None),
        lines,
        Streams(device_seed=0, noise_seed=0),
        transposed=False,
        managed=False,
        workers=workers,
    )
