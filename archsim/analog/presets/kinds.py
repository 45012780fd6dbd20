"""Every kind of device under its own name, with the defaults of its specification."""

from __future__ import annotations

from archsim.analog.specification import (
    ConstantStep,
    ExponentialResponse,
    ExpStep,
    Ideal,
    LinearResponse,
    LinearStep,
    OneSided,
    PiecewiseStep,
    PowerResponse,
    PowStep,
    PowStepReference,
    ReferenceCell,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
    Vector,
)

__all__ = [
    "constant_step",
    "exp_step",
    "exponential_response",
    "ideal",
    "linear_response",
    "linear_step",
    "one_sided",
    "piecewise_step",
    "pow_step",
    "pow_step_reference",
    "power_response",
    "reference_cell",
    "soft_bounds",
    "soft_bounds_pmax",
    "soft_bounds_reference",
    "vector",
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


def soft_bounds_reference() -> SoftBoundsReference:
    """Soft bounds with a reference that is subtracted, and additive noise (aihwkit ``SoftBoundsReferenceDevice``).

    The device model of doi:10.1038/s41467-024-51221-z.
    """
    return SoftBoundsReference()


def soft_bounds_pmax() -> SoftBoundsPmax:
    """Soft bounds in the parameters of a pulse measurement (aihwkit ``SoftBoundsPmaxDevice``)."""
    return SoftBoundsPmax()


def exp_step() -> ExpStep:
    """Exponential step: up + dw max(1 - A exp(gamma z), 0), z a linear function of the weight.

    Defaults of aihwkit's ``ExpStepDevice``.
    """
    return ExpStep()


def pow_step() -> PowStep:
    """Power step: up + dw ((w_max - w) / range)^gamma (aihwkit ``PowStepDevice``; doi:10.1038/nn1859)."""
    return PowStep()


def pow_step_reference() -> PowStepReference:
    """Power step with a reference that is subtracted (aihwkit ``PowStepReferenceDevice``)."""
    return PowStepReference()


def piecewise_step() -> PiecewiseStep:
    """Piecewise step: dw times what is interpolated between nodes (aihwkit ``PiecewiseStepDevice``).

    The default has one node, which makes the step constant.
    """
    return PiecewiseStep()


def linear_response() -> LinearResponse:
    """Linear response: up (1 + c)(1 - w / tau), down (1 - c)(1 + w / tau) (arXiv:2502.06309), tau = 1, c = 0."""
    return LinearResponse()


def power_response() -> PowerResponse:
    """Power response: (1 -+ w / tau)^gamma (arXiv:2502.06309), tau = 1, gamma = 3."""
    return PowerResponse()


def exponential_response() -> ExponentialResponse:
    """Exponential response: expm1(gamma (1 -+ w / tau)) / expm1(gamma) (arXiv:2502.06309), tau = 1, gamma = 4."""
    return ExponentialResponse()


def one_sided() -> OneSided:
    """One-sided pair: up pulses on either of two soft-bounds devices, whose difference is the weight.

    Thresholds of aihwkit's ``OneSidedUnitCell``, which does not refresh unless it is told to.
    """
    return OneSided()


def vector() -> Vector:
    """Vector cell: the mean of two soft-bounds devices that get the same pulses (aihwkit ``VectorUnitCell``)."""
    return Vector()


def reference_cell() -> ReferenceCell:
    """Reference cell: a soft-bounds device minus another one that keeps its weight (aihwkit ``ReferenceUnitCell``)."""
    return ReferenceCell()
