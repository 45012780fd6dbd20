"""How a network is trained: what a user says about it, and the learning rate that follows for each mini-batch."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsim.analog.specification import Algorithm, AnalogSGDSettings
from archsim.digital.specification import DigitalOptimizer, GradientClipping
from archsim.specification import Specification

__all__ = [
    "ConstantRate",
    "CosineDecay",
    "LearningRateSchedule",
    "StepDecay",
    "StopAt",
    "TrainingSpecification",
]

Count = Annotated[int, Field(ge=1)]


class _RateSchedule(Specification):
    warm_up: Annotated[int, Field(ge=0)] = 0

    def share(self, mini_batch: int, per_epoch: int) -> float:
        """Return what the learning rate is multiplied by.

        Parameters
        ----------
        mini_batch : int
            Mini-batch of the run, from 0.
        per_epoch : int
            Mini-batches of an epoch.
        """
        risen = min(1.0, (mini_batch + 1) / self.warm_up) if self.warm_up else 1.0
        return risen * self._decay(mini_batch, per_epoch)

    def _decay(self, mini_batch: int, per_epoch: int) -> float:
        return 1.0


class ConstantRate(_RateSchedule):
    """Mini-batch k, counted from 0, has min(1, (k + 1) / W) of the learning rate, W being ``warm_up``.

    A gradual warm-up as in arXiv:1706.02677, section 2.2.
    """

    kind: Literal["constant"] = "constant"


class StepDecay(_RateSchedule):
    """The learning rate is multiplied by ``factor`` every ``epochs`` epochs; the warm-up is that of `ConstantRate`."""

    kind: Literal["step"] = "step"
    epochs: Count
    factor: Annotated[float, Field(gt=0, le=1)]

    def _decay(self, mini_batch: int, per_epoch: int) -> float:
        return self.factor ** (mini_batch // per_epoch // self.epochs)


class CosineDecay(_RateSchedule):
    """The learning rate falls along half a cosine (arXiv:1608.03983, without restarts), after the warm-up.

    With N mini-batches in ``epochs`` epochs and the final factor f, mini-batch k has f + (1 - f) (1 + cos(pi (k - W) /
    (N - W))) / 2 of it; before W, the share of the warm-up; from N on, f.
    """

    kind: Literal["cosine"] = "cosine"
    epochs: Annotated[float, Field(gt=0)]
    final_factor: Annotated[float, Field(ge=0, le=1)] = 0.0

    def _decay(self, mini_batch: int, per_epoch: int) -> float:
        end = self.epochs * per_epoch
        if mini_batch >= end:
            return self.final_factor
        progress = max(0, mini_batch - self.warm_up) / max(1.0, end - self.warm_up)
        return self.final_factor + (1 - self.final_factor) * (1 + math.cos(math.pi * progress)) / 2


LearningRateSchedule = Annotated[ConstantRate | StepDecay | CosineDecay, Field(discriminator="kind")]


class StopAt(Specification):
    """Where training stops before its end: at the first evaluation that reaches all that is given here.

    That is a test accuracy of at least ``accuracy``, and a perplexity of at most ``perplexity``.
    """

    accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    perplexity: Annotated[float, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _says_where(self) -> StopAt:
        if self.accuracy is None and self.perplexity is None:
            raise PydanticCustomError(
                "no_target",
                "there is no target in it",
                {"allowed": "accuracy, perplexity or both"},
            )
        return self

    def reached(self, accuracy: float | None, perplexity: float | None) -> bool:
        """Return whether an evaluation reaches it; what was not measured, or is no number, reaches nothing."""
        enough = self.accuracy is None or (accuracy is not None and accuracy >= self.accuracy)
        return enough and (self.perplexity is None or (perplexity is not None and perplexity <= self.perplexity))


class TrainingSpecification(Specification):
    """How the network is trained. ``mini_batch`` is in samples; ``epochs`` and ``max_mini_batches`` bound the run.

    ``average_over`` says over which samples the loss is averaged: those of the mini-batch under every schedule, so
    that a sample's step is the same everywhere, or those that one update applies (arXiv:2410.15155).

    Without an epoch, given weights (``network.weights``) are only evaluated and deployed.
    """

    algorithm: Algorithm = Field(default_factory=AnalogSGDSettings)
    learning_rate: Annotated[float, Field(gt=0)]
    learning_rate_schedule: LearningRateSchedule | None = None
    gradient_clipping: GradientClipping | None = None
    digital_optimizer: DigitalOptimizer = Field(default_factory=DigitalOptimizer)
    mini_batch: Count = 1
    average_over: Literal["mini-batch", "applied"] = "mini-batch"
    epochs: Annotated[int, Field(ge=0)] = 1
    max_mini_batches: Count | None = None
    stop_at: StopAt | None = None

    def rate(self, mini_batch: int, per_epoch: int) -> float:
        """Return the learning rate of a mini-batch of the run, counted from 0, of so many in an epoch."""
        schedule = self.learning_rate_schedule
        return self.learning_rate if schedule is None else self.learning_rate * schedule.share(mini_batch, per_epoch)
