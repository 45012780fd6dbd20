"""The JSON schema of a document as people write it: with presets, included files, quantities and constants."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema

from archsim import plugins
from archsim.document.expand import INCLUDE, PRESET
from archsim.document.field_descriptions import (
    FieldDescriptions,
    description_of,
    load_field_descriptions,
    models_in,
    prose,
    specifications,
)
from archsim.document.presets import SLOTS
from archsim.experiment import Experiment
from archsim.specification import OPEN_GROUP, Constant

__all__ = ["schema"]

_Part = dict[str, Any]
_REFERENCE = "#/$defs/"
_HEAD = (
    "A document of archsim. Quantities are a number and a unit, such as '130 ns'. What a section needs may come from "
    "its preset or from a file that it includes, so nothing is required here; archsim itself says what is missing. "
    "x-unit: the unit of a plain number. x-source: where a default comes from. x-required: has no default."
)


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of an experiment document.

    Ranges, defaults and choices are those of the specifications that check a document. It holds for
    documents that name presets and include files, and for resolved ones.
    """
    paths = specifications()
    references, made = models_json_schema([(model, "validation") for model in paths])
    names = {_name(reference) for reference in references.values()}
    # Not the classes behind quantities: those are written as text.
    definitions: dict[str, _Part] = {name: part for name, part in made["$defs"].items() if name in names}
    descriptions = load_field_descriptions()
    titles: dict[str, str] = {}
    for model in paths:
        name = _name(references[model, "validation"])
        part = definitions[name]
        if issubclass(model, Constant):
            titles[name] = f"{part['properties']['value']['description'].split()[-1].title()}Constant"
        slots = {path[-1]: group for path, group in SLOTS.items() if path[:-1] in paths[model]}
        slots |= {path[-2]: group for path, group in SLOTS.items() if path[-1] == "*" and path[:-2] in paths[model]}
        _write(part, model, descriptions, slots, definitions)
    root = definitions.pop(_name(references[Experiment, "validation"]))
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": "archsim experiment",
        "description": _HEAD,
        "$defs": {titles.get(name, name): part for name, part in definitions.items()},
    }
    renamed: dict[str, Any] = _renamed(
        whole, {f"{_REFERENCE}{old}": f"{_REFERENCE}{new}" for old, new in titles.items()}
    )
    return renamed


def _write(
    part: _Part,
    model: type[BaseModel],
    descriptions: FieldDescriptions,
    slots: dict[str, plugins.Group],
    definitions: dict[str, _Part],
) -> None:
    """Turn the schema of a specification into that of what people write for it."""
    constant = issubclass(model, Constant)
    part["description"] = prose(model)
    part.pop("title", None)
    needed = part.pop("required", [])
    for name, field in model.model_fields.items():
        said = description_of(model, name, descriptions)
        written = _as_written(_without_kinds(part["properties"][name]), field)
        if name in slots:
            written = _or_preset(written, slots[name], definitions)
        if constant and name == "value":
            written = {"anyOf": [written, {"const": 0}]}
        written |= {"description": said.text} | ({"x-unit": said.unit} if said.unit else {})
        written |= {"x-required": True} if name in needed else {"default": _default(field)}
        source = _source(field, said.source)
        part["properties"][name] = written | ({"x-source": source} if source else {})
    if not constant:
        part["properties"][INCLUDE] = _INCLUDES


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _renamed(value, names) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_renamed(item, names) for item in part]
    if isinstance(part, str) and part.startswith(_REFERENCE):
        head, slash, rest = part.removeprefix(_REFERENCE).partition("/")
        return names.get(f"{_REFERENCE}{head}", f"{_REFERENCE}{head}") + slash + rest
    return part


_INCLUDES: _Part = {
    "description": "Files that this section starts from; relative to this file. Later ones win, and its own keys win.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


def _name(reference: Any) -> str:
    return str(reference["$ref"]).removeprefix(_REFERENCE)


def _without_kinds(part: _Part) -> _Part:
    """Return a part without the rule that its kind is told: it may come from a preset."""
    part = {key: value for key, value in part.items() if key != OPEN_GROUP}
    if "anyOf" in part:
        return part | {"anyOf": [_without_kinds(branch) for branch in part["anyOf"]]}
    if "items" in part:
        return part | {"items": _without_kinds(part["items"])}
    if "oneOf" not in part:
        return part
    return {key: value for key, value in part.items() if key not in ("oneOf", "discriminator")} | {
        "anyOf": part["oneOf"]
    }


def _as_written(part: _Part, field: FieldInfo) -> _Part:
    below = [model for model, _ in models_in(field.annotation)]
    part = {key: value for key, value in part.items() if key not in ("title", "default")}
    if below and all(issubclass(model, Constant) for model in below):
        return {"anyOf": [part, {"$ref": f"{part['$ref']}/properties/value"}]}
    if below and not field.is_required():
        return {"anyOf": [part, {"type": "null"}]}
    if part.get("type") == "string" and "examples" in part:
        return part | {"x-unit": part["description"]}
    return part


def _or_preset(part: _Part, group: plugins.Group, definitions: dict[str, _Part]) -> _Part:
    listed = next((branch for branch in part.get("anyOf", [part]) if "items" in branch), None)
    if listed is not None:
        listed["items"] = _or_preset(listed["items"], group, definitions)
        return part
    named = {"type": "string", "description": "a preset, or the path of a YAML file", "examples": plugins.names(group)}
    for reference in _references(part):
        definitions[reference.removeprefix(_REFERENCE)]["properties"][PRESET] = named | {
            "description": "The preset, by name or by the path of a YAML file, that this section starts from."
        }
    return {"anyOf": [named, part]}


def _references(part: _Part) -> list[str]:
    if "$ref" in part:
        return [part["$ref"]]
    return [reference for branch in part.get("anyOf", []) for reference in _references(branch)]


def _default(field: FieldInfo) -> Any:
    return _as_default(field.get_default(call_default_factory=True))


def _as_default(value: Any) -> Any:
    if isinstance(value, Constant):
        return value.model_dump(mode="json")
    if isinstance(value, BaseModel):
        return {"kind": value.model_dump()["kind"]} if "kind" in type(value).model_fields else {}
    return [_as_default(item) for item in value] if isinstance(value, tuple) else value


def _source(field: FieldInfo, said: str) -> str:
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    return f"{value.status}: {value.source}" if isinstance(value, Constant) else said
