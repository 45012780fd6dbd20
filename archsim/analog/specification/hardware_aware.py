"""What a user says about training a network for noisy inference."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.analog.specification.inference import PCM_PROG_COEFF, REFERENCE_G_MAX
from archsim.analog.specification.momentum import WithWeightDecay
from archsim.analog.specification.ranges import NonNegative, Positive
from archsim.specification import Specification

__all__ = [
    "AddNormal",
    "Discretize",
    "DoReFa",
    "FixedValue",
    "HardwareAwareSettings",
    "LayerGaussian",
    "MultNormal",
    "Polynomial",
    "ProgrammingNoise",
    "WeightClip",
    "WeightModifier",
]

_Step = Annotated[float, Field(gt=0, le=1)]


class AddNormal(Specification):
    """Adds ``std_dev`` max|w| xi to every weight."""

    kind: Literal["add-normal"] = "add-normal"
    std_dev: NonNegative = 0.05


class MultNormal(Specification):
    """Adds ``std_dev`` max|w| w xi to every weight w, as aihwkit codes it."""

    kind: Literal["mult-normal"] = "mult-normal"
    std_dev: NonNegative = 0.05


class Discretize(Specification):
    """Rounds weights to multiples of 2 ``res`` max|w|."""

    kind: Literal["discretize"] = "discretize"
    res: _Step = 1 / 30


class DoReFa(Specification):
    """Rounds tanh(w) / max|tanh(w)| to multiples of 2 ``res`` and scales it by max|w| (arXiv:1606.06160)."""

    kind: Literal["dorefa"] = "dorefa"
    res: _Step = 1 / 30


class Polynomial(Specification):
    """Adds noise of the standard deviation ``std_dev`` max|w| sum_k c_k (|w| / max|w|)^k, c being ``coeffs``.

    The defaults are those of phase-change memory in parts of 25 uS.
    """

    kind: Literal["polynomial"] = "polynomial"
    std_dev: NonNegative = 1.0
    coeffs: Annotated[tuple[float, ...], Field(min_length=1)] = (0.26348 / 25, 1.9650 / 25, -1.1731 / 25)


class ProgrammingNoise(Specification):
    """Programs every weight into a pair of conductances of a phase-change memory, with the error that this leaves.

    The law is that of `pcm-like` with ``g_max`` = 25 uS: any other ``g_max`` leaves the same error in parts of the
    largest |weight|. Drift and read noise play no part.
    """

    kind: Literal["programming-noise"] = "programming-noise"
    g_min: Annotated[float, Field(ge=0, lt=REFERENCE_G_MAX)] = 0.0
    prog_coeff: Annotated[tuple[float, ...], Field(min_length=1)] = PCM_PROG_COEFF
    prog_noise_scale: NonNegative = 1.0


WeightModifier = Annotated[
    AddNormal | MultNormal | Discretize | DoReFa | Polynomial | ProgrammingNoise, Field(discriminator="kind")
]


class FixedValue(Specification):
    """Clips weights to +- ``value``."""

    kind: Literal["fixed-value"] = "fixed-value"
    value: Positive = 1.0


class LayerGaussian(Specification):
    """Clips weights to +- ``sigma`` standard deviations of all weights of the array."""

    kind: Literal["layer-gaussian"] = "layer-gaussian"
    sigma: Positive = 2.5


WeightClip = Annotated[FixedValue | LayerGaussian, Field(discriminator="kind")]


class HardwareAwareSettings(WithWeightDecay):
    """Digital training through noisy reads.

    ``modifier`` changes what a mini-batch sees of the weights, ``clip`` bounds them after each update. With
    ``weight_scaling_omega`` > 0 the largest |weight| on the crossbar is always omega (of the array, or of each output
    line with ``columnwise``), and a digital scale makes up for it. By default every output line fills the range of its
    devices (arXiv:2302.08469), and a mini-batch sees three times the programming noise of phase-change memory.
    """

    kind: Literal["hardware-aware"] = "hardware-aware"
    modifier: WeightModifier | None = Polynomial(std_dev=3.0)
    clip: WeightClip | None = None
    weight_scaling_omega: NonNegative = 1.0
    columnwise: bool = True
