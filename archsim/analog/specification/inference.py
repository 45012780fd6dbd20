"""What a user says about programmed conductances: their noise, how they are written, and when they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from archsim.analog.specification.ranges import NonNegative, Positive
from archsim.specification import Specification
from archsim.units import PositiveSeconds, Seconds

__all__ = [
    "MEASURED_TIMES",
    "PCM_PROG_COEFF",
    "REFERENCE_G_MAX",
    "ConductanceNoise",
    "DriftCompensation",
    "InferenceParameters",
    "PCMLike",
    "PostTraining",
    "ProgramAndVerify",
    "Programming",
    "PulseSteps",
    "ReRAMWan2022",
    "SetWithError",
    "Statistical",
]

#: Iterations that the counter of the random numbers has room for.
MOST_ITERATIONS = 255

#: Seconds after programming at which Wan et al. 2022 measured.
MEASURED_TIMES = (1.0, 86_400.0, 172_800.0)

#: Conductance (uS) at which the programming noise of phase-change memory was fitted (Joshi et al. 2020).
REFERENCE_G_MAX = 25.0

#: Its coefficients, in uS at this conductance, in ascending powers of g / g_max.
PCM_PROG_COEFF = (0.26348, 1.9650, -1.1731)


class _Conductances(Specification):
    g_max: Positive
    g_min: NonNegative = 0.0

    @model_validator(mode="after")
    def _some_range(self) -> _Conductances:
        if self.g_max <= self.g_min:
            raise ValueError("g_max must lie above g_min")
        return self


class PCMLike(_Conductances):
    """Phase-change memory: noisy programming, drift, and read noise that grows with the logarithm of time.

    Fits to measured doped Ge2Sb2Te5 devices by Joshi et al. 2020 (doi:10.1038/s41467-020-16108-9) and Nandakumar et al.
    2019 (doi:10.1109/ICECS46596.2019.8964852), as in aihwkit ``PCMLikeNoiseModel``. ``prog_coeff`` are the coefficients
    of the programming noise in uS at ``g_max`` = 25 uS, in ascending powers of g / ``g_max``. The relative read noise
    follows from the target conductance, as published, or with ``read_noise_law: aihwkit`` from the programmed one.
    """

    kind: Literal["pcm-like"] = "pcm-like"
    g_max: Positive = REFERENCE_G_MAX
    prog_coeff: Annotated[tuple[float, ...], Field(min_length=1)] = PCM_PROG_COEFF
    prog_noise_scale: NonNegative = 1.0
    read_noise_scale: NonNegative = 1.0
    read_noise_law: Literal["published", "aihwkit"] = "published"
    drift_scale: NonNegative = 1.0
    drift_std_scale: NonNegative = 1.0
    t_0: PositiveSeconds = 20.0
    t_read: PositiveSeconds = 250e-9


class ReRAMWan2022(_Conductances):
    """Resistive memory: deviations from the target that were measured after 1 s, one day and two days.

    Polynomials in g / ``g_max`` that aihwkit (``ReRamWan2022NoiseModel``) fitted to the data of Wan et al. 2022
    (doi:10.1038/s41586-022-04992-8), whose devices reach 40 uS. With another ``g_max`` they scale in
    proportion. aihwkit's class does not scale them by default, so compare with it at ``g_max`` = 40 only.
    """

    kind: Literal["reram-wan2022"] = "reram-wan2022"
    g_max: Positive = 40.0
    noise_scale: NonNegative = 1.0


ConductanceNoise = Annotated[PCMLike | ReRAMWan2022, Field(discriminator="kind")]


class Statistical(Specification):
    """Every conductance gets the error that the device's programming leaves, in one draw."""

    kind: Literal["statistical"] = "statistical"


class SetWithError(Specification):
    """A correction moves the cell by the wanted amount, with an error.

    Its standard deviation is ``relative_std`` of the amount plus, in quadrature, ``absolute_std`` of ``g_max``.
    """

    kind: Literal["set-with-error"] = "set-with-error"
    relative_std: NonNegative = 0.3
    absolute_std: NonNegative = 0.01


class PulseSteps(Specification):
    """A correction is a burst of equal pulses, as many as the error asks for, at most ``max_pulses``.

    Each moves the cell by ``step`` of ``g_max``, times 1 + ``step_std`` xi.
    """

    kind: Literal["pulse-steps"] = "pulse-steps"
    step: Positive = 0.02
    step_std: NonNegative = 0.3
    max_pulses: Annotated[int, Field(ge=1)] = 31


class ProgramAndVerify(Specification):
    """Closed-loop programming: read, compare with the target, correct, until the read lies within ``tolerance``.

    ``tolerance`` and ``verify_std``, the noise of a verifying read, are parts of ``g_max``.
    """

    kind: Literal["program-and-verify"] = "program-and-verify"
    tolerance: Positive = 0.02
    max_iterations: Annotated[int, Field(ge=1, le=MOST_ITERATIONS)] = 30
    verify_std: NonNegative = 0.005
    write: Annotated[SetWithError | PulseSteps, Field(discriminator="kind")] = SetWithError()


Programming = Annotated[Statistical | ProgramAndVerify, Field(discriminator="kind")]


class DriftCompensation(Specification):
    """One digital factor for the outputs of an array, from read-outs when it was programmed and now.

    ``measure`` compares them: by ``projection``, on which independent noise of the converters has no effect in the
    mean, or by ``mean-magnitude``, as aihwkit does. ``readout`` tells whether they pass the converters of the array or
    are exact.
    """

    kind: Literal["none", "global"] = "global"
    readout: Literal["chain", "ideal"] = "chain"
    measure: Literal["projection", "mean-magnitude"] = "projection"


def _compensation_by_name(value: object) -> object:
    """Return a kind that is written by itself, or null for none, as the section that it stands for."""
    if value is None:
        return {"kind": "none"}
    return {"kind": value} if isinstance(value, str) else value


Compensation = Annotated[
    DriftCompensation,
    BeforeValidator(_compensation_by_name, json_schema_input_type=DriftCompensation | Literal["none", "global"] | None),
]


class PostTraining(Specification):
    """Which ranges are chosen after training, on ``samples`` of the training data, and for which time.

    ``conductance_ranges`` chooses the weight at full conductance of every output line, ``dac_ranges`` the range of the
    inputs of every array. ``time`` is the time after programming at which the expected error is smallest.
    """

    conductance_ranges: bool = False
    dac_ranges: bool = False
    samples: Annotated[int, Field(ge=1)] = 256
    time: Seconds = 86_400.0


class InferenceParameters(Specification):
    """What becomes of the trained network once its weights are programmed: accuracy at ``times`` after programming.

    Each of the ``repeats`` programs all weights anew. ``columnwise`` uses the whole conductance range in every output
    line, with a digital scale behind it, instead of one scale for the array.
    """

    noise: ConductanceNoise = PCMLike()
    programming: Programming = Statistical()
    drift_compensation: Compensation = DriftCompensation()
    times: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (1.0, 3600.0, 86_400.0, 2_592_000.0, 31_536_000.0)
    repeats: Annotated[int, Field(ge=1)] = 5
    columnwise: bool = False
    post_training: PostTraining = PostTraining()

    @model_validator(mode="after")
    def _times_were_measured(self) -> InferenceParameters:
        if isinstance(self.noise, PCMLike):
            return self
        wanted = {f"inference.times.{index}": time for index, time in enumerate(self.times)}
        if self.post_training.conductance_ranges or self.post_training.dac_ranges:
            wanted["inference.post_training.time"] = self.post_training.time
        for field, time in wanted.items():
            if time not in MEASURED_TIMES:
                raise PydanticCustomError(
                    "not_measured",
                    f"the noise of 'reram-wan2022' was not measured at {time:g} seconds",
                    {"field": field, "allowed": ", ".join(f"{known:g}" for known in MEASURED_TIMES) + " seconds"},
                )
        return self

    @model_validator(mode="after")
    def _programming_has_an_effect(self) -> InferenceParameters:
        if isinstance(self.noise, ReRAMWan2022) and not isinstance(self.programming, Statistical):
            raise PydanticCustomError(
                "programming_was_measured",
                "the deviations of 'reram-wan2022' were measured after closed-loop programming and contain its errors: "
                "another way to program has no effect on them",
                {
                    "field": "inference.programming.kind",
                    "allowed": "statistical; or program-and-verify with inference.noise.kind: pcm-like",
                },
            )
        return self
