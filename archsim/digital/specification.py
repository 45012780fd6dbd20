"""What a user says about the arithmetic of a near-memory unit."""

from __future__ import annotations

from typing import Annotated, Literal

from archsim.specification import OpenUnion, Specification

__all__ = ["ArithmeticSettings", "ArithmeticUnion", "Float32Settings"]


class ArithmeticSettings(Specification):
    """In which numbers a near-memory unit computes. A kind with settings adds fields to this."""

    kind: str


class Float32Settings(ArithmeticSettings):
    """IEEE 754 single precision, each operation rounded to nearest."""

    kind: Literal["float32"] = "float32"


#: An arithmetic of one of the kinds, those of other packages included.
ArithmeticUnion = Annotated[Float32Settings, OpenUnion("archsim.arithmetics", default="float32")]
