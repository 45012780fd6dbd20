"""Cells that change by pulses."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim._core import UPDATE_CELL, UPDATE_D, UPDATE_LATE, UPDATE_X, WRITE_CELL, WRITE_D, WRITE_X, kernels
from archsim.analog.blocks import FloatArray, NotFiniteError, ranges
from archsim.analog.devices.device_array import Site
from archsim.analog.devices.persistent import PersistentCells
from archsim.analog.devices.population import Population
from archsim.analog.observed import Counts
from archsim.analog.pulses import PulseTrains
from archsim.analog.specification import UpdateParameters

__all__ = ["Direction", "PulsedArray", "make_response"]

Direction = Literal["both", "up", "down-as-up"]

#: Coincidences (a fifth of a millisecond) from which a second thread is worth its while.
WORTH_SHARING = 100_000
#: Outputs whose cells share a series of random numbers: threads take whole ones.
BLOCK_COLUMNS = 64


def make_response(population: Population, update: UpdateParameters) -> kernels.Response:
    """Return the law of a pulse for the core, to which additive noise makes a family of its own."""
    family: str = population.family if population.multiplicative else "additive"
    piecewise = population.family == "piecewise"
    return kernels.Response(
        family,
        # Without noise there is no law that an aggregate could be close to.
        exact=update.pulse_by_pulse or (family != "constant" and not population.deviation),
        deviation=population.deviation,
        noise_add=population.noise_add,
        noise_slope=population.noise_slope,
        write_noise=population.write_noise,
        nodes_up=population.nodes_up if piecewise else None,
        nodes_down=population.nodes_down if piecewise else None,
    )


class PulsedArray(PersistentCells):
    """A population of cells, updated by coincidences of pulse trains.

    A coincidence whose values have a positive product is a down pulse, so that W <- W - learning_rate d x^T on average.

    Parameters
    ----------
    population : Population
        The cells.
    site : Site
        Where the array stands.
    """

    def __init__(self, population: Population, site: Site) -> None:
        super().__init__(site.outputs, site.inputs, population, site.identity, site.noise_seed)
        self._rules = site.update, site.transfer_update
        self._response = make_response(population, site.update)
        self._identity = site.identity
        self._seed = site.noise_seed
        self._workers = site.workers
        self._samples = site.samples
        self._parts = ranges(site.outputs, -(-site.outputs // (site.workers.threads * BLOCK_COLUMNS)) * BLOCK_COLUMNS)
        self.share_lines(site.identity, population.granularity)

    def share_lines(self, identity: int, granularity: float) -> None:
        """Take the pulse trains of an array of another identity, made for its granularity: they share their lines."""
        outputs, inputs = self.weights.shape
        stream = (granularity, identity, self._seed)
        self.trains = PulseTrains(outputs, inputs, self._rules[0], *stream, UPDATE_X, UPDATE_D, self._samples.updates)
        self.write_trains = PulseTrains(
            outputs, inputs, self._rules[1], *stream, WRITE_X, WRITE_D, self._samples.writes
        )

    def compiled(self, kind: Literal["updates", "writes"]) -> kernels.PulsedCells | None:
        """Return the cells for loops of the core that send them trains of a kind; None where there are no trains."""
        updates = kind == "updates"
        trains = self.trains if updates else self.write_trains
        if not self._rules[0 if updates else 1].sends_trains:
            return None
        return kernels.PulsedCells(
            trains.trains,
            trains.rules,
            self._response,
            self.persistent,
            None if self.persistent is self.weights else self.weights,
            self.population.cells,
            self._seed,
            self._identity,
            *(UPDATE_X if updates else WRITE_X, UPDATE_D if updates else WRITE_D),
            *(UPDATE_CELL if updates else WRITE_CELL, UPDATE_LATE),
        )

    def update(
        self,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        direction: Direction = "both",
    ) -> Counts:
        """Send the trains of a block of vectors, one vector after the other.

        Parameters
        ----------
        x : float32 [V, inputs]
            Inputs.
        d : float32 [V, outputs]
            Errors.
        learning_rate : float
            Negative values turn the sign.
        first_vector : int
            Index of the first vector in the run.
        direction : {"both", "up", "down-as-up"}
            Which pulses reach the cells: all, those that go up, or those that go down, as up pulses.
        """
        return self._send(self._rules[0], self.trains, UPDATE_CELL, x, d, learning_rate, first_vector, direction)

    def write(
        self,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        direction: Direction = "both",
    ) -> Counts:
        """Do as `update` does, with the pulse trains of transfers."""
        return self._send(self._rules[1], self.write_trains, WRITE_CELL, x, d, learning_rate, first_vector, direction)

    def update_until(
        self,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        lines: NDArray[np.int32],
        vectors: NDArray[np.int32],
    ) -> Counts:
        """Update, but the cells of some input lines only by as many of the first vectors; `update_rest` does the rest.

        Cells do not see each other, so each of these lines then holds what it holds after so many vectors of an update,
        and may be read. The others hold what they hold in the end. (Without pulses, nothing can be held back.)

        Parameters
        ----------
        x, d, learning_rate, first_vector
            As of `update`.
        lines, vectors : int32 [K]
            Input lines, each at most once, and after how many vectors of the block each stops.
        """
        return self._send(
            self._rules[0], self.trains, UPDATE_CELL, x, d, learning_rate, first_vector, "both", (lines, vectors)
        )

    def update_rest(self, first_vector: int) -> int:
        """Send what `update_until` has just held back; return the pulses."""
        if not self.trains.trains.let_go():
            return 0
        return self._apply(self.trains, UPDATE_LATE, first_vector, "both", 0)

    def pulse(self, rows: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Counts:
        """Send exact numbers of pulses to the cells of single input lines, one line after the other."""
        slots, _, coincidences = self.write_trains.take(rows, counts)
        pulses = self._apply(self.write_trains, WRITE_CELL, first_vector, "both", coincidences)
        return Counts(slots=slots, pulses=pulses)

    def _send(
        self,
        rules: UpdateParameters,
        trains: PulseTrains,
        purpose: int,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        first_vector: int,
        direction: Direction,
        stops: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None,
    ) -> Counts:
        if rules.pulse_type == "none-with-device":
            return self._descend(x, d, learning_rate)
        try:
            slots, _, _, coincidences = trains.draw(x, d, learning_rate, first_vector, self._workers)
        except ValueError as error:
            raise NotFiniteError("x, d or the learning rate of an update") from error
        if stops is not None:
            trains.trains.hold_back(*stops)
        pulses = self._apply(trains, purpose, first_vector, direction, coincidences)
        return Counts(slots=slots, pulses=pulses)

    def _apply(
        self, trains: PulseTrains, purpose: int, first_vector: int, direction: Direction, coincidences: int
    ) -> int:
        visible = None if self.persistent is self.weights else self.weights

        def part(begin: int, end: int) -> int:
            return kernels.apply_trains(
                trains.trains,
                self._response,
                self.persistent,
                visible,
                self.population.cells,
                direction,
                begin,
                end,
                self._seed,
                self._identity,
                purpose,
                first_vector,
            )

        if coincidences < WORTH_SHARING or len(self._parts) < 2:
            return part(0, len(self.weights))
        return sum(self._workers.map(part, self._parts))

    def _descend(self, x: FloatArray, d: FloatArray, learning_rate: float) -> Counts:
        """Make W <- W - learning_rate d x^T without pulses, then clip to each cell's bounds."""
        if not (math.isfinite(learning_rate) and kernels.all_finite(x) and kernels.all_finite(d)):
            raise NotFiniteError("x, d or the learning rate of an update")
        kernels.exact_update(self.persistent, x, d, learning_rate, 0, len(self.persistent))
        self.program(self.persistent)
        return Counts()
