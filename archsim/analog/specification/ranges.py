"""Number types that the specifications of the analog room share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

__all__ = ["NonNegative", "Positive"]

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
