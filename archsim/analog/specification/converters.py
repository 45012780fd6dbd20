"""What a user says about a crossbar's converters: the numbers, not the time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from archsim.analog.specification.ranges import NonNegative, Positive
from archsim.specification import Specification

__all__ = ["IOParameters", "SingleReadIO"]

#: A fraction by which signals of one sign are weakened.
Asymmetry = Annotated[float, Field(ge=-1, le=1)]


class IOParameters(Specification):
    """How a crossbar's inputs and outputs are converted (the numbers, not the time).

    Resolutions come from ``chip.dac.bits`` and ``chip.adc.bits``: a converter of b bits has the step
    2 * bound / (2**b - 2). Noise values are in units of the input or output range as in Rasch et al. 2021
    (aihwkit ``IOParameters``); the defaults are those of Gokmen & Vlasov, doi:10.3389/fnins.2016.00333. What is 0 by
    default is not modelled unless a user asks for it.
    """

    is_perfect: bool = False
    mv_type: Literal["one-pass", "pos-neg-separate", "pos-neg-separate-digital-sum"] = "one-pass"
    inp_bound: Positive = 1.0
    inp_noise: NonNegative = 0.0
    inp_sto_round: bool = False
    inp_asymmetry: Asymmetry = 0.0
    out_bound: Positive = 12.0
    out_noise: NonNegative = 0.06
    out_noise_std: NonNegative = 0.0
    out_asymmetry: Asymmetry = 0.0
    out_nonlinearity: NonNegative = 0.0
    out_nonlinearity_std: NonNegative = 0.0
    slope_calibration: NonNegative = 0.0
    out_gain_std: NonNegative = 0.0
    out_offset_std: NonNegative = 0.0
    out_calibration: bool = False
    out_scale: Positive = 1.0
    w_noise: NonNegative = 0.0
    w_noise_type: Literal["additive-constant", "pcm-read"] = "additive-constant"
    ir_drop: NonNegative = 0.0
    ir_drop_g_ratio: Positive = 1.0 / 0.35 / 5e-6
    v_offset_std: NonNegative = 0.0
    v_offset_w_min: float = -1.0
    r_series: NonNegative = 0.0
    r_series_max_total: NonNegative = 10.0
    noise_management: Literal["none", "abs-max", "max", "constant", "average-abs-max", "abs-max-np-sum"] = "abs-max"
    nm_thres: NonNegative = 0.0
    nm_decay: Annotated[float, Field(gt=0, le=1)] = 1e-3
    nm_assumed_wmax: Positive = 0.6
    bound_management: Literal["none", "iterative", "iterative-worst-case"] = "iterative"
    bm_test_negative_bound: bool = True
    max_bm_factor: Positive = 1000.0
    max_bm_res: Positive = 0.25
    expected_reads: Annotated[float, Field(ge=1)] = 1.0

    @field_validator("expected_reads")
    @classmethod
    def _needs_bound_management(cls, value: float, info: ValidationInfo) -> float:
        if value > 1 and (info.data.get("is_perfect") or info.data.get("bound_management") == "none"):
            raise ValueError("nothing but bound management reads a vector again, and there is none here: expect 1 read")
        return value

    @property
    def passes(self) -> int:
        """Reads of the array for each product: two where positive and negative inputs are driven separately."""
        return 1 if self.is_perfect or self.mv_type == "one-pass" else 2


#: Keys of bound management: they have nothing to say where a vector is read once.
_MANAGEMENT = ("bm_test_negative_bound", "max_bm_factor", "expected_reads")


def _read_once(io: IOParameters) -> IOParameters:
    fields = IOParameters.model_fields
    idle = [name for name in _MANAGEMENT if getattr(io, name) != fields[name].default]
    if io.bound_management == "iterative-worst-case":
        idle.insert(0, "bound_management")
    if idle:
        raise ValueError(f"bound management repeats forward reads only: leave out {', '.join(idle)} here")
    return io


#: The chain of reads that are never repeated by bound management: transposed ones, and those of transfers.
SingleReadIO = Annotated[IOParameters, AfterValidator(_read_once)]
