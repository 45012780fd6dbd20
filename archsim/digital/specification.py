"""What a user says about the arithmetic of a near-memory unit."""

from __future__ import annotations

import copyreg
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from archsim.digital.formats import Format, FormatField, SignedFormatField
from archsim.specification import Constant, OpenUnion, Specification, contradiction

__all__ = [
    "ArithmeticSettings",
    "ArithmeticUnion",
    "DigitalOptimizer",
    "FixedPointSettings",
    "Float16Settings",
    "Float32Settings",
    "FormatConstant",
    "GradientClipping",
]

#: Where the formats of scales and offsets come from.
_NMPU = "Ferro et al., arXiv:2402.07549, as summaries of it quote the paper (its text was not read)"


class ArithmeticSettings(Specification):
    """In which numbers a near-memory unit computes. A kind with settings adds fields to this."""

    kind: str

    @property
    def stored_bits(self) -> int | None:
        """Bits that buffers and links need for each number; None where the kind leaves them to ``element_bits``."""
        return None

    @property
    def parameter_bits(self) -> int | None:
        """Bits of each number that the unit holds; None where the kind leaves them to ``element_bits``."""
        return self.stored_bits


class Float32Settings(ArithmeticSettings):
    """IEEE 754 single precision, each operation rounded to nearest."""

    kind: Literal["float32"] = "float32"


class Float16Settings(ArithmeticSettings):
    """IEEE 754 half precision, each operation rounded to nearest; what is too large becomes +-65504."""

    kind: Literal["float16"] = "float16"

    @property
    def stored_bits(self) -> int:
        """16."""
        return 16


def _with_source(value: object) -> object:
    if isinstance(value, (dict, Constant)):
        return value
    return {"value": value, "source": "experiment document", "status": "user"}


class FormatConstant(Constant[FormatField]):
    """A format that says where it comes from."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what another process needs: a class with a name of its own, and its state."""
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]


ColumnFormat = Annotated[FormatConstant, BeforeValidator(_with_source)]


def _second_hand(format_: Format) -> FormatConstant:
    return FormatConstant(value=format_, source=_NMPU, status="placeholder")


class FixedPointSettings(ArithmeticSettings):
    """Fixed-point numbers in formats u(i,f) and s(i,f): i integer bits, the sign among them for s, f fraction bits.

    ``scale`` and ``offset`` are the formats in which the scale and the bias of a column are applied; an offset counts
    steps of ``forward``. Vectors of ``backward`` and ``update`` carry a power of two each: the smallest one, with an
    exponent of ``exponents``, with which their largest magnitude fits.
    """

    kind: Literal["fixed-point"] = "fixed-point"
    forward: SignedFormatField = Field(default_factory=lambda: Format(True, 4, 4))
    backward: SignedFormatField = Field(default_factory=lambda: Format(True, 1, 7))
    update: SignedFormatField = Field(default_factory=lambda: Format(True, 1, 15))
    parameters: SignedFormatField = Field(default_factory=lambda: Format(True, 8, 16))
    scale: ColumnFormat = Field(default_factory=lambda: _second_hand(Format(False, 1, 7)))
    offset: ColumnFormat = Field(default_factory=lambda: _second_hand(Format(True, 7, 1)))
    exponents: tuple[Annotated[int, Field(ge=-64, le=16)], Annotated[int, Field(ge=-64, le=16)]] = (-24, 7)
    rounding: Literal["nearest", "truncate", "stochastic"] = "nearest"
    table_entries: Annotated[int, Field(ge=2, le=2**16)] = 256

    @property
    def stored_bits(self) -> int:
        """Those of the wider of what flows forward and backward; the exponent of a vector is not counted."""
        return max(self.forward.bits, self.backward.bits)

    @property
    def parameter_bits(self) -> int:
        """Those of ``parameters``."""
        return self.parameters.bits

    @model_validator(mode="after")
    def _can_be_built(self) -> FixedPointSettings:
        if self.exponents[0] > self.exponents[1]:
            raise contradiction(
                f"the exponents {list(self.exponents)} hold none",
                remedy="write the smallest exponent first",
            )
        if self.table_entries & (self.table_entries - 1):
            raise contradiction(
                f"{self.table_entries} entries of a table cannot be addressed by whole bits",
                allowed="a power of two",
                remedy=f"set it to {2 ** self.table_entries.bit_length() // 2} or to twice that",
            )
        return self


class GradientClipping(Specification):
    """How large gradients may be: of one vector where it drives an update of devices, of a parameter in a digital unit.

    The gradient of a vector is that of the sample's own loss, before it is averaged over others: d x^T of the errors d
    at the outputs of the matrix and its inputs x, for each vector (a position of a convolution, a step of a sequence).
    ``norm`` scales d so that |d| |x|, the norm of d x^T, is at most ``limit``; ``value`` bounds each element of d by
    it. Of what a digital unit holds (digital matrices, biases, scales, parameters of norms and embeddings), the
    gradient is that of the loss averaged over a mini-batch, and each parameter is clipped for itself: its norm, or
    each of its elements.
    """

    by: Literal["norm", "value"] = "norm"
    limit: Annotated[float, Field(gt=0)] = 1.0


class DigitalOptimizer(Specification):
    """How the numbers that digital units hold are trained: SGD as in PyTorch, with a step at the end of a mini-batch.

    With the gradient G of a mini-batch, ``momentum`` mu and ``weight_decay`` l: v <- mu v + G + l p, p <- p - lr v.
    Without ``decay_one_dimensional``, the decay spares parameters of one dimension, which are biases, output scales
    and parameters of norms. Without momentum, decay and clipping, the gradient of each micro-batch is applied as it
    comes. Matrices on tiles are trained by their algorithm.
    """

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    decay_one_dimensional: bool = True


#: An arithmetic of one of the kinds, those of other packages included.
ArithmeticUnion = Annotated[
    Annotated[Float32Settings | Float16Settings | FixedPointSettings, Field(discriminator="kind")],
    OpenUnion("archsim.arithmetics", default="float32"),
]
