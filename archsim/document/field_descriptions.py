"""What every key of a document is: one text for the reference and for the JSON schema."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML

from archsim.experiment import Experiment
from archsim.specification import Constant

__all__ = [
    "FieldDescription",
    "FieldDescriptions",
    "description_of",
    "load_field_descriptions",
    "models_in",
    "prose",
    "specifications",
]

ModelPath = tuple[str, ...]
#: By specification and field.
FieldDescriptions = Mapping[str, Mapping[str, "FieldDescription"]]


@dataclass(frozen=True)
class FieldDescription:
    """What a key is.

    Attributes
    ----------
    text : str
        A sentence.
    unit : str
        Unit of a plain number; empty for what is no number or carries its unit.
    source : str
        Where its default comes from; empty if it is archsim's own choice.
    """

    text: str
    unit: str = ""
    source: str = ""


def load_field_descriptions() -> dict[str, dict[str, FieldDescription]]:
    """Return what each field of each specification means."""
    text = files(__package__).joinpath("field_descriptions.yaml").read_text(encoding="utf-8")
    written: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(text)
    return {
        model: {
            field: FieldDescription(**said) if isinstance(said, dict) else FieldDescription(said)
            for field, said in fields.items()
        }
        for model, fields in written.items()
    }


def description_of(model: type[BaseModel], field: str, descriptions: FieldDescriptions) -> FieldDescription:
    """Return what a field means: said of its own specification, or of one that it is derived from.

    Raises
    ------
    KeyError
        If nothing is said of it.
    """
    for base in model.__mro__:
        name = base.__name__.partition("[")[0]
        if field in descriptions.get(name, {}):
            return descriptions[name][field]
    raise KeyError(f"field_descriptions.yaml does not say what {model.__name__}.{field} means")


def prose(model: type[BaseModel]) -> str:
    """Return what a specification says of itself."""
    documented = Constant if issubclass(model, Constant) else model
    return inspect.cleandoc(documented.__doc__ or "").replace("``", "`")


def specifications() -> dict[type[BaseModel], list[ModelPath]]:
    """Return every specification of a document with the paths at which it stands, in document order.

    A ``*`` in a path is any position of a list.
    """
    found: dict[type[BaseModel], list[ModelPath]] = {}

    def walk(model: type[BaseModel], path: ModelPath) -> None:
        paths = found.setdefault(model, [])
        if path not in paths:
            paths.append(path)
        for name, field in model.model_fields.items():
            for below, listed in models_in(field.annotation):
                walk(below, (*path, name, "*") if listed else (*path, name))

    walk(Experiment, ())
    return found


def models_in(annotation: Any) -> Iterator[tuple[type[BaseModel], bool]]:
    """Yield the specifications that an annotation names, and whether they stand in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, False
        return
    listed = getattr(annotation, "__origin__", None) is tuple
    for argument in get_args(annotation):
        for model, below in models_in(argument):
            yield model, listed or below
