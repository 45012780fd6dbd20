"""The base of everything a user can write: frozen models, no unknown keys, constants with a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from archsim.units import Picojoules, Picoseconds, SquareMicrometres, Watts

__all__ = [
    "AreaConstant",
    "Constant",
    "EnergyConstant",
    "PowerConstant",
    "Specification",
    "Status",
    "TimeConstant",
    "constants_of",
]

Status = Literal["measured", "published", "derived", "placeholder", "user"]
Value = TypeVar("Value")


class Specification(BaseModel):
    """What is known before a run. Immutable; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


class Constant(Specification, Generic[Value]):
    """A physical constant that says where it comes from.

    ``status`` is one of *measured* (on hardware, by the source), *published* (read in the source),
    *derived* (arithmetic on published numbers), *placeholder* (a guess; reports list it) and
    *user* (written in the experiment without a source).
    """

    value: Value
    source: str = ""
    status: Status = "user"


def _with_source(value: object) -> object:
    if isinstance(value, (dict, Constant)):
        return value
    return {"value": value, "source": "experiment document", "status": "user"}


TimeConstant = Annotated[Constant[Picoseconds], BeforeValidator(_with_source)]
EnergyConstant = Annotated[Constant[Picojoules], BeforeValidator(_with_source)]
PowerConstant = Annotated[Constant[Watts], BeforeValidator(_with_source)]
AreaConstant = Annotated[Constant[SquareMicrometres], BeforeValidator(_with_source)]


def constants_of(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Constant[Any]]]:
    """Yield every constant below `model` with its dotted name, in document order."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        dotted = f"{prefix}{name}"
        if isinstance(value, Constant):
            yield dotted, value
        elif isinstance(value, BaseModel):
            yield from constants_of(value, f"{dotted}.")
