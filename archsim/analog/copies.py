"""Copying what an array has learned onto another array of the same kind, which has devices of its own.

Every crossbar of the target is programmed with what that of the source holds. That leaves the error of programmed
conductances (`archsim.analog.inference`): each cell is a pair of them, the largest |weight| of a crossbar gets full
conductance, and g becomes max(g + sigma(g) xi, 0). Cells are clipped to their own bounds. Digital state, such as what
was read for transfers, goes along exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsim._core import PROGRAM
from archsim.analog.algorithms.protocol import TrainingArray
from archsim.analog.blocks import FloatArray
from archsim.analog.inference.draws import Draws
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.noise import make_noise, program_once
from archsim.analog.specification.inference import ConductanceNoise

__all__ = ["CopyWriter", "copy_array"]


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
