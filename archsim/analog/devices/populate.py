"""From a pulsed device to the cells of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archsim.analog.devices import affine, curved
from archsim.analog.devices.draw import Draws
from archsim.analog.devices.population import Population
from archsim.analog.specification import (
    ConstantStep,
    ExponentialResponse,
    ExpStep,
    LinearResponse,
    LinearStep,
    PiecewiseStep,
    PowerResponse,
    PowStep,
    PowStepReference,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from archsim.specification import Specification

__all__ = ["populate"]

_DRAWERS: dict[type[Specification], Callable[[Any, Draws], Population]] = {
    ConstantStep: affine.constant_step,
    LinearStep: affine.linear_step,
    SoftBounds: affine.soft_bounds,
    SoftBoundsPmax: affine.soft_bounds,
    SoftBoundsReference: affine.soft_bounds_reference,
    LinearResponse: affine.linear_response,
    ExpStep: curved.exp_step,
    PowStep: curved.pow_step,
    PowStepReference: curved.pow_step_reference,
    PiecewiseStep: curved.piecewise_step,
    PowerResponse: curved.power_response,
    ExponentialResponse: curved.exponential_response,
}


def populate(device: Specification, outputs: int, inputs: int, identity: int, seed: int) -> Population:
    """Draw the cells of an array.

    Parameters
    ----------
    device : specification of a pulsed device
        Means and variations.
    outputs, inputs : int
        Size of the array.
    identity : int
        Which array of the run this is.
    seed : int
        Seed of all device populations.
    """
    return _DRAWERS[type(device)](device, Draws(outputs, inputs, identity, seed))
