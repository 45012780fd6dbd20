"""What a user says of momentum and weight decay, where gradients or weights are digital."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from archsim.analog.specification.ranges import NonNegative
from archsim.specification import Specification

__all__ = ["WithMomentum", "WithWeightDecay"]


class WithMomentum(Specification):
    """Gradients add up in digital memory."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0


class WithWeightDecay(WithMomentum):
    """Weights are digital, too."""

    weight_decay: NonNegative = 0.0
