"""The base of everything a user can write: frozen models, no unknown keys, constants with a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from archsim import plugins
from archsim.errors import ArchsimError
from archsim.units import Picojoules, Picoseconds, SquareMicrometres, Watts

__all__ = [
    "OPEN_GROUP",
    "AreaConstant",
    "Constant",
    "Domain",
    "EnergyConstant",
    "OpenFamily",
    "OpenUnion",
    "PowerConstant",
    "Registered",
    "Scaling",
    "Specification",
    "Status",
    "TimeConstant",
    "constants_of",
    "contradiction",
    "settings_of",
    "values_of",
]

#: Where a kind is told, in every specification of one of several kinds.
_KIND = "kind"
#: Where the JSON schema of a union says in which group further kinds are registered.
OPEN_GROUP = "x-group"

Status = Literal["measured", "published", "derived", "placeholder", "user"]
Value = TypeVar("Value")


def _as_span(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


#: A number, or the lowest and the highest of several.
Span = Annotated[tuple[float, ...], Field(min_length=2, max_length=2), BeforeValidator(_as_span)]


def contradiction(
    problem: str, *, remedy: str, field: str | None = None, allowed: str | None = None
) -> PydanticCustomError:
    """Return the error of a validator that sees keys which do not go together.

    Parameters
    ----------
    problem : str
        What is wrong, in a sentence.
    remedy : str
        What to do about it.
    field : str, optional
        Dotted name in the document of the key to blame, where it is known.
    allowed : str, optional
        What may stand there.
    """
    known = {"problem": problem, "remedy": remedy, "field": field, "allowed": allowed}
    return PydanticCustomError("contradiction", "{problem}", {key: text for key, text in known.items() if text})


class Specification(BaseModel):
    """What is known before a run. Immutable; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True, defer_build=True
    )


class _Sparse(Specification):
    """Written with what is set only."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_set(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if value is not None}


class Domain(_Sparse):
    """The design of a chip for which a source gave a constant: one number, or the lowest and the highest."""

    rows: Span | None = None
    columns: Span | None = None
    dac_bits: Span | None = None
    adc_bits: Span | None = None
    lanes: Span | None = None
    element_bits: Span | None = None
    buffer_bytes: Span | None = None
    port_bytes: Span | None = None
    link_bytes: Span | None = None
    node_nm: Span | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Domain:
        for name in type(self).model_fields:
            span = getattr(self, name)
            if span is not None and not 0 < span[0] <= span[1]:
                raise ValueError(f"{name} needs numbers above 0, the lowest first")
        return self


class Scaling(_Sparse):
    """How a constant goes on outside its domain: (number / nearest number of the domain) ** exponent.

    Bits stand for their levels, 2**bits. An exponent of 0 says that the constant does not depend on this.
    """

    rows: float | None = None
    columns: float | None = None
    dac_bits: float | None = None
    adc_bits: float | None = None
    lanes: float | None = None
    element_bits: float | None = None
    buffer_bytes: float | None = None
    port_bytes: float | None = None
    link_bytes: float | None = None
    node_nm: float | None = None


class Constant(Specification, Generic[Value]):
    """A physical constant that says where it comes from.

    ``status`` is one of *measured* (on hardware, by the source), *published* (read in the source),
    *derived* (arithmetic on published numbers), *placeholder* (a guess; reports list it) and
    *user* (written in the experiment without a source).

    ``domain`` says for which design the source gave the value, and ``scaling`` by which rule it goes on
    outside. A chip outside the domain without a rule keeps the value as a *placeholder*, and the run warns.
    """

    value: Value
    source: str = ""
    status: Status = "user"
    domain: Domain | None = None
    scaling: Scaling | None = None

    @model_validator(mode="after")
    def _scales_from_a_domain(self) -> Constant[Value]:
        for name in Scaling.model_fields:
            if getattr(self.scaling, name, None) is not None and getattr(self.domain, name, None) is None:
                raise ValueError(f"a scaling with {name} needs the domain of {name} that it starts from")
        return self

    @model_serializer(mode="wrap")
    def _without_an_empty_domain(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if value is not None}

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what another process needs: its class is one of several that share a name."""
        return _empty, (_VALUES.index(self.__pydantic_generic_metadata__["args"][0]),), self.__getstate__()


#: What a constant's value can be; numbers without a unit stand where nothing is modelled.
_VALUES: tuple[Any, ...] = (Picoseconds, Picojoules, Watts, SquareMicrometres, float, int)


def _empty(value: int) -> Constant[Any]:
    """Return a constant of one of `_VALUES` that has yet to take its state."""
    kind: Any = Constant.__class_getitem__(_VALUES[value])
    empty: Constant[Any] = kind.__new__(kind)
    return empty


def _with_source(value: object) -> object:
    if isinstance(value, (dict, Constant)):
        return value
    return {"value": value, "source": "experiment document", "status": "user"}


TimeConstant = Annotated[Constant[Picoseconds], BeforeValidator(_with_source)]
EnergyConstant = Annotated[Constant[Picojoules], BeforeValidator(_with_source)]
PowerConstant = Annotated[Constant[Watts], BeforeValidator(_with_source)]
AreaConstant = Annotated[Constant[SquareMicrometres], BeforeValidator(_with_source)]


def values_of(settings: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted path and the value of everything within a specification that has no parts of its own.

    A constant is one value, with its source and domain.
    """
    if isinstance(settings, BaseModel) and not isinstance(settings, Constant):
        for name, value in settings.__dict__.items():
            yield from values_of(value, f"{path}.{name}" if path else name)
    elif isinstance(settings, tuple | list):
        for index, item in enumerate(settings):
            yield from values_of(item, f"{path}.{index}" if path else str(index))
    else:
        yield path, settings


def constants_of(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Constant[Any]]]:
    """Yield every constant below `model` with its dotted name, in document order."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        dotted = f"{prefix}{name}"
        if isinstance(value, Constant):
            yield dotted, value
        elif isinstance(value, BaseModel):
            yield from constants_of(value, f"{dotted}.")


@dataclass(frozen=True)
class OpenUnion:
    """Opens an annotated union of specifications, told apart by ``kind``, for those of other packages.

    ``Annotated[A | B, Field(discriminator="kind"), OpenUnion("archsim.things")]`` takes what the union takes, and the
    ``Settings`` of whatever is registered in the group under another name, which is its kind. The JSON schema is that
    of the union.

    Parameters
    ----------
    group : plugins.Group
        The group whose members have a specification ``Settings``.
    without : tuple of str
        Registered kinds that may not stand here.
    default : str, optional
        The kind of a section that names none.
    """

    group: plugins.Group
    without: tuple[str, ...] = ()
    default: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wrap the union's own validation and serialization."""
        closed = handler(source)
        members = get_args(source) or (source,)
        closed_kinds = {kind for member in members for kind in get_args(member.model_fields[_KIND].annotation)}
        refused = {*self.without} - closed_kinds

        def validate(value: Any, union: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            if info.mode == "json":
                value = _as_tuples(value)
            if self.default is not None and isinstance(value, dict) and _KIND not in value:
                value = {_KIND: self.default} | value
            kind = value.get(_KIND) if isinstance(value, dict) else getattr(value, _KIND, None)
            if not isinstance(kind, str) or kind in closed_kinds:
                return union(value)
            known = {*plugins.names(self.group), *closed_kinds} - refused
            if kind not in known:
                listed = ", ".join(sorted(known))
                raise PydanticCustomError("union_tag_invalid", "there is no such kind", {"kinds": listed})
            settings = settings_of(self.group, kind)
            return settings.model_validate(value, strict=info.mode == "json")

        # Each specification writes itself: the union's own writer takes defaults for values of other types.
        writer = core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True)
        return core_schema.with_info_wrap_validator_function(validate, closed, serialization=writer)

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema of the union, and the group in which further kinds are registered."""
        return handler(core) | {OPEN_GROUP: self.group}


@dataclass(frozen=True)
class Registered:
    """Annotates a text as a name of a group, for its JSON schema.

    Parameters
    ----------
    group : plugins.Group
        The group.
    """

    group: plugins.Group

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema of a text that is one of the names."""
        return handler(core) | {"enum": list(plugins.names(self.group))}


@dataclass(frozen=True)
class OpenFamily:
    """Opens a specification for those that derive from it, told apart by ``kind``, of this and of other packages.

    ``Annotated[Common | Special, OpenFamily("archsim.things")]`` takes for each kind the ``Settings`` of what is
    registered under its name in the group, and ``Common`` for a name that nothing is registered under. A kind without
    keys of its own has ``Common`` for its settings. The JSON schema is that of the union.

    Parameters
    ----------
    group : plugins.Group
        The group whose members have a specification ``Settings``, which derives from the first of the union.
    """

    group: plugins.Group

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Put the registered specifications in the place of the union's own validation and serialization."""
        closed = handler(source)
        common: type[Specification] = (get_args(source) or (source,))[0]
        usual = common.model_fields[_KIND].default

        def validate(value: Any, union: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
            if info.mode == "json":
                value = _as_tuples(value)
            kind = value.get(_KIND, usual) if isinstance(value, dict) else getattr(value, _KIND, None)
            if isinstance(value, dict) and not isinstance(kind, str):
                known = ", ".join(plugins.names(self.group))
                raise PydanticCustomError("union_tag_invalid", "there is no such kind", {"kinds": known})
            settings = common
            if isinstance(kind, str) and kind in plugins.names(self.group):
                settings = getattr(plugins.load(self.group, kind), "Settings", common)
            return settings.model_validate(value, strict=info.mode == "json")

        writer = core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True)
        return core_schema.with_info_wrap_validator_function(validate, closed, serialization=writer)

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema of the union, and the group in which the kinds are registered."""
        return handler(core) | {OPEN_GROUP: self.group}


def _dumped(value: BaseModel, info: SerializationInfo) -> Any:
    return value.model_dump(mode=info.mode)


def settings_of(group: plugins.Group, kind: str) -> type[Specification]:
    """Return the ``Settings`` of a kind: what stands in a document for it.

    Raises
    ------
    ArchsimError
        If what is registered has none.
    """
    registered = plugins.load(group, kind)
    settings = getattr(registered, "Settings", registered)
    if not (isinstance(settings, type) and issubclass(settings, Specification)):
        raise ArchsimError(f"'{kind}' of {group} has no specification 'Settings', which says what a document may hold")
    return settings


def _as_tuples(value: Any) -> Any:
    """Return lists as tuples, at any depth: JSON knows lists only, specifications tuples only."""
    if isinstance(value, dict):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value
