"""How a network is trained: what a user says about it, and the learning rate that follows for each mini-batch."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsim.analog.specification import Algorithm, AnalogSGDSettings
from archsim.delays import Late, share_left
from archsim.digital.specification import DigitalOptimizer, GradientClipping
from archsim.specification import Specification, contradiction

__all__ = [
    "ConstantRate",
    "CosineDecay",
    "DelayCompensation",
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


class DelayCompensation(Specification):
    """What is done about gradients that come late: a smaller step, a lower bound, less momentum.

    The learning rate falls with the staleness of a gradient (PipeMare, arXiv:1910.05124, technique T1): a gradient that
    comes d updates of its stage late is applied with 1 / (2 d + 1) ** p of it; 2 d + 1 is the delay of a stage as
    PipeMare counts it, with d stages behind it and one micro-batch in an update. Without ``annealing_mini_batches`` p
    is ``exponent``; with it p falls to 0 linearly over so many mini-batches. Gradient descent on a quadratic that is
    stable without a delay stays so with any, if p = 1: sin(x) >= 2 x / pi up to pi / 2, so 2 / (2 d + 1) <=
    2 sin(pi / (4 d + 2)). What takes one step for a mini-batch (with momentum, clipping or weight decay) takes the
    rate of its last micro-batch for the whole step, the velocity of earlier mini-batches included.

    The limit of `GradientClipping` is multiplied by 1 / (2 d + 1) ** q, q being ``clipping_exponent``, which is not
    annealed. Descent on a quadratic with gradients of at most c_d, each d updates late, ends within (d + 1) lr c_d of
    the minimum at any learning rate lr, also where it diverges without a limit; with q = 1 that is at most lr c, the
    same as without a delay.

    With ``momentum_correction`` the momentum mu of what is trained in digital falls with the steps d that gradients are
    late in the mean over a mini-batch, to mu_d with mu_d / (1 - mu_d) = mu / (1 - mu) - d, or to 0
    (`archsim.delays`).
    """

    exponent: Annotated[float, Field(ge=0)] = 1.0
    annealing_mini_batches: Count | None = None
    clipping_exponent: Annotated[float, Field(ge=0)] = 0.0
    momentum_correction: bool = False

    def share(self, mini_batch: int, late: int) -> float:
        """Return what the learning rate is multiplied by.

        Parameters
        ----------
        mini_batch : int
            Mini-batch of the run, from 0.
        late : int
            Updates of the stage between the forward of a micro-batch and the update that applies it.
        """
        annealing = self.annealing_mini_batches
        left = 1.0 if annealing is None else max(0.0, 1 - mini_batch / annealing)
        return share_left(late, self.exponent * left)

    def late(self, updates: int, steps: float) -> Late:
        """Return what else becomes of a gradient.

        Parameters
        ----------
        updates : int
            By how many updates of its stage it is late.
        steps : float
            By how many steps of momentum those of its mini-batch are late in the mean.
        """
        return Late(share_left(updates, self.clipping_exponent), steps if self.momentum_correction else 0.0)


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
    delay_compensation: DelayCompensation | None = None
    gradient_clipping: GradientClipping | None = None
    digital_optimizer: DigitalOptimizer = Field(default_factory=DigitalOptimizer)
    mini_batch: Count = 1
    average_over: Literal["mini-batch", "applied"] = "mini-batch"
    epochs: Annotated[int, Field(ge=0)] = 1
    max_mini_batches: Count | None = None
    stop_at: StopAt | None = None

    def rate(self, mini_batch: int, late: int = 0, *, per_epoch: int) -> float:
        """Return the learning rate for a gradient.

        Parameters
        ----------
        mini_batch : int
            Its mini-batch of the run, counted from 0.
        late : int
            How many updates of its stage it comes late.
        per_epoch : int
            Mini-batches of an epoch.
        """
        rate, schedule, compensation = self.learning_rate, self.learning_rate_schedule, self.delay_compensation
        if schedule is not None:
            rate *= schedule.share(mini_batch, per_epoch)
        return rate if compensation is None else rate * compensation.share(mini_batch, late)

    @model_validator(mode="after")
    def _there_is_a_bound_to_lower(self) -> TrainingSpecification:
        compensation = self.delay_compensation
        if compensation is not None and compensation.clipping_exponent and self.gradient_clipping is None:
            raise contradiction(
                "there is no bound of gradients that could fall with their delay",
                field="training.delay_compensation.clipping_exponent",
                allowed="0; more with training.gradient_clipping",
                remedy="give training.gradient_clipping, such as {limit: 1}, or leave clipping_exponent out",
            )
        return self
