"""Settings of several kinds at one place of a document, where packages from outside may add kinds.

A field of the type ``Annotated[Specification, OpenUnion(group)]`` takes the settings of every kind that is registered
in the group. What is registered as ``my-kind`` has an attribute ``Settings``: a `Specification` with the field
``kind: Literal["my-kind"] = "my-kind"``. It is checked by its own fields, and shown by the JSON schema beside the
built-in kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from archsim import plugins
from archsim.errors import ArchsimError

__all__ = ["OpenUnion", "annotation_of", "models_in"]


@dataclass(frozen=True)
class OpenUnion:
    """Stands in an annotation for the settings of all registered kinds, told apart by ``kind``.

    The kinds are looked up when a specification that has such a field is first used, not when it is defined: a
    package that adds a kind may import archsim. So specifications with such a field, and those that hold them, need
    ``defer_build``.

    Attributes
    ----------
    group : str
        The group of entry points that lists the kinds.
    """

    group: plugins.Group

    def settings(self) -> Iterator[tuple[str, type[BaseModel]]]:
        """Yield every kind that can be loaded, with its settings."""
        for kind in plugins.names(self.group):
            try:
                yield kind, settings_of(self.group, kind)
            except ArchsimError:
                continue

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the rule that the kind decides which settings are checked."""
        choices: dict[str, CoreSchema] = {}
        for kind in plugins.names(self.group):
            try:
                choices[kind] = handler.generate_schema(settings_of(self.group, kind))
            except ArchsimError as error:
                choices[kind] = _refusal(str(error))
        return core_schema.tagged_union_schema(choices, discriminator="kind")


def settings_of(group: plugins.Group, kind: str) -> type[BaseModel]:
    """Return the settings of a kind.

    Raises
    ------
    ArchsimError
        If the kind cannot be loaded, or has no settings that carry its name.
    """
    registered = plugins.load(group, kind)
    settings = getattr(registered, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise ArchsimError(f"'{kind}' of {group} has no attribute 'Settings' that is a specification")
    field = settings.model_fields.get("kind")
    if field is None or kind not in get_args(field.annotation):
        raise ArchsimError(f"the settings of '{kind}' of {group} need the field kind: Literal[\"{kind}\"]")
    return settings


def annotation_of(field: FieldInfo) -> Any:
    """Return the annotation of a field as it was written: the library takes an open union apart."""
    unions = [item for item in field.metadata if isinstance(item, OpenUnion)]
    return Annotated[field.annotation, unions[0]] if unions else field.annotation


def models_in(annotation: Any) -> Iterator[tuple[type[BaseModel], bool]]:
    """Yield the specifications that an annotation names, and whether they stand in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, False
        return
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, OpenUnion):
            yield from ((settings, False) for _, settings in item.settings())
            return
    listed = getattr(annotation, "__origin__", None) is tuple
    for argument in get_args(annotation):
        for model, below in models_in(argument):
            yield model, listed or below


def _refusal(problem: str) -> CoreSchema:
    def refuse(value: Any) -> Any:
        raise PydanticCustomError("broken_kind", "{problem}", {"problem": problem})

    return core_schema.no_info_plain_validator_function(refuse)
