"""A trained matrix, programmed into conductances for inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archsim.analog.algorithms import TrainingArray
from archsim.analog.algorithms.digital_sgd import DigitalSGD
from archsim.analog.inference import (
    Calibration,
    HardwareAware,
    InferenceArray,
    InferenceSnapshot,
    PairMapping,
    Reader,
    optimise_conductance_ranges,
    optimise_input_range,
)
from archsim.analog.specification.inference import InferenceParameters
from archsim.digital.arrays import Array
from archsim.network.matrix import AnalogMatrix

__all__ = ["DeployedMatrix"]


class DeployedMatrix:
    """The parts of a matrix as programmed arrays, behind the converters of the chip.

    Parameters
    ----------
    matrix : AnalogMatrix
        The trained matrix; it stays as it is.
    parameters : InferenceParameters
        Devices, programming, compensation, mapping.
    seed : int
        Seed of the noise.
    first_identity : int
        Identity of the first part's array among all of the run; further parts count on.
    """

    def __init__(
        self, matrix: AnalogMatrix, parameters: InferenceParameters, *, seed: int, first_identity: int
    ) -> None:
        self._matrix = matrix
        self._parameters = parameters
        self._seed = seed
        self._identities = [first_identity + part for part in range(len(matrix.arrays))]
        self._mappings = [self._mapping(array) for array in matrix.arrays]
        self._arrays = [self._make(part) for part in range(len(matrix.arrays))]

    @property
    def arrays(self) -> Sequence[InferenceArray]:
        """The programmed array of each part."""
        return self._arrays

    def program(self) -> None:
        """Write all parts, with new programming errors."""
        for trained, mapping, array in zip(self._matrix.arrays, self._mappings, self._arrays, strict=True):
            array.program(trained.weights, mapping)

    def optimise(self, inputs: Array) -> None:
        """Choose the ranges that ``parameters.post_training`` names, on inputs [V, inputs] of the matrix."""
        wanted = self._parameters.post_training
        for part, (trained, cut) in enumerate(zip(self._matrix.arrays, self._matrix.ranges, strict=True)):
            x = np.ascontiguousarray(inputs[:, cut.inputs[0] : cut.inputs[1]], np.float32)
            calibration = Calibration(trained.weights, x, wanted.time)

            def make(part: int = part) -> InferenceArray:
                return self._make(part)

            if wanted.conductance_ranges:
                full = self._mappings[part].full
                ranges = optimise_conductance_ranges(make, calibration, full=full).ranges
                self._mappings[part] = PairMapping(self._g_min, self._g_max, ranges, full)
            if wanted.dac_ranges:
                chosen = optimise_input_range(make, calibration, self._mappings[part]).ranges[0]
                self._arrays[part].input_range = float(chosen)

    def snapshot(self, time_s: float, evaluation: int) -> tuple[InferenceSnapshot, ...]:
        """Return all parts as they are at a time; see `InferenceArray.snapshot`."""
        return tuple(array.snapshot(time_s, evaluation) for array in self._arrays)

    def evaluate(self, snapshot: tuple[InferenceSnapshot, ...], x: Array, first_vector: int) -> Array:
        """Read a snapshot through the noisy chain, digital scales and biases included."""
        parts = []
        for cut, array, seen in zip(self._matrix.ranges, self._arrays, snapshot, strict=True):
            inputs = np.ascontiguousarray(x[:, cut.inputs[0] : cut.inputs[1]], np.float32)
            parts.append(array.forward(inputs, first_vector, seen).values)
        affine = self._matrix.affine
        return affine.forward(self._matrix.add_outputs(parts), affine.scale, affine.bias)

    @property
    def _g_min(self) -> float:
        return self._parameters.noise.g_min

    @property
    def _g_max(self) -> float:
        return self._parameters.noise.g_max

    def _make(self, part: int) -> InferenceArray:
        p, trained = self._parameters, self._matrix.arrays[part]
        # Training may change what reads see, or compute exactly: programmed conductances have the chip's converters.
        reader: Reader = trained.crossbar if isinstance(trained, HardwareAware | DigitalSGD) else trained
        outputs, inputs = trained.weights.shape
        array = InferenceArray(
            reader,
            outputs,
            inputs,
            p.noise,
            p.programming,
            p.drift_compensation,
            seed=self._seed,
            identity=self._identities[part],
        )
        if self._matrix.input_ranges:
            array.input_range = self._matrix.input_ranges[part].value
        return array

    def _mapping(self, trained: TrainingArray) -> PairMapping:
        if isinstance(trained, HardwareAware):
            return trained.pair_mapping(self._g_min, self._g_max, columnwise=self._parameters.columnwise)
        make = PairMapping.columnwise if self._parameters.columnwise else PairMapping.common
        return make(trained.weights, self._g_min, self._g_max)
