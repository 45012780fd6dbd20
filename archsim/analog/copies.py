"""Copying what an array has learned onto another array of the same kind, which has devices of its own.

Every crossbar of the target is programmed with what that of the source holds. That leaves the error of programmed
conductances (`archsim.analog.inference`): each cell is a pair of them, the largest |weight| of a crossbar gets full
conductance, and g becomes max(g + sigma(g) xi, 0). Cells are clipped to their own bounds. Digital state, such as what
was read for transfers, goes along exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf

import numpy as np

from archsim._core import PROGRAM
from archsim.analog.algorithms.protocol import TrainingArray
from archsim.analog.blocks import FloatArray
from archsim.analog.inference.draws import Array, Draws
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.noise import make_noise, program_once
from archsim.analog.specification.inference import ConductanceNoise

__all__ = ["CopyWriter", "copy_array", "copy_error"]


@dataclass(frozen=True, slots=True)
class CopyWriter:
    """Programs conductances that are copied.

    Attributes
    ----------
    noise : ConductanceNoise
        The error of programming.
    seed : int
        Seed of all noise.
    """

    noise: ConductanceNoise
    seed: int

    def written(self, weights: FloatArray, identity: int, event: int) -> FloatArray:
        """Return what a crossbar holds, float32 [outputs, inputs], where it is asked to hold a matrix.

        Parameters
        ----------
        weights : float32 [outputs, inputs]
            What it is asked for.
        identity : int
            Identity of the crossbar, which separates its random numbers.
        event : int
            Number of this programming in its life.
        """
        noise = self.noise
        mapping = PairMapping.common(weights, noise.g_min, noise.g_max)
        draws = Draws(*weights.shape, seed=self.seed, identity=identity)
        programmed = program_once(make_noise(noise), mapping.targets(weights), draws.pairs(PROGRAM, event))
        return mapping.chain_weights(programmed)


def copy_array(source: TrainingArray, target: TrainingArray, writer: CopyWriter | None, event: int) -> None:
    """Let an array hold what another one of its kind and size has learned.

    Parameters
    ----------
    source, target : TrainingArray
        The two.
    writer : CopyWriter or None
        Programs the crossbars of the target; None for exact copies of all that the source is, its devices included.
    event : int
        Number of this copy in the run.
    """
    state = source.state()
    if writer is None:
        target.restore(state)
        return
    for own, other in zip(target.crossbars, source.crossbars, strict=True):
        own.program(writer.written(other.weights, own.identity, event))
    analog = _of_crossbars(target)
    target.restore({name: array if name in analog else state[name] for name, array in target.state().items()})


def _of_crossbars(array: TrainingArray) -> set[str]:
    """Return the names in an array's state that belong to its crossbars."""
    found: set[str] = set()
    for index, crossbar in enumerate(array.crossbars):
        names = crossbar.state().keys()
        found |= {*names, *(f"{index}.{name}" for name in names)}
    return found


def copy_error(noise: ConductanceNoise) -> float:
    """Return by how much a copy misses a weight, in parts of the largest |weight| of its crossbar.

    The root of the mean square of the error, over weights that are spread evenly from nothing to the largest one. What
    cells do to it, which are clipped to their bounds, is left out.

    Parameters
    ----------
    noise : ConductanceNoise
        The error of programming.
    """
    targets = np.linspace(noise.g_min, noise.g_max, 1001)
    mean, variance = _rectified(targets, make_noise(noise).programming_std(targets))
    # The two conductances of a cell miss independently; what both miss in the mean cancels.
    square = variance + variance[0] + (mean - mean[0]) ** 2
    return float(np.sqrt(square.mean())) / (noise.g_max - noise.g_min)


def _rectified(targets: Array, std: Array) -> tuple[Array, Array]:
    """Return mean and variance of max(g + s xi, 0) - g, xi standard normal."""
    # Beyond 40 standard deviations nothing is cut, and without any nothing is off.
    away = np.minimum(targets / np.maximum(std, 1e-300), 40.0)
    density = np.exp(-(away**2) / 2) / np.sqrt(2 * np.pi)
    above = np.array([0.5 * (1 + erf(x / np.sqrt(2))) for x in away])
    mean = std * density - targets * (1 - above)
    square = std**2 * (above - away * density) + targets**2 * (1 - above)
    return mean, square - mean**2
