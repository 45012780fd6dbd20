"""Cells that change by pulses."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim._core import UPDATE_CELL, UPDATE_D, UPDATE_X, WRITE_CELL, WRITE_D, WRITE_X, kernels
from archsim.analog.blocks import FloatArray, NotFiniteError, aligned_zeros, ranges
from archsim.analog.devices.held import HeldCells
from archsim.analog.devices.population import Population
from archsim.analog.devices.response import mean_step
from archsim.analog.observed import Update
from archsim.analog.pulses import PulseTrains
from archsim.analog.specification import UpdateParameters
from archsim.analog.threads import Workers

__all__ = ["Direction", "PulsedArray"]

Direction = Literal["both", "up", "down-as-up"]

#: Meetings of active lines below which a second thread costs more than it gives.
WORTH_SHARING = 100_000


class PulsedArray(HeldCells):
    """A population of cells, updated by coincidences of pulse trains.

    A coincidence whose values have a positive product is a down pulse, so that W <- W - learning_rate d x^T on average.
    """

    def __init__(
        self,
        outputs: int,
        inputs: int,
        population: Population,
        update: UpdateParameters,
        transfer_update: UpdateParameters,
        identity: int,
        noise_seed: int,
        workers: Workers,
    ) -> None:
        super().__init__(outputs, inputs, population, identity, noise_seed)
        self._rules = update, transfer_update
        stream = (population.granularity, identity, noise_seed)
        self._trains = PulseTrains(outputs, inputs, update, *stream, UPDATE_X, UPDATE_D)
        self._write_trains = PulseTrains(outputs, inputs, transfer_update, *stream, WRITE_X, WRITE_D)
        self._identity = identity
        self._seed = noise_seed
        self._workers = workers

    def share_lines(self, identity: int, granularity: float) -> None:
        """Take the pulse trains of an array of another identity, made for its granularity: they share their lines."""
        outputs, inputs = self.weights.shape
        stream = (granularity, identity, self._seed)
        self._trains = PulseTrains(outputs, inputs, self._rules[0], *stream, UPDATE_X, UPDATE_D)
        self._write_trains = PulseTrains(outputs, inputs, self._rules[1], *stream, WRITE_X, WRITE_D)

    def update(
        self,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        direction: Direction = "both",
    ) -> Update:
        """Send the trains of a block of vectors, one vector after the other."""
        return self._send(self._trains, UPDATE_CELL, x, d, learning_rate, first_vector, direction)

    def write(
        self,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        direction: Direction = "both",
    ) -> Update:
        """Do as `update` does, with the pulse trains of transfers."""
        return self._send(self._write_trains, WRITE_CELL, x, d, learning_rate, first_vector, direction)

    def pulse(self, columns: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Update:
        """Send exact numbers of pulses to the cells of single input lines, one line after the other."""
        trains = self._write_trains
        slots, rows, lines = trains.take(columns, counts)
        pulses = (
            self._apply(trains, WRITE_CELL, len(columns), 0, len(self.weights), first_vector, "both") if lines else 0
        )
        return Update(slots, pulses, rows, lines)

    def _send(
        self,
        trains: PulseTrains,
        purpose: int,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        direction: Direction,
    ) -> Update:
        try:
            slots, x_pulses, d_pulses, meetings = trains.draw(x, d, learning_rate, first_vector)
        except ValueError as error:
            raise NotFiniteError("x, d or the learning rate of an update") from error

        def part(begin: int, end: int) -> int:
            return self._apply(trains, purpose, len(x), begin, end, first_vector, direction)

        outputs = len(self.weights)
        if self._workers.threads > 1 and meetings >= WORTH_SHARING:
            pulses = sum(self._workers.map(part, ranges(outputs, -(-outputs // self._workers.threads))))
        else:
            pulses = part(0, outputs) if meetings else 0
        return Update(slots, pulses, x_pulses, d_pulses)

    def _apply(
        self,
        trains: PulseTrains,
        purpose: int,
        vectors: int,
        begin: int,
        end: int,
        first_vector: int,
        direction: Direction,
    ) -> int:
        population = self.population
        if (
            population.family != "affine"
            or direction != "both"
            or population.write_noise
            or not population.multiplicative
        ):
            return self._apply_slowly(trains, purpose, vectors, begin, end, first_vector, direction)
        # Adapter: the kernel's order of columns (up, slope_up, down, slope_down, w_min, w_max).
        cells = aligned_zeros(*population.cells.shape)
        cells[:, :6] = population.cells[:, [2, 4, 3, 5, 0, 1]]
        return kernels.apply_trains(
            self.weights,
            cells,
            population.deviation,
            population.multiplicative,
            trains.x_lines,
            trains.x_trains,
            trains.x_count,
            trains.d_lines,
            trains.d_trains,
            trains.d_count,
            vectors,
            begin,
            end,
            self._seed,
            self._identity,
            purpose,
            first_vector,
        )

    def _apply_slowly(
        self,
        trains: PulseTrains,
        purpose: int,
        vectors: int,
        begin: int,
        end: int,
        first_vector: int,
        direction: Direction,
    ) -> int:
        """Apply trains in NumPy, for what the kernel does not have."""
        outputs, inputs = self.weights.shape
        population, total = self.population, 0
        bits = np.arange(31, dtype=np.uint32)
        for v in range(vectors):
            x, d = np.zeros(inputs, np.uint32), np.zeros(outputs, np.uint32)
            x[trains.x_lines[v, : trains.x_count[v]]] = trains.x_trains[v, : trains.x_count[v]]
            d[trains.d_lines[v, : trains.d_count[v]]] = trains.d_trains[v, : trains.d_count[v]]
            d[:begin], d[end:] = 0, 0
            both = d[:, None] & x[None, :]
            counts = (both[..., None] >> bits & 1).sum(-1).reshape(-1)
            up = ((d[:, None] ^ x[None, :]) >> np.uint32(31)).reshape(-1) != 0
            if direction != "both":
                counts = np.where(up == (direction == "up"), counts, 0)
                up = np.ones_like(up)
            held = self.held.reshape(-1)
            for pulse in range(int(counts.max(initial=0))):
                w = held.astype(np.float64)
                dw = np.where(up, mean_step(population, w, True), mean_step(population, w, False))
                noise = np.empty((w.size, 4), np.float32)
                kernels.normals(noise, self._seed, self._identity, purpose, first_vector + v, 0, pulse, 0)
                std = population.deviation * (np.abs(dw) + population.noise_add + population.noise_slope * np.abs(w))
                if population.family == "affine" and not population.multiplicative:
                    std = np.where(up, population.cells[:, 6], population.cells[:, 7])
                new = np.clip(w + dw + std * noise[:, 0], population.cells[:, 0], population.cells[:, 1])
                held[:] = np.where(counts > pulse, new, w)
                if population.write_noise:
                    seen = (held + population.write_noise * noise[:, 1]).reshape(self.weights.shape)
                    self.weights[...] = np.where((counts > pulse).reshape(seen.shape), seen, self.weights)
            total += int(counts.sum())
        return total
