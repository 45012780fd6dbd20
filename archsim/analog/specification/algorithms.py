"""What a user says about training algorithms.

Field names are those of aihwkit (compounds of ``simulator/configs/compounds.py``) where one exists, else of the paper.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.converters import SingleReadIO
from archsim.analog.specification.devices import Device
from archsim.analog.specification.hardware_aware import HardwareAwareSettings
from archsim.analog.specification.momentum import WithMomentum, WithWeightDecay
from archsim.analog.specification.ranges import NonNegative, Positive
from archsim.analog.specification.update import UpdateParameters
from archsim.specification import OpenUnion, Specification

__all__ = [
    "Algorithm",
    "AnalogSGDSettings",
    "AuxiliaryArray",
    "BufferedTransferSettings",
    "ChoppedTransferSettings",
    "DigitalSGDSettings",
    "DynamicTransferSettings",
    "HamiltonianDescentSettings",
    "MixedPrecisionSettings",
    "ResidualLearningSettings",
    "ResidualLearningV2Settings",
    "TikiTakaSettings",
]

Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]

#: One pulse where a count is not zero (aihwkit's default of buffered and chopped transfers).
SINGLE_PULSES = UpdateParameters(desired_bl=1, update_management=False, update_bl_management=False)


class AnalogSGDSettings(Specification):
    """Every sample's pulses go to the array that computes."""

    kind: Literal["analog-sgd"] = "analog-sgd"


class DigitalSGDSettings(WithWeightDecay):
    """Weights are numbers: exact products and exact updates, the baseline without any analog effect."""

    kind: Literal["digital-sgd"] = "digital-sgd"


class AuxiliaryArray(Specification):
    """An array that takes the gradients, beside the one that holds the weights."""

    fast_device: Device | None = None
    update: UpdateParameters | None = None
    transfer_io: SingleReadIO | None = None


class _Transfer(AuxiliaryArray):
    """Lines of one array are read and written into the next (aihwkit ``TransferCompound``)."""

    n_devices: Annotated[int, Field(ge=2, le=16)] = 2
    gamma: NonNegative = 0.0
    transfer_every: NonNegative | tuple[NonNegative, ...] = 1.0
    units_in_mbatch: bool = True
    n_reads_per_transfer: Count | tuple[Count, ...] = 1
    random_selection: bool = False
    fast_lr: NonNegative = 1.0
    scale_fast_lr: bool = True
    transfer_lr: NonNegative | tuple[NonNegative, ...] = 1.0
    scale_transfer_lr: bool = True

    @model_validator(mode="after")
    def _one_for_each_array(self) -> _Transfer:
        for name in ("transfer_every", "n_reads_per_transfer", "transfer_lr", "thres_scale"):
            given = getattr(self, name, None)
            if isinstance(given, tuple) and len(given) != self.n_devices - 1:
                raise ValueError(
                    f"{name} is a number, or a list of one for each array that is read: {self.n_devices - 1} with "
                    f"n_devices {self.n_devices}, not {len(given)}"
                )
        return self


class TikiTakaSettings(_Transfer):
    """Tiki-Taka, version 1: what was read is pulsed into the next array in proportion.

    aihwkit ``TransferCompound``; doi:10.3389/fnins.2020.00103.
    """

    kind: Literal["tiki-taka"] = "tiki-taka"
    transfer_update: UpdateParameters | None = None


class BufferedTransferSettings(_Transfer):
    """Tiki-Taka, version 2, in its first form: a digital buffer in weight units between the arrays.

    aihwkit ``BufferedTransferCompound``; doi:10.3389/frai.2021.699148.
    """

    kind: Literal["buffered-transfer"] = "buffered-transfer"
    transfer_update: UpdateParameters = SINGLE_PULSES
    thres_scale: Positive | tuple[Positive, ...] = 1.0
    step: Positive = 1.0
    momentum: Probability = 0.1
    forget_buffer: bool = True


class _Chopped(AuxiliaryArray):
    """Two arrays, a digital buffer in pulses, and signs that turn (aihwkit ``ChoppedTransferCompound``)."""

    gamma: NonNegative = 0.0
    transfer_every: float = 1.0
    units_in_mbatch: bool = False
    n_reads_per_transfer: Count = 1
    in_chop_prob: Probability = 0.1
    fast_lr: NonNegative = 1.0
    scale_fast_lr: bool = False
    transfer_lr: NonNegative = 1.0
    scale_transfer_lr: bool = True
    auto_scale: bool = False
    auto_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    correct_gradient_magnitudes: bool = False
    buffer_granularity: Positive = 1.0
    auto_granularity: NonNegative = 0.0
    step: Positive = 1.0
    momentum: Probability = 0.0
    forget_buffer: bool = True
    transfer_update: UpdateParameters = SINGLE_PULSES


class ChoppedTransferSettings(_Chopped):
    """Chopped Tiki-Taka, version 2 (arXiv:2303.04721); without choppers it is Tiki-Taka, version 2."""

    kind: Literal["chopped-transfer"] = "chopped-transfer"
    in_chop_random: bool = True
    out_chop_prob: Probability = 0.0


class DynamicTransferSettings(_Chopped):
    """AGAD: the reference of each read is what the cell held in the chopper period before (arXiv:2303.04721)."""

    kind: Literal["dynamic-transfer"] = "dynamic-transfer"
    in_chop_random: bool = False
    tail_weightening: Positive = 5.0
    buffer_cap: NonNegative = 0.0

    @model_validator(mode="after")
    def _cap_has_an_effect(self) -> DynamicTransferSettings:
        if self.buffer_cap and self.forget_buffer:
            raise ValueError("buffer_cap limits what stays in the buffer, so it needs forget_buffer: false")
        return self

    @model_validator(mode="after")
    def _chops(self) -> DynamicTransferSettings:
        if self.in_chop_prob == 0.0:
            raise ValueError("in_chop_prob must lie above 0: the reference is taken when a chopper turns")
        return self


class _Residual(AuxiliaryArray):
    """Reads see W + gamma P; P learns what W lacks, and W follows P (arXiv:2502.06309)."""

    gamma: NonNegative = 0.4
    fast_lr: Positive = 1.0
    transfer_every: Count = 1
    n_reads_per_transfer: Count | None = 1


class ResidualLearningSettings(_Residual):
    """Residual learning: W follows P by pulses in proportion (arXiv:2502.06309)."""

    kind: Literal["residual-learning"] = "residual-learning"
    transfer_lr: Positive = 0.01
    transfer_update: UpdateParameters | None = None


class ResidualLearningV2Settings(_Residual):
    """Residual learning with a digital low-pass filter between P and W (RLv2 of arXiv:2502.06309)."""

    kind: Literal["rlv2"] = "rlv2"
    transfer_lr: Annotated[float, Field(gt=0, le=1)] = 0.01
    threshold: Positive | None = None
    transfer_update: UpdateParameters = SINGLE_PULSES


class HamiltonianDescentSettings(AuxiliaryArray):
    """Stochastic Hamiltonian descent: weights as positions, an auxiliary array as momenta (arXiv:2201.13377)."""

    kind: Literal["stochastic-hamiltonian-descent"] = "stochastic-hamiltonian-descent"
    mass: Positive = 100.0
    fast_lr: Positive = 1.0
    transfer_every: Count = 1
    n_reads_per_transfer: Count | None = 1
    transfer_update: UpdateParameters | None = None


class MixedPrecisionSettings(WithMomentum):
    """Gradients add up in digital memory; whole pulses are written from there (aihwkit ``MixedPrecisionCompound``)."""

    kind: Literal["mixed-precision"] = "mixed-precision"
    transfer_every: Count = 1
    n_rows_per_transfer: Count | None = None
    random_row: bool = False
    granularity: Positive | None = None
    transfer_lr: Positive = 1.0
    n_x_bins: Annotated[int, Field(ge=0)] = 0
    n_d_bins: Annotated[int, Field(ge=0)] = 0
    stoc_round_x: bool = True
    stoc_round_d: bool = True
    writing: Literal["exact", "trains"] = "exact"
    transfer_update: UpdateParameters = UpdateParameters()


Algorithm = Annotated[
    AnalogSGDSettings
    | DigitalSGDSettings
    | TikiTakaSettings
    | BufferedTransferSettings
    | ChoppedTransferSettings
    | DynamicTransferSettings
    | ResidualLearningSettings
    | ResidualLearningV2Settings
    | HamiltonianDescentSettings
    | MixedPrecisionSettings
    | HardwareAwareSettings,
    Field(discriminator="kind"),
    OpenUnion("archsim.algorithm_kinds"),
]
