"""YAML text to a tree with places; everything that is not a plain document is refused in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.reader import ReaderError

from archsim.document.scanner import TabScanner
from archsim.document.tree import Node, Path, Scalar, dotted
from archsim.errors import InputError, Place

__all__ = ["MOST_NODES", "parse"]

_CORE = "tag:yaml.org,2002:"
#: A document of a person stays far below this; nested aliases can exceed any bound.
MOST_NODES = 100_000
_DEEPEST = 50
_LONGEST_NUMBER = 1000


def parse(text: str, origin: Place, *, lines: bool = True) -> Node:
    """Return YAML text as a tree.

    Parameters
    ----------
    text : str
        One YAML document.
    origin : Place
        The file, or what else the text comes from.
    lines : bool
        Whether lines and columns of the text mean something to its author (not in an override).
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = TabScanner
    yaml.Composer = _BoundedComposer
    try:
        return _Builder(origin, lines).build(yaml.compose(text), ())
    except _TooManyValuesError as error:
        raise InputError(
            "the document has too many values", allowed=f"up to {MOST_NODES}", place=_at(origin, error.mark, lines)
        ) from error
    except MarkedYAMLError as error:
        problem = ", ".join(part for part in (error.problem, error.context) if part)
        place = _at(origin, error.problem_mark, lines)
        remedy = _TABS if _after_a_tab(text, error.problem_mark) else _remedy(problem)
        raise InputError(f"not valid YAML: {problem}", remedy=remedy, place=place) from error
    except ReaderError as error:
        raise _strange_character(text, error, origin, lines) from error
    except RecursionError as error:
        allowed = f"up to {_DEEPEST} levels"
        raise InputError("the document is nested too deeply", allowed=allowed, place=origin) from error
    except _SLIPS as error:
        problem = _first_line(error)
        raise InputError(f"not valid YAML: {problem}", remedy=_remedy(problem), place=origin) from error


_TABS = "indent with blanks, not tabs"
_REMEDIES = (
    ("\\t", _TABS),
    ("undefined alias", "write its anchor '&...' before it, or put the text in quotes"),
    ("another document", "keep one document in a file"),
    ("", "check brackets, quotes and indentation, here and on the lines above"),
)


def _remedy(problem: str) -> str:
    return next(remedy for words, remedy in _REMEDIES if words in problem)


def _after_a_tab(text: str, mark: StringMark | None) -> bool:
    """Return whether a tab takes part in the indentation of the line at a mark, up to the mark."""
    if mark is None:
        return False
    before = "".join(text.splitlines(keepends=True)[mark.line : mark.line + 1])[: mark.column]
    indentation = before[: len(before) - len(before.lstrip(" \t-?"))]
    return "\t" in indentation


#: Broken text makes the YAML library stumble over its own feet, too.
_SLIPS = (YAMLError, ValueError, TypeError, AttributeError, LookupError, AssertionError, NotImplementedError)


class _TooManyValuesError(Exception):
    """There are more values than a document may have."""

    def __init__(self, mark: StringMark) -> None:
        super().__init__()
        self.mark = mark


class _BoundedComposer(Composer):
    """Stops where a document has too many values, before all of it is read."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.warn_double_anchors = False  # YAML 1.2 lets a later anchor take the place of an earlier one.
        self.composed = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node."""
        self.composed += 1
        if self.composed > MOST_NODES:
            raise _TooManyValuesError(self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


def _strange_character(text: str, error: ReaderError, origin: Place, lines: bool) -> InputError:
    before = text[: error.position]
    line = before.count("\n") + 1
    place = Place(origin.file, line, len(before) - before.rfind("\n")) if lines else origin
    return InputError(
        "not valid YAML: a character that no text has",
        value=text[error.position : error.position + 1],
        remedy="remove it, or write the file anew as UTF-8 text",
        place=place,
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _at(origin: Place, mark: StringMark | None, lines: bool) -> Place:
    if mark is None or not lines:
        return origin
    return Place(origin.file, mark.line + 1, mark.column + 1)


class _Builder:
    """Turns the nodes of the YAML library into ours."""

    def __init__(self, origin: Place, lines: bool) -> None:
        self.origin = origin
        self.lines = lines
        self.open: set[int] = set()
        self.count = 0

    def place(self, node: YamlNode) -> Place:
        return _at(self.origin, node.start_mark, self.lines)

    def build(self, node: YamlNode | None, path: Path) -> Node:
        if node is None:
            return Node(None, self.origin)
        place = self.place(node)
        self.count += 1
        if self.count > MOST_NODES:
            raise InputError(
                "the document grows too large (aliases of aliases?)", allowed=f"up to {MOST_NODES} values", place=place
            )
        if len(path) > _DEEPEST:
            raise InputError("the document is nested too deeply", allowed=f"up to {_DEEPEST} levels", place=place)
        if isinstance(node, ScalarNode):
            return Node(_scalar(node, place), place)
        if id(node) in self.open:
            raise InputError(
                "a value contains itself (an alias inside its own anchor)", remedy="remove the alias", place=place
            )
        self.open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, place, path)
            _core_tag(node, place)
            return Node(tuple(self.build(item, (*path, i)) for i, item in enumerate(node.value)), place)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: MappingNode, place: Place, path: Path) -> Node:
        _core_tag(node, place)
        own: dict[str, Node] = {}
        inherited: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key_place = self.place(key_node)
            if key_node.tag == f"{_CORE}merge":
                for source in self.merged(value_node, path):
                    inherited = {**source, **inherited}
                continue
            key = self.key(key_node, key_place)
            if key in own:
                before = own[key].key_place
                raise InputError(
                    f"the key '{key}' stands here twice",
                    remedy="remove one of the two" + (f"; the first is at {before}" if self.lines else ""),
                    field=dotted((*path, key)),
                    place=key_place,
                )
            built = self.build(value_node, (*path, key))
            # Where nothing is written, the library points to what comes next.
            place_of = key_place if built.value is None and not value_node.value else built.place
            own[key] = replace(built, place=place_of, key_place=key_place)
        return Node({**inherited, **own}, place)

    def merged(self, node: YamlNode, path: Path) -> Iterator[dict[str, Node]]:
        """Yield the mappings behind a ``<<`` key, the one that wins first."""
        for source in node.value if isinstance(node, SequenceNode) else (node,):
            built = self.build(source, path)
            if not isinstance(built.value, dict):
                raise InputError(
                    "not what '<<' takes", allowed="'<<' takes a mapping, or a list of them", place=built.place
                )
            yield built.value

    def key(self, node: YamlNode, place: Place) -> str:
        if not isinstance(node, ScalarNode):
            raise InputError("a key must be a text", allowed="a text, not a list or a mapping", place=place)
        value = _scalar(node, place)
        return value if isinstance(value, str) else str(node.value)


def _core_tag(node: YamlNode, place: Place) -> str:
    tag = str(node.tag)
    if not tag.startswith(_CORE) or tag.removeprefix(_CORE) not in _KINDS:
        raise InputError("YAML tags are not used here", value=tag, remedy="remove the tag", place=place)
    return tag.removeprefix(_CORE)


_KINDS = frozenset({"null", "bool", "int", "float", "str", "timestamp", "value", "seq", "map"})


def _scalar(node: ScalarNode, place: Place) -> Scalar:
    kind, text = _core_tag(node, place), str(node.value)
    if kind in ("int", "float") and len(text) > _LONGEST_NUMBER:
        raise InputError("a number with too many digits", value=text, remedy="round it", place=place)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        if kind == "int":
            return _integer(text)
        if kind == "float":
            return _real(text)
        text.encode("utf-8")
    except ValueError as error:
        raise InputError(
            "this cannot be read as a value", value=text, remedy="if it is a text, put it in quotes", place=place
        ) from error
    return text


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2], 10)
    return sign * int(digits, base)


def _real(text: str) -> int | float:
    """Return a number; one written as 1e3, without a point, is the whole number that it says."""
    digits = text.replace("_", "").lower()
    if digits.endswith(".nan"):
        return math.nan
    if digits.endswith(".inf"):
        return -math.inf if digits.startswith("-") else math.inf
    number = float(digits)
    if "." not in digits and abs(number) < 2**63:
        exact = Decimal(digits)  # A float of this size may stand for a neighbour of what is written.
        if exact == exact.to_integral_value():
            return int(exact)
    return number
