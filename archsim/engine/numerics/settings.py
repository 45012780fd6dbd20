"""What a network in numbers is made from, beside its graph: how it computes, and what it reads."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog.specification.inference import InferenceParameters
from archsim.data import DataOrigin, DataSet
from archsim.data.specification import Augmentation
from archsim.engine.numerics.given_weights import GivenWeights
from archsim.engine.numerics.numeric_parts import LearningSettings
from archsim.engine.numerics.seeds import Seeds
from archsim.specification import Specification

__all__ = ["NumericSettings", "Sources"]


@dataclass(frozen=True)
class NumericSettings:
    """How the numbers of a run are computed.

    Attributes
    ----------
    algorithm : Specification
        Settings of the training algorithm of layers that name none.
    mini_batch : int
        Samples of a mini-batch.
    learning : LearningSettings
        Learning rate, and when the network is evaluated.
    seeds : Seeds
        Where random numbers come from.
    threads : int
        Threads that may share the work.
    inference : InferenceParameters or None
        What follows on programmed conductances.
    """

    algorithm: Specification
    mini_batch: int
    learning: LearningSettings
    seeds: Seeds
    threads: int
    inference: InferenceParameters | None


@dataclass(frozen=True)
class Sources:
    """What a network reads.

    Attributes
    ----------
    data : DataSet
        Training and test samples that fit the network.
    origin : DataOrigin
        Where they come from.
    given : GivenWeights or None
        The weights that it starts from, if they are given.
    augmentation : Augmentation or None
        How training images are changed.
    streams : bool
        Whether samples are read as streams of neighbouring ones, as many as a mini-batch has samples, in place of a new
        random order in each epoch.
    """

    data: DataSet
    origin: DataOrigin
    given: GivenWeights | None
    augmentation: Augmentation | None = None
    streams: bool = False
