"""Devices fitted to measurements, and idealised ones of the literature.

Values of aihwkit (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494; device presets as of commit 4545f11) and the
papers named at each device.
"""

from __future__ import annotations

from archsim.analog.specification import ConstantStep, ExpStep, LinearStep, OneSided, SoftBoundsReference

__all__ = [
    "capacitor",
    "ecram",
    "ecram_mo",
    "gokmen_vlasov",
    "idealized",
    "pcm",
    "reram_array_hfo2",
    "reram_array_om",
    "reram_es",
    "reram_sb",
]


def idealized() -> ConstantStep:
    """Return a constant step with 10,000 states between the mean bounds (aihwkit ``IdealizedPresetDevice``)."""
    return ConstantStep(dw_min=0.0002, w_max=1.0, w_min=-1.0, up_down_dtod=0.0)


def gokmen_vlasov() -> ConstantStep:
    """Constant step with about 1,200 states: the resistive processing unit of doi:10.3389/fnins.2016.00333.

    Values of aihwkit ``GokmenVlasovPresetDevice``.
    """
    return ConstantStep(dw_min=0.0016, w_max=1.0, w_min=-1.0)


def capacitor() -> LinearStep:
    """Capacitor cell of Li et al. 2018 (VLSI, doi:10.1109/VLSIT.2018.8510648).

    The fit of aihwkit ``CapacitorPresetDevice``. It leaks with a lifetime of a million mini-batches.
    """
    return LinearStep(
        dw_min=0.005,
        w_max=1.0,
        w_min=-1.0,
        dw_min_dtod=0.1,
        up_down_dtod=0.06,
        w_max_dtod=0.07,
        w_min_dtod=0.07,
        gamma_up=0.05,
        gamma_down=0.05,
        gamma_up_dtod=0.01,
        gamma_down_dtod=0.01,
        mult_noise=False,
        lifetime=1e6,
        lifetime_dtod=0.3,
    )


def ecram() -> LinearStep:
    """Electro-chemical memory of Tang et al. 2018 (IEDM), fitted in aihwkit ``EcRamPresetDevice``."""
    return LinearStep(
        dw_min=0.002,
        w_max=1.1724,
        w_min=-0.8276,
        dw_min_dtod=0.1,
        w_max_dtod=0.05,
        w_min_dtod=0.05,
        gamma_up=0.1153,
        gamma_down=0.5085,
    )


def ecram_mo() -> LinearStep:
    """Metal-oxide electro-chemical memory of Kim et al. 2019 (IEDM), fitted in aihwkit ``EcRamMOPresetDevice``."""
    return LinearStep(
        dw_min=2.8214e-4,
        dw_min_std=2.0,
        w_max=1.1714,
        w_min=-0.8286,
        dw_min_dtod=0.1,
        w_max_dtod=0.05,
        w_min_dtod=0.05,
        gamma_up=0.4152,
        gamma_down=0.7342,
    )


def reram_es() -> ExpStep:
    """Resistive memory of Gong et al. 2018 (doi:10.1038/s41467-018-04485-1), with an exponential step.

    The fit of aihwkit ``ReRamESPresetDevice``.
    """
    return ExpStep(
        dw_min=0.00135,
        up_down=0.259359,
        w_max=1.0,
        w_min=-1.0,
        a=-0.5,
        b=-0.5,
        gamma_up=5.0,
        gamma_down=5.0,
        A_up=-1.18445,
        A_down=-0.081404,
        dw_min_dtod=0.2,
        up_down_dtod=0.05,
        dw_min_std=5.0,
        write_noise_std=75.0,
    )


def reram_sb() -> SoftBoundsReference:
    """Resistive memory of Gong et al. 2018 (doi:10.1038/s41467-018-04485-1), loosely, with soft bounds.

    The fit of aihwkit ``ReRamSBPresetDevice``, which takes the symmetric point as subtracted already.
    """
    return SoftBoundsReference(
        dw_min=0.002,
        w_max=1.25,
        w_min=-0.75,
        w_max_dtod=0.3 / 1.25,
        w_min_dtod=0.3 / 0.75,
        dw_min_std=3.75,
        write_noise_std=56.0,
    )


def reram_array_om() -> SoftBoundsReference:
    """Array of resistive memory of optimised material, Gong, Rasch et al. 2022 (IEDM).

    The fit of aihwkit ``ReRamArrayOMPresetDevice``. The symmetric point is subtracted with an error of 5 %. Of the
    measured cells 13.48 % were corrupt; set `corrupt_devices_prob` for that.
    """
    return SoftBoundsReference(
        dw_min=0.0949,
        dw_min_dtod=0.7829,
        dw_min_dtod_log_normal=True,
        dw_min_std=0.4158,
        w_max=1.0,
        w_min=-1.0,
        w_max_dtod=0.3499,
        w_min_dtod=0.5695,
        write_noise_std=1.4113,
        subtract_symmetry_point=True,
        reference_std=0.05,
    )


def reram_array_hfo2() -> SoftBoundsReference:
    """Array of resistive memory of baseline hafnium oxide, Gong, Rasch et al. 2022 (IEDM).

    The fit of aihwkit ``ReRamArrayHfO2PresetDevice``. The symmetric point is subtracted with an error of 5 %. Of the
    measured cells 9.77 % were corrupt; set `corrupt_devices_prob` for that.
    """
    return SoftBoundsReference(
        dw_min=0.4622,
        dw_min_dtod=0.7125,
        dw_min_dtod_log_normal=True,
        dw_min_std=0.2174,
        w_max=1.0,
        w_min=-1.0,
        w_max_dtod=0.4295,
        w_min_dtod=0.5990,
        write_noise_std=0.5841,
        subtract_symmetry_point=True,
        reference_std=0.05,
    )


def pcm() -> OneSided:
    """Pair of phase-change memories of Nandakumar et al. 2020 (doi:10.3389/fnins.2020.00406).

    The fit of aihwkit ``PCMPresetDevice`` in its ``PCMPresetUnitCell``; it is refreshed after each mini-batch.
    """
    device = ExpStep(
        dw_min=0.01,
        w_max=2.0,
        w_min=0.0,
        a=-1.0,
        b=0.0,
        gamma_up=2.5,
        gamma_down=2.5,
        A_up=-27.235,
        A_down=-2.235,
        dw_min_dtod=0.2,
        up_down_dtod=0.05,
        w_max_dtod=0.1,
        w_min_dtod=0.0,
        dw_min_std=0.6,
        dw_min_std_add=0.042,
        dw_min_std_slope=0.108,
        reset=0.01,
        reset_dtod=0.02,
    )
    return OneSided(device=device, refresh_every=1, units_in_mbatch=True)
