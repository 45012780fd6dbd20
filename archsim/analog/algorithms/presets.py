"""Training algorithms by name. Every number is published; defaults are those of aihwkit's compounds.

Sources: aihwkit (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494; ``configs/helpers.py`` and
``presets/configs.py`` as of commit 4545f11) and the papers named at each algorithm. A class of devices at the end of a
name says which ones aihwkit chose the numbers for; the device itself is not part of it.
"""

from __future__ import annotations

from archsim.analog.specification import UpdateParameters
from archsim.analog.specification.algorithms import (
    AnalogSGDSettings,
    BufferedTransferSettings,
    ChoppedTransferSettings,
    DigitalSGDSettings,
    DynamicTransferSettings,
    HamiltonianDescentSettings,
    MixedPrecisionSettings,
    ResidualLearningSettings,
    ResidualLearningV2Settings,
    TikiTakaSettings,
)

__all__ = [
    "agad",
    "agad_capacitor",
    "agad_ecram",
    "agad_idealized",
    "agad_paper",
    "agad_reram",
    "analog_sgd",
    "c_ttv2",
    "c_ttv2_capacitor",
    "c_ttv2_ecram",
    "c_ttv2_idealized",
    "c_ttv2_paper",
    "c_ttv2_reram",
    "digital_sgd",
    "mixed_precision",
    "mixed_precision_kit",
    "residual_learning",
    "rlv2",
    "stochastic_hamiltonian_descent",
    "tiki_taka",
    "tiki_taka_v2",
    "ttv2",
    "ttv2_capacitor",
    "ttv2_ecram",
    "ttv2_paper",
    "ttv2_reram",
]

#: Trains of the presets made for devices.
LONG = UpdateParameters(desired_bl=31)
#: Trains of aihwkit's shortcuts for TTv2 and its successors, and l_max of arXiv:2303.04721.
SHORT = UpdateParameters(desired_bl=5)
#: aihwkit gives electro-chemical and idealized devices trains of 100 slots. A train has at most 31 here, so the rate is
#: higher by as much, and the mean of an update is the same.
LONGEST_TRAIN = 100
MORE = LONGEST_TRAIN / 31
MANAGED_SINGLE_PULSES = UpdateParameters(desired_bl=1)


def analog_sgd() -> AnalogSGDSettings:
    """Analog SGD: every sample's pulses go to the array that computes (doi:10.3389/fnins.2016.00333)."""
    return AnalogSGDSettings()


def digital_sgd() -> DigitalSGDSettings:
    """Digital SGD: exact products and updates, the baseline without any analog effect."""
    return DigitalSGDSettings()


def tiki_taka() -> TikiTakaSettings:
    """Tiki-Taka, version 1 (doi:10.3389/fnins.2020.00103): a line a mini-batch, pulsed on in proportion.

    Defaults of aihwkit's ``TransferCompound``.
    """
    return TikiTakaSettings()


def tiki_taka_v2() -> BufferedTransferSettings:
    """Tiki-Taka, version 2, in its first form (doi:10.3389/frai.2021.699148): a digital buffer in weight units.

    Defaults of aihwkit's ``BufferedTransferCompound``.
    """
    return BufferedTransferSettings()


def ttv2() -> ChoppedTransferSettings:
    """TTv2 as aihwkit's shortcut of this name has it: c-TTv2 without choppers."""
    return ChoppedTransferSettings(in_chop_prob=0.0, update=SHORT)


def c_ttv2() -> ChoppedTransferSettings:
    """c-TTv2 (arXiv:2303.04721) as aihwkit's shortcut of this name has it."""
    return ChoppedTransferSettings(fast_lr=0.1, auto_scale=True, update=SHORT)


def agad() -> DynamicTransferSettings:
    """AGAD (arXiv:2303.04721) as aihwkit's shortcut of this name has it."""
    return DynamicTransferSettings(fast_lr=0.1, auto_scale=True, update=SHORT, transfer_update=MANAGED_SINGLE_PULSES)


def ttv2_paper() -> ChoppedTransferSettings:
    """TTv2 as in the experiments of arXiv:2303.04721: gamma_0 = 200, n_s = 5, l_max = 5, eta_0 = 1.

    The buffer keeps what it does not write. (In aihwkit it forgets by default.)
    """
    return c_ttv2_paper().model_copy(update={"in_chop_prob": 0.0})


def c_ttv2_paper() -> ChoppedTransferSettings:
    """c-TTv2 as in the experiments of arXiv:2303.04721: as ``ttv2-paper``, with rho = 0.1."""
    return ChoppedTransferSettings(
        auto_scale=True, auto_granularity=200.0, transfer_every=5.0, forget_buffer=False, update=SHORT
    )


def agad_paper() -> DynamicTransferSettings:
    """AGAD as in the experiments of arXiv:2303.04721: as ``c-ttv2-paper``, with beta = 0.5.

    beta is ``tail_weightening`` times ``in_chop_prob``.
    """
    return DynamicTransferSettings(
        auto_scale=True, auto_granularity=200.0, transfer_every=5.0, forget_buffer=False, update=SHORT
    )


def ttv2_reram() -> ChoppedTransferSettings:
    """TTv2 of aihwkit's ``TTv2ReRamESPreset`` and ``TTv2ReRamSBPreset``."""
    return c_ttv2_reram().model_copy(update={"in_chop_prob": 0.0})


def ttv2_capacitor() -> ChoppedTransferSettings:
    """TTv2 of aihwkit's ``TTv2CapacitorPreset``."""
    return c_ttv2_capacitor().model_copy(update={"in_chop_prob": 0.0})


def ttv2_ecram() -> ChoppedTransferSettings:
    """TTv2 of aihwkit's ``TTv2EcRamPreset``, ``TTv2EcRamMOPreset`` and ``TTv2IdealizedPreset``."""
    return c_ttv2_idealized().model_copy(update={"in_chop_prob": 0.0})


def c_ttv2_reram() -> ChoppedTransferSettings:
    """c-TTv2 of aihwkit's ``ChoppedTTv2ReRamESPreset`` and ``ChoppedTTv2ReRamSBPreset``."""
    return ChoppedTransferSettings(
        fast_lr=0.5, auto_granularity=1000.0, in_chop_prob=0.01, auto_scale=True, update=LONG
    )


def c_ttv2_capacitor() -> ChoppedTransferSettings:
    """c-TTv2 of aihwkit's ``ChoppedTTv2CapacitorPreset``."""
    return ChoppedTransferSettings(
        fast_lr=0.1, auto_granularity=1000.0, in_chop_prob=0.01, auto_scale=True, update=LONG
    )


def c_ttv2_ecram() -> ChoppedTransferSettings:
    """c-TTv2 of aihwkit's ``ChoppedTTv2EcRamPreset``, with trains of 31 slots instead of 100."""
    return ChoppedTransferSettings(
        fast_lr=MORE, auto_granularity=500.0, in_chop_prob=0.01, auto_scale=True, update=LONG
    )


def c_ttv2_idealized() -> ChoppedTransferSettings:
    """c-TTv2 of aihwkit's ``ChoppedTTv2EcRamMOPreset`` and ``ChoppedTTv2IdealizedPreset``, trains as above."""
    return ChoppedTransferSettings(
        fast_lr=0.1 * MORE, auto_granularity=500.0, in_chop_prob=0.001, auto_scale=True, update=LONG
    )


def agad_reram() -> DynamicTransferSettings:
    """AGAD of aihwkit's ``AGADReRamESPreset`` and ``AGADReRamSBPreset``."""
    return DynamicTransferSettings(
        fast_lr=0.5, auto_granularity=1000.0, in_chop_prob=0.02, auto_scale=True, update=LONG
    )


def agad_capacitor() -> DynamicTransferSettings:
    """AGAD of aihwkit's ``AGADCapacitorPreset``."""
    return DynamicTransferSettings(
        fast_lr=0.1, auto_granularity=1000.0, in_chop_prob=0.01, tail_weightening=20.0, auto_scale=True, update=LONG
    )


def agad_ecram() -> DynamicTransferSettings:
    """AGAD of aihwkit's ``AGADEcRamPreset``."""
    return DynamicTransferSettings(
        fast_lr=0.1, auto_granularity=750.0, in_chop_prob=0.005, tail_weightening=50.0, auto_scale=True, update=LONG
    )


def agad_idealized() -> DynamicTransferSettings:
    """AGAD of aihwkit's ``AGADEcRamMOPreset`` and ``AGADIdealizedPreset``, with trains of 31 slots instead of 100."""
    return DynamicTransferSettings(
        fast_lr=0.1 * MORE,
        auto_granularity=500.0,
        in_chop_prob=0.005,
        tail_weightening=50.0,
        auto_scale=True,
        update=LONG,
    )


def residual_learning() -> ResidualLearningSettings:
    """Residual learning (arXiv:2502.06309): reads see W + 0.4 P; beta = 0.01, a line after every sample."""
    return ResidualLearningSettings()


def rlv2() -> ResidualLearningV2Settings:
    """RLv2 (arXiv:2502.06309): residual learning with a digital buffer that forgets and writes single pulses."""
    return ResidualLearningV2Settings()


def mixed_precision() -> MixedPrecisionSettings:
    """Mixed precision (doi:10.3389/fnins.2020.00406): exact numbers of pulses once a mini-batch."""
    return MixedPrecisionSettings()


def mixed_precision_kit() -> MixedPrecisionSettings:
    """Mixed precision as aihwkit's ``MixedPrecisionCompound`` writes: stochastic trains for each output line."""
    return MixedPrecisionSettings(writing="trains")


def stochastic_hamiltonian_descent() -> HamiltonianDescentSettings:
    """Stochastic Hamiltonian descent (our reading of arXiv:2201.13377): positions, momenta, friction by asymmetry."""
    return HamiltonianDescentSettings()
