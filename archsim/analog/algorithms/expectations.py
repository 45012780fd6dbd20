"""What algorithms take on average, for runs without numbers."""

from __future__ import annotations

from fractions import Fraction

from archsim.analog.specification import UpdateParameters

__all__ = ["train_length"]


def train_length(update: UpdateParameters) -> Fraction:
    """Return the expected slots of a pulse train: ``expected_bl``, or the full length ``desired_bl`` without it."""
    length = update.desired_bl if update.expected_bl is None else update.expected_bl
    return Fraction(length).limit_denominator(10**6)
