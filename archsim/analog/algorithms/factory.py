"""From settings to the arrays of a tile."""

from __future__ import annotations

from archsim import plugins
from archsim.analog.algorithms.protocol import AlgorithmKind, MakeCrossbar, TrainingArray
from archsim.specification import Specification

__all__ = ["kind_of", "make_training_array"]


def kind_of(settings: Specification) -> AlgorithmKind:
    """Return the class that settings belong to.

    Raises
    ------
    InputError
        If no such kind is registered.
    """
    kind: AlgorithmKind = plugins.load("archsim.algorithm_kinds", str(getattr(settings, "kind", "")), field="kind")
    return kind


def make_training_array(
    settings: Specification,
    make_crossbar: MakeCrossbar,
    outputs: int,
    inputs: int,
    *,
    mini_batch: int,
    seed: int,
    identity: int,
) -> TrainingArray:
    """Make the arrays of one tile; see `AlgorithmKind`."""
    return kind_of(settings)(
        settings, make_crossbar, outputs, inputs, mini_batch=mini_batch, seed=seed, identity=identity
    )
