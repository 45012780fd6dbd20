"""One read chain of a crossbar: its converters, what was drawn for them, and what they remember."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.converters import draw_lines, make_converters, needs_lines, running_average
from archsim.analog.specification import IOParameters

__all__ = ["Chain"]


class Chain:
    """Converters of one kind of read.

    Parameters
    ----------
    io : IOParameters
        What the user says.
    dac_bits, adc_bits : int or None
        Resolutions of the converters.
    lines : int
        Output lines.
    identity : int
        Which crossbar of the run this is.
    seed : int
        Seed of all device populations.
    draw : int
        Which population of lines; see `archsim.analog.converters`.
    managed : bool
        Whether these reads may use bound management at all.
    """

    def __init__(
        self,
        io: IOParameters,
        dac_bits: int | None,
        adc_bits: int | None,
        lines: int,
        *,
        identity: int,
        seed: int,
        draw: int,
        managed: bool,
    ) -> None:
        self._io = io
        self._lines = draw_lines(io, lines if needs_lines(io) else 0, identity, seed, draw)
        self._average = np.zeros(1)
        self.converters = make_converters(io, dac_bits, adc_bits, self._lines)
        self.managed = managed and io.bound_management != "none"
        self.averages = io.noise_management == "average-abs-max" and not io.is_perfect

    def scales(self, block: FloatArray) -> NDArray[np.float64]:
        """Return what ``noise_management: average-abs-max`` divides each vector by: the average up to this vector."""
        return running_average(self._io, block, float(self._average[0]))

    def fixed_scales(self, block: FloatArray) -> NDArray[np.float64]:
        """Return the same for reads that must not change the average: that of all before, else the vector's own."""
        if self._average[0] > 0.0:
            return np.full(len(block), self._average[0])
        return running_average(self._io.model_copy(update={"nm_decay": 1.0}), block, 0.0)

    def remember(self, scales: NDArray[np.float64]) -> None:
        """Continue the average from the scales of a block that was read."""
        if len(scales):
            self._average[0] = scales[-1]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays themselves that hold what was drawn or changes."""
        arrays: dict[str, NDArray[Any]] = {"lines": self._lines} if self._lines.size else {}
        if self.averages:
            arrays["average"] = self._average
        return arrays
