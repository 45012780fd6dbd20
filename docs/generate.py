"""Writes the parts of the documentation that the code knows best: docs/reference.md and the table in docs/results.md.

Run it after a change of the document's keys or of the metrics: ``python docs/generate.py``. A test compares.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from archsim.document.allowed import Schema
from archsim.document.meanings import Meaning, Meanings, load_meanings, meaning_of, models_in, prose, specifications
from archsim.document.presets import group_at
from archsim.document.tree import Node
from archsim.errors import Place
from archsim.results import METRICS
from archsim.specification import Constant

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference.md"
RESULTS = DOCS / "results.md"
BEGIN = "<!-- metrics: made by docs/generate.py -->"
END = "<!-- end of metrics -->"

HEAD = """\
# Reference: every key of an experiment

Made by `docs/generate.py` from the specifications that check a document. How documents, presets and overrides
work stands in [experiment.md](experiment.md). A key without a default is required. Quantities carry their unit;
for plain numbers the column *unit* tells it, 1 being a plain factor. `archsim schema` prints the same as a JSON schema.
Every section may also `include` files.
"""

ModelPath = tuple[str, ...]


def main() -> None:
    """Write both files anew."""
    REFERENCE.write_text(reference(), encoding="utf-8")
    RESULTS.write_text(with_metrics(RESULTS.read_text(encoding="utf-8")), encoding="utf-8")


def with_metrics(text: str) -> str:
    """Return a text with the table of metrics between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [f"| `{metric.id}` | {metric.unit or '1'} | {metric.definition} |" for metric in METRICS]
    return "\n".join([before + BEGIN, "| metric | unit | definition |", "|---|---|---|", *rows, END + after])


def reference() -> str:
    """Return the reference of the document."""
    meanings = load_meanings()
    parts = [HEAD]
    for model, paths in places().items():
        parts.append(_section(model, paths, meanings))
    return "\n".join(parts)


def places() -> dict[type[BaseModel], list[ModelPath]]:
    """Return every specification of a document with the paths at which it stands; constants last, as one."""
    found = specifications()
    constants = [model for model in found if issubclass(model, Constant)]
    for model in constants:
        found.pop(model)
    found[constants[0]] = [()]
    return found


def _section(model: type[BaseModel], paths: list[ModelPath], meanings: Meanings) -> str:
    lines = [f"## {_title(model, paths)}", "", _prose(model), ""]
    fields = {name: field for name, field in model.model_fields.items() if name != "kind" or _tag(model) is None}
    if fields:
        lines += ["| key | what may stand there | unit | default | source of the default | meaning |"]
        lines += ["|---|---|---|---|---|---|"]
    for name, field in fields.items():
        said = meaning_of(model, name, meanings)
        words = _words(model, name, field, paths)
        cells = (f"`{name}`", words, _unit(said, words), _default(field), _source(field, said), said.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""]) if fields else "\n".join(lines)


def _unit(said: Meaning, words: str) -> str:
    return "with the number" if ", such as '" in words else said.unit


def _source(field: FieldInfo, said: Meaning) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Constant):
        return value.source
    plain = isinstance(value, (bool, int, float)) or get_origin(field.annotation) is Literal
    return said.source or ("archsim" if plain else "")


def _tag(model: type[BaseModel]) -> str | None:
    """Return the kind that marks one of several specifications that may stand at a place."""
    field = model.model_fields.get("kind")
    return field.default if field is not None and get_origin(field.annotation) is Literal else None


def _title(model: type[BaseModel], paths: list[ModelPath]) -> str:
    if issubclass(model, Constant):
        return "Constants"
    title = ", ".join(f"`{'.'.join(path)}`" for path in _outermost(paths) if path) or "The document"
    return title if _tag(model) is None else f"{title} of kind `{_tag(model)}`"


def _outermost(paths: list[ModelPath]) -> list[ModelPath]:
    """Return each path once, without those within a device of several devices, which are the same again."""
    inner = {("device", below) for below in ("device", "devices", "reference")}
    return [path for path in dict.fromkeys(paths) if not inner & set(pairwise(path))]


def _prose(model: type[BaseModel]) -> str:
    if not issubclass(model, Constant):
        return prose(model)
    return prose(model) + "\n\nA constant may also be written as its value alone; its status is then *user*."


def _words(model: type[BaseModel], name: str, field: FieldInfo, paths: list[ModelPath]) -> str:
    below = [found for found, _ in models_in(field.annotation)]
    if below and not all(issubclass(found, Constant) for found in below):
        many = "list of sections" if any(listed for _, listed in models_in(field.annotation)) else "section"
        return many + (", or the name of a preset" if group_at((*paths[0], name)) else "")
    if issubclass(model, Constant) and name == "value":
        return "a quantity"
    words = Schema(model).describe((name,), Node({}, Place(""))) or "a text"
    return words.replace(str(2**63), "2^63")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Constant):
        return f"{value.value:g} ({value.status})"
    if isinstance(value, BaseModel):
        return f"`{_tag(type(value))}`" if _tag(type(value)) else "its defaults"
    if isinstance(value, tuple) and value and all(isinstance(item, BaseModel) for item in value):
        return ", ".join(f"`{_tag(type(item))}`" for item in value)
    return "none" if value is None else f"`{json.dumps(value)}`" if value != "" else '`""`'


if __name__ == "__main__":
    main()
