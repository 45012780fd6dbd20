"""A programmed array: conductances that drift, read through the converters of a crossbar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import COMPENSATE, DRIFT, EVALUATE, READ_NOISE, kernels
from archsim.analog.blocks import FloatArray, NotFiniteError, as_matrix, restore_arrays
from archsim.analog.inference.compensation import magnitude_factor, projection_factor
from archsim.analog.inference.draws import Array, Draws
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.noise import make_noise
from archsim.analog.inference.programming import ProgramReport, program_conductances
from archsim.analog.observed import Read
from archsim.analog.specification.inference import (
    ConductanceNoise,
    DriftCompensation,
    PCMLike,
    Programming,
    ReRAMWan2022,
    Statistical,
)
from archsim.errors import InputError

__all__ = ["InferenceArray", "InferenceSnapshot", "Reader"]

GLOBAL_COMPENSATION = DriftCompensation()


class Reader(Protocol):
    """A read chain that can be given the weights to read: a `Crossbar`."""

    def forward(self, x: ArrayLike, first_vector: int, *, purpose: int, weights: FloatArray | None = None) -> Read:
        """Read x @ W.T; see `Crossbar.forward`."""


@dataclass(frozen=True, slots=True)
class InferenceSnapshot:
    """The state of an array at a time, as one evaluation sees it.

    Attributes
    ----------
    weights : float32 [outputs, inputs]
        What the read chain sees.
    gains : float32 [outputs]
        Digital factors behind it: scale of each output times drift compensation.
    compensation : float
        The latter alone.
    """

    weights: FloatArray
    gains: FloatArray
    compensation: float


class InferenceArray:
    """Pairs of programmed conductances behind the converters of a crossbar.

    Parameters
    ----------
    reader : Reader
        The crossbar whose converters are used; its own weights are not.
    outputs, inputs : int
        Shape of the matrix.
    noise : ConductanceNoise
        What the devices do.
    programming : Programming
        How they are written.
    compensation : DriftCompensation or None
        Whether and how drift is made up for; by default by the global factor, None for not at all.
    seed, identity : int
        Seed of the noise, and which array of the run this is.
    readout_inputs : float32 [n, inputs], optional
        Inputs of the read-out that compensation compares; one-hot vectors by default.
    """

    def __init__(
        self,
        reader: Reader,
        outputs: int,
        inputs: int,
        noise: ConductanceNoise | None = None,
        programming: Programming | None = None,
        compensation: DriftCompensation | None = GLOBAL_COMPENSATION,
        *,
        seed: int,
        identity: int,
        readout_inputs: FloatArray | None = None,
    ) -> None:
        self.outputs = outputs
        self.inputs = inputs
        self.specification = noise or PCMLike()
        self._reader = reader
        self._noise = make_noise(self.specification)
        self._programming = programming or Statistical()
        if isinstance(self.specification, ReRAMWan2022) and not isinstance(self._programming, Statistical):
            raise InputError(
                "the deviations of 'reram-wan2022' contain the errors of programming, so no other way has an effect",
                field="programming",
                value=self._programming.kind,
                allowed="statistical",
            )
        self._compensation = compensation or DriftCompensation(kind="none")
        self._draws = Draws(outputs, inputs, seed=seed, identity=identity)
        self._readout_inputs = np.eye(inputs, dtype=np.float32) if readout_inputs is None else readout_inputs
        self._targets = np.zeros((2, outputs, inputs))
        self._conductances = np.zeros((2, outputs, inputs))
        self._exponents = np.zeros((2, outputs, inputs))
        self._ranges = np.ones(outputs)
        # Weight at full conductance in the chain, input range (0: none).
        self._scalars = np.array([1.0, 0.0])
        # Two read-outs after programming.
        self._readouts = np.zeros((2, len(self._readout_inputs), outputs), np.float32)
        self._programmings = np.zeros(1, np.int64)

    @property
    def mapping(self) -> PairMapping:
        """How weights are mapped to conductances."""
        return PairMapping(self.specification.g_min, self.specification.g_max, self._ranges, float(self._scalars[0]))

    @property
    def input_range(self) -> float | None:
        """Magnitude to which inputs are clipped, the DAC's bound; None leaves inputs to the noise management."""
        return float(self._scalars[1]) or None

    @input_range.setter
    def input_range(self, value: float | None) -> None:
        if value is not None and not (value > 0 and np.isfinite(value)):
            raise InputError("an input range must be finite and above 0", value=value)
        self._scalars[1] = value or 0.0

    def program(self, weights: ArrayLike, mapping: PairMapping | None = None) -> ProgramReport:
        """Write a matrix, with new programming errors and drift exponents.

        Parameters
        ----------
        weights : float32 [outputs, inputs]
            What to write.
        mapping : PairMapping, optional
            How; by default the largest |weight| of the matrix gets full conductance.

        Raises
        ------
        InputError
            If a shape does not fit, a weight is not finite, or the mapping is made for other conductances.
        """
        matrix = as_matrix(weights, self.outputs, self.inputs)
        if not kernels.all_finite(matrix):
            raise NotFiniteError("weights")
        g_min, g_max = self.specification.g_min, self.specification.g_max
        mapping = mapping or PairMapping.common(matrix, g_min, g_max)
        if (mapping.g_min, mapping.g_max, len(mapping.ranges)) != (g_min, g_max, self.outputs):
            raise InputError(
                "the mapping belongs to other devices",
                value=(mapping.g_min, mapping.g_max, len(mapping.ranges)),
                allowed=f"g_min = {g_min}, g_max = {g_max}, {self.outputs} ranges",
            )
        event = int(self._programmings[0])
        targets = mapping.targets(matrix)
        programmed, report = program_conductances(targets, self._programming, self._noise, g_max, self._draws, event)
        self._targets[...] = targets
        self._conductances[...] = programmed
        self._exponents[...] = self._noise.exponents(targets, self._draws.pairs(DRIFT, event))
        self._ranges[...] = mapping.ranges
        self._scalars[0] = mapping.full
        if self._compensation.kind == "global":
            written = mapping.chain_weights(programmed)
            self._readouts[...] = self._readout(written, 0), self._readout(written, 1)
        self._programmings += 1
        return report

    def conductances(self, time_s: float, evaluation: int) -> Array:
        """Return the conductances that a read sees, in uS, float64 [2, outputs, inputs].

        Parameters
        ----------
        time_s : float
            Seconds after programming.
        evaluation : int
            Number of the evaluation: each has its own read noise.
        """
        xi = self._draws.pairs(READ_NOISE, evaluation)
        return self._noise.conductances(self._targets, self._conductances, self._exponents, time_s, xi)

    def snapshot(self, time_s: float, evaluation: int) -> InferenceSnapshot:
        """Return the array at a time, for `forward`; parameters are those of `conductances`."""
        mapping = self.mapping
        weights = mapping.chain_weights(self.conductances(time_s, evaluation))
        factor = 1.0
        if self._compensation.kind == "global":
            factor = self._factor(self._readout(weights, evaluation + 2))
        return InferenceSnapshot(weights, mapping.gains * np.float32(factor), factor)

    def weights(self, time_s: float, evaluation: int) -> FloatArray:
        """Return the matrix that the array stands for at a time, scales and compensation included."""
        snapshot = self.snapshot(time_s, evaluation)
        return snapshot.weights * snapshot.gains[:, None]

    def forward(self, x: ArrayLike, first_vector: int, snapshot: InferenceSnapshot) -> Read:
        """Read x @ W.T through the converters, on a snapshot, as an evaluation.

        Parameters
        ----------
        x : float32 [V, inputs]
            Inputs.
        first_vector : int
            Index of the first of them: it decides the noise of the read.
        snapshot : InferenceSnapshot
            What to read.
        """
        reach = np.float32(self.input_range or 1.0)
        scaled = np.asarray(x, np.float32) / reach
        if self.input_range is not None:
            scaled = np.clip(scaled, np.float32(-1.0), np.float32(1.0))
        read = self._reader.forward(scaled, first_vector, purpose=EVALUATE, weights=snapshot.weights)
        return Read(read.values * (snapshot.gains * reach), read.reads)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn or changes."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal array."""
        restore_arrays(self._arrays(), state)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "targets": self._targets,
            "conductances": self._conductances,
            "exponents": self._exponents,
            "ranges": self._ranges,
            "scalars": self._scalars,
            "readouts": self._readouts,
            "programmings": self._programmings,
        }

    def _factor(self, now: FloatArray) -> float:
        """Return what makes up for the drift that a read-out of now shows."""
        first, again = self._readouts
        if self._compensation.measure == "mean-magnitude":
            return magnitude_factor(first, now)
        return projection_factor(first, again, now)

    def _readout(self, weights: FloatArray, number: int) -> FloatArray:
        """Return the outputs for the inputs of the read-out, float32 [n, outputs]; each number has noise of its own."""
        x = self._readout_inputs
        if self._compensation.readout == "ideal" or not len(x):
            return x @ weights.T
        return self._reader.forward(x, number * len(x), purpose=COMPENSATE, weights=weights).values
