"""Ranges of conductances and of the DAC, chosen after training by the error that they leave on calibration inputs.

The two methods of arXiv:2401.09859 (Lammie et al.): after training, the conductance range of every column of a crossbar
is chosen, and the input range of its DAC, without training again. Here the objective is the expected squared error of
the outputs, estimated with the array's own noise, converters and drift compensation; candidates meet the same random
numbers, so that their differences are less noisy than themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from archsim.analog.blocks import FloatArray, as_block, as_matrix
from archsim.analog.inference.draws import Array
from archsim.analog.inference.inference_array import InferenceArray
from archsim.analog.inference.mapping import PairMapping
from archsim.errors import InputError

__all__ = ["Calibration", "RangeChoice", "optimise_conductance_ranges", "optimise_input_range"]

#: Candidates for the range of an output line, in parts of its largest |weight|.
CONDUCTANCE_FACTORS = tuple(float(f) for f in np.geomspace(0.2, 1.0, 13))

#: Candidates for the input range, in parts of the largest |input|.
INPUT_FACTORS = tuple(float(f) for f in np.geomspace(0.05, 1.0, 31))


@dataclass(frozen=True)
class Calibration:
    """What a choice is judged by.

    Attributes
    ----------
    weights : float32 [outputs, inputs]
        The trained matrix.
    inputs : float32 [V, inputs]
        What the layer gets.
    time_s : float
        Seconds after programming.
    repeats : int
        Programmings (for conductances) and evaluations over which the error is averaged.
    """

    weights: FloatArray
    inputs: FloatArray
    time_s: float = 0.0
    repeats: int = 4


@dataclass(frozen=True)
class RangeChoice:
    """A choice of ranges.

    Attributes
    ----------
    ranges : float64 [n]
        One for each output line, or one input range.
    errors : float64 [n]
        Mean squared error of what each range decides.
    candidates : float64 [candidates, n]
        Ranges that were tried.
    candidate_errors : float64 [candidates, n]
        Their errors.
    """

    ranges: Array
    errors: Array
    candidates: Array
    candidate_errors: Array


def optimise_conductance_ranges(
    make_array: Callable[[], InferenceArray],
    calibration: Calibration,
    factors: Sequence[float] = CONDUCTANCE_FACTORS,
    full: float | None = None,
) -> RangeChoice:
    """Choose for every output line the |weight| that gets full conductance.

    A smaller range clips large weights, and gives all others larger conductances: less programming and read noise
    relative to them, and more signal above the noise of the converters. Lines are independent of each other, so one
    sweep tries a factor on all of them. The range common to all lines, which keeps every weight, is always a candidate.

    Parameters
    ----------
    make_array : callable
        Makes an array as it will be used; every candidate programs one of its own.
    calibration : Calibration
        The matrix, its inputs, and the time that counts.
    factors : sequence of float
        Candidates, in parts of the largest |weight| of the line.
    full : float, optional
        Weight that stands for full conductance in the read chain; by default the largest |weight| of the matrix.
    """
    calibration = _checked(calibration)
    g_min, g_max = (make_array().specification.g_min, make_array().specification.g_max)
    common = PairMapping.common(calibration.weights, g_min, g_max)
    own = PairMapping.columnwise(calibration.weights, g_min, g_max)
    candidates = np.stack([common.ranges, *(factor * own.ranges for factor in factors)])
    mappings = [PairMapping(g_min, g_max, ranges, full or common.full) for ranges in candidates]
    errors = np.stack([_error_of(make_array(), mapping, calibration) for mapping in mappings])
    return _best(candidates, errors)


def optimise_input_range(
    make_array: Callable[[], InferenceArray],
    calibration: Calibration,
    mapping: PairMapping | None = None,
    factors: Sequence[float] = INPUT_FACTORS,
) -> RangeChoice:
    """Choose the |input| that reaches the bound of the DAC.

    A smaller range clips large inputs, and gives the others finer steps and larger outputs above the noise of the ADC.

    Parameters
    ----------
    make_array, calibration
        See `optimise_conductance_ranges`. The read chain must not scale inputs by itself (noise management ``none``).
    mapping : PairMapping, optional
        How the matrix is programmed.
    factors : sequence of float
        Candidates, in parts of the largest |input|.
    """
    calibration = _checked(calibration)
    largest = float(np.abs(calibration.inputs).max(initial=0.0)) or 1.0
    candidates = np.array(factors, np.float64)[:, None] * largest
    errors = []
    for candidate in candidates:
        array = make_array()
        array.input_range = float(candidate[0])
        errors.append(_error_of(array, mapping, calibration).mean(keepdims=True))
    return _best(candidates, np.stack(errors))


def _error_of(array: InferenceArray, mapping: PairMapping | None, calibration: Calibration) -> Array:
    """Return the mean squared error of each output, float64 [outputs]."""
    x, weights = calibration.inputs, calibration.weights
    wanted = x.astype(np.float64) @ weights.T.astype(np.float64)
    total = np.zeros(len(weights))
    for repeat in range(calibration.repeats):
        array.program(weights, mapping)
        snapshot = array.snapshot(calibration.time_s, repeat)
        seen = array.forward(x, repeat * len(x), snapshot).values
        total += ((seen - wanted) ** 2).mean(axis=0)
    return total / calibration.repeats


def _best(candidates: Array, errors: Array) -> RangeChoice:
    best = errors.argmin(axis=0)
    columns = np.arange(candidates.shape[1])
    return RangeChoice(candidates[best, columns], errors[best, columns], candidates, errors)


def _checked(calibration: Calibration) -> Calibration:
    inputs: ArrayLike = calibration.inputs
    outputs, lines = np.shape(calibration.weights)
    x = as_block(inputs, lines, "inputs")
    if not len(x) or calibration.repeats < 1:
        raise InputError(
            "calibration needs at least one input vector and one repeat", value=(len(x), calibration.repeats)
        )
    weights = as_matrix(calibration.weights, outputs, lines)
    return Calibration(weights, x, calibration.time_s, calibration.repeats)
