"""Devices by name. Every number is published; defaults are those of aihwkit's device classes.

Sources: aihwkit (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494; device presets as of commit 4545f11) and the
papers named at each device.
"""

from __future__ import annotations

from archsim.analog.specification import ConstantStep, Ideal, LinearStep, SoftBounds

__all__ = [
    "constant_step",
    "ecram",
    "ecram_mo",
    "gokmen_vlasov",
    "ideal",
    "idealized",
    "linear_step",
    "soft_bounds",
]


def ideal() -> Ideal:
    """Exact updates W <- W - lr d x^T without bounds: the digital baseline."""
    return Ideal()


def constant_step() -> ConstantStep:
    """Constant step: w +- dw (1 + sigma N), dw = 0.001, bounds +-0.6, variations 30 %.

    Defaults of aihwkit's ``ConstantStepDevice``.
    """
    return ConstantStep()


def linear_step() -> LinearStep:
    """Linear step: w +- dw (1 - gamma w / w_bound)(1 + sigma N) (aihwkit ``LinearStepDevice``)."""
    return LinearStep()


def soft_bounds() -> SoftBounds:
    """Soft bounds: up + dw (1 - w / w_max), down - dw (1 - w / w_min).

    The asymmetric linear device of arXiv:2406.12774. Variations and bounds are those of aihwkit's ``SoftBoundsDevice``.
    """
    return SoftBounds()


def idealized() -> ConstantStep:
    """Return a constant step with 10,000 states between the mean bounds (aihwkit ``IdealizedPresetDevice``)."""
    return ConstantStep(dw_min=0.0002, w_max=1.0, w_min=-1.0, up_down_dtod=0.0)


def gokmen_vlasov() -> ConstantStep:
    """Constant step with about 1,200 states: the resistive processing unit of doi:10.3389/fnins.2016.00333.

    Values of aihwkit ``GokmenVlasovPresetDevice``.
    """
    return ConstantStep(dw_min=0.0016, w_max=1.0, w_min=-1.0)


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
