"""What a mini-batch of hardware-aware training sees instead of the weights, and how weights are kept in bounds."""

from __future__ import annotations

import numpy as np

from archsim._core import MODIFY
from archsim.analog.blocks import FloatArray
from archsim.analog.inference.draws import Array, Draws
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.noise import program_once
from archsim.analog.inference.pcm import PCMNoise
from archsim.analog.specification.hardware_aware import (
    AddNormal,
    Discretize,
    DoReFa,
    FixedValue,
    MultNormal,
    Polynomial,
    ProgrammingNoise,
    WeightClip,
    WeightModifier,
)
from archsim.analog.specification.inference import PCMLike

__all__ = ["clip_weights", "modify_weights"]


def modify_weights(weights: FloatArray, modifier: WeightModifier, draws: Draws, mini_batch: int) -> FloatArray:
    """Return the weights that one mini-batch sees; the given ones are left alone.

    Parameters
    ----------
    weights : float32 [outputs, inputs]
        Clean weights.
    modifier : WeightModifier
        What is done to them (equations at the specifications; Rasch et al. 2023, doi:10.1038/s41467-023-40770-4).
    draws : Draws
        Random numbers of the array.
    mini_batch : int
        Each has numbers of its own.
    """
    w = weights.astype(np.float64)
    largest = float(np.abs(w).max(initial=0.0))
    if not largest:
        return weights.copy()
    if isinstance(modifier, Discretize):
        changed = _rounded(w / largest, modifier.res) * largest
    elif isinstance(modifier, DoReFa):
        squashed = np.tanh(w)
        changed = _rounded(squashed / np.abs(squashed).max(), modifier.res) * largest
    else:
        changed = _with_noise(w, largest, modifier, draws.cells(MODIFY, mini_batch))
    return np.ascontiguousarray(changed, dtype=np.float32)


def _with_noise(
    w: Array, largest: float, modifier: AddNormal | MultNormal | Polynomial | ProgrammingNoise, xi: Array
) -> Array:
    if isinstance(modifier, ProgrammingNoise):
        device = PCMLike(
            g_min=modifier.g_min, prog_coeff=modifier.prog_coeff, prog_noise_scale=modifier.prog_noise_scale
        )
        mapping = PairMapping.common(w, device.g_min, device.g_max)
        programmed = program_once(PCMNoise(device), mapping.targets(w), xi[:2])
        return mapping.chain_weights(programmed).astype(np.float64)
    std: Array | float = 1.0
    if isinstance(modifier, MultNormal):
        std = w
    elif isinstance(modifier, Polynomial):
        std = np.polynomial.polynomial.polyval(np.abs(w) / largest, np.asarray(modifier.coeffs))
    changed: Array = w + modifier.std_dev * largest * std * xi[0]
    return changed


def _rounded(u: Array, res: float) -> Array:
    step = 2.0 * res
    rounded: Array = np.clip(np.rint(u / step) * step, -1.0, 1.0)
    return rounded


def clip_weights(weights: FloatArray, clip: WeightClip) -> FloatArray:
    """Return weights within +- a fixed value, or +- some standard deviations of all weights of the array."""
    bound = clip.value if isinstance(clip, FixedValue) else clip.sigma * float(np.std(weights, dtype=np.float64))
    return np.clip(weights, np.float32(-bound), np.float32(bound))
