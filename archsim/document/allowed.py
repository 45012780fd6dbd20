"""What may stand at a place of the document, in plain words, taken from the specifications themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from archsim import plugins
from archsim.document.tree import Node, Path
from archsim.errors import ArchsimError, Place
from archsim.specification import OPEN_GROUP, settings_of

__all__ = ["Schema"]

_Part = dict[str, Any]
_NOTHING = Node(None, Place(""))


class Schema:
    """The JSON schema of a specification, to be asked about paths of a document."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root: _Part = model.model_json_schema()
        self._definitions: dict[str, _Part] = self._root.get("$defs", {})

    def keys(self, path: Path, tree: Node) -> tuple[str, ...]:
        """Return the keys that the section at a path knows."""
        found: dict[str, None] = {}
        for part in self._at(path, tree):
            found.update(dict.fromkeys(part.get("properties", {})))
        return tuple(found)

    def kinds_with(self, path: Path, tree: Node) -> tuple[str, ...]:
        """Return the kinds of a section whose settings have the key at the end of a path, sorted."""
        parts, node = [self._root], tree
        for step in path[:-1]:
            parts = [branch for part in parts for branch in self._alternatives(part, node)]
            parts = [found for part in parts if (found := _step(part, step)) is not None]
            node = node.child(step) or Node(None, node.place)
        return tuple(sorted({kind for part in parts for kind in self._kinds_of(part, str(path[-1]))}))

    def _kinds_of(self, part: _Part, key: str) -> Iterator[str]:
        group: plugins.Group | None = part.get(OPEN_GROUP)
        if group is not None:
            yield from (kind for kind in plugins.names(group) if key in _keys_of(group, kind))
        for branch in part.get("anyOf", ()):
            yield from self._kinds_of(branch, key)

    def choices(self, path: Path, tree: Node) -> tuple[str, ...]:
        """Return the texts that may stand at a path, if they are a closed list."""
        return tuple(str(choice) for part in self._at(path, tree) for choice in _choices(part))

    def describe(self, path: Path, tree: Node) -> str | None:
        """Say what may stand at a path; None if nothing is known."""
        words = [self._words(part) for part in self._at(path, tree)]
        return "; or ".join(dict.fromkeys(word for word in words if word)) or None

    def _at(self, path: Path, tree: Node) -> list[_Part]:
        """Return the alternatives at a path; kinds that the document has decided on are the only ones left."""
        parts, node = self._alternatives(self._root, tree), tree
        for step in path:
            child = node.child(step)
            node = child if child is not None else Node(None, node.place)
            below = [found for part in parts if (found := _step(part, step)) is not None]
            parts = [branch for part in below for branch in self._alternatives(part, node)]
        return parts

    def _alternatives(self, part: _Part, node: Node) -> list[_Part]:
        kinds = part.get("discriminator", {}).get("mapping")
        if OPEN_GROUP in part and (registered := self._registered(part[OPEN_GROUP], part, kinds or {}, node)):
            return self._alternatives(registered, node)
        if "$ref" in part:
            return self._alternatives(self._definitions[part["$ref"].rsplit("/", 1)[1]], node)
        if kinds:
            chosen = kinds.get(_kind(node))
            targets = [chosen] if chosen else list(kinds.values())
            return [branch for target in targets for branch in self._alternatives({"$ref": target}, node)]
        branches = part.get("anyOf") or part.get("oneOf")
        if branches and OPEN_GROUP in part:
            branches = branches[:1]  # What all kinds have in common.
        if branches:
            return [found for branch in branches for found in self._alternatives(branch, node)]
        return [part]

    def _registered(self, group: plugins.Group, part: _Part, shipped: Mapping[str, str], node: Node) -> _Part | None:
        """Return what a kind that the schema does not tell apart says of its settings; None if it is none of these."""
        kind = _kind(node)
        if kind is None and "anyOf" in part:
            common = self._alternatives(part["anyOf"][0], node)[0]
            kind = common["properties"]["kind"].get("default")
        if kind is None or kind in shipped or kind not in plugins.names(group):
            return None
        return self._of_another_package(group, kind)

    def _of_another_package(self, group: plugins.Group, kind: str) -> _Part:
        """Return what a kind says of its settings."""
        found = settings_of(group, kind).model_json_schema()
        self._definitions.update(found.get("$defs", {}))
        return found

    def _words(self, part: _Part) -> str:
        choices = _choices(part)
        if choices:
            return ", ".join(choices)
        kind = part.get("type")
        if part.get("examples"):
            return f"{part.get('description', 'a quantity')}, such as '{part['examples'][0]}'"
        if kind in ("integer", "number"):
            return ("a whole number" if kind == "integer" else "a number") + _bounds(part)
        if kind == "array" and "prefixItems" in part:
            each = dict.fromkeys(self._words(item) for item in part["prefixItems"])
            return f"a list of {len(part['prefixItems'])} {' and '.join(map(_plural, each))}"
        if kind == "array":
            item = self._alternatives(part["items"], _NOTHING) if "items" in part else []
            inner = " or ".join(dict.fromkeys(self._words(branch) for branch in item))
            return ("a list of one or more" if part.get("minItems") else "a list") + (f" ({inner})" if inner else "")
        if kind == "object":
            return self._section(part)
        return {"string": "a text", "boolean": "true or false", "null": "null"}.get(str(kind), "")

    def _section(self, part: _Part) -> str:
        properties = part.get("properties", {})
        if {"value", "source", "status"} <= properties.keys():
            return " or ".join(self._words(branch) for branch in self._alternatives(properties["value"], _NOTHING))
        return f"a section with the keys {', '.join(properties)}" if properties else "a section"


def _keys_of(group: plugins.Group, kind: str) -> Collection[str]:
    """Return the keys of a kind; none if it cannot be loaded, which is told where it is used."""
    try:
        return settings_of(group, kind).model_fields.keys()
    except ArchsimError:
        return ()


def _kind(node: Node) -> str | None:
    """Return the kind that a section names."""
    kind = node.child("kind")
    return kind.value if kind is not None and isinstance(kind.value, str) else None


def _step(part: _Part, step: str | int) -> _Part | None:
    if part.get("type") == "object":
        found: _Part | None = part.get("properties", {}).get(str(step))
        return found
    if part.get("type") == "array" and isinstance(step, int):
        each = part.get("prefixItems", ())
        return each[step] if step < len(each) else part.get("items")
    return None


def _choices(part: _Part) -> list[str]:
    if "const" in part:
        return [str(part["const"])]
    return [str(choice) for choice in part.get("enum", [])]


def _plural(words: str) -> str:
    """Return what several are called: "a whole number, 1 or more" are "whole numbers, 1 or more"."""
    noun, comma, bounds = words.partition(", ")
    return f"{noun.removeprefix('a ')}s{comma}{bounds}" if noun.startswith("a ") else f"({words})"


def _bounds(part: _Part) -> str:
    words = []
    for key, word in (
        ("minimum", "{} or more"),
        ("exclusiveMinimum", "above {}"),
        ("maximum", "{} or less"),
        ("exclusiveMaximum", "below {}"),
    ):
        if key in part:
            bound = part[key]
            words.append(word.format(int(bound) if float(bound).is_integer() else bound))
    return f", {' and '.join(words)}" if words else ""
