"""What a document refers to, written out: presets by name or by path, and files that sections include."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from archsim import plugins
from archsim.document.paths import home_expanded
from archsim.document.presets import group_at, merge, named_kind, preset
from archsim.document.source import Sources, is_file
from archsim.document.tree import Node, Path, dotted
from archsim.errors import InputError

__all__ = ["INCLUDE", "PRESET", "Expander"]

PRESET = "preset"
INCLUDE = "include"
_DEEPEST = 8
_MOST_INCLUDES = 100


@dataclass(frozen=True)
class _Link:
    """One of the things that refer to each other: what it is, and how a user calls it."""

    identity: str
    shown: str


class Expander:
    """Writes out what one document refers to.

    A section starts from its preset, if it names one; the files that it includes are laid over that in
    their order, and its own keys over all.

    Parameters
    ----------
    sources : Sources
        The files of the document.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._includes_left = _MOST_INCLUDES

    def document(self, file: FilePath) -> Node:
        """Return a document written out.

        Raises
        ------
        InputError
            If the file, or one that it refers to, cannot be read, or a preset is unknown.
        """
        return self.expand(self._sources.read(file), (), (_link(file),))

    def expand(self, node: Node, path: Path = (), chain: tuple[_Link, ...] = ()) -> Node:
        """Return a tree in which everything that it refers to stands written out.

        Parameters
        ----------
        node : Node
            The tree, or a part of it.
        path : tuple
            Where `node` stands in the document.
        chain : tuple
            The files and presets that led here.

        Raises
        ------
        InputError
            If a preset is unknown, or a file cannot be read.
        """
        self._sources.spend(node)
        group = group_at(path)
        if group is not None and isinstance(node.value, str):
            return replace(self._referenced(node, group, path, chain), key_place=node.key_place)
        node = named_kind(node, path)
        if isinstance(node.value, tuple):
            items = tuple(self.expand(item, (*path, i), chain) for i, item in enumerate(node.value))
            return replace(node, value=items)
        if not isinstance(node.value, dict):
            return node
        layers = self._started(node, group, path, chain)
        references = (INCLUDE,) if group is None else (INCLUDE, PRESET)
        layers.append(
            node.with_entries(
                {
                    key: self.expand(child, (*path, key), chain)
                    for key, child in node.value.items()
                    if key not in references
                }
            )
        )
        whole = any(layer.whole for layer in layers)
        written = layers[0]
        for layer in layers[1:]:
            written = merge(written, layer, path)
        return replace(written, whole=whole, key_place=node.key_place)

    def _started(self, node: Node, group: plugins.Group | None, path: Path, chain: tuple[_Link, ...]) -> list[Node]:
        """Return what a section's own keys are laid over."""
        started = []
        reference = node.entries.get(PRESET)
        if group is not None and reference is not None:
            if not isinstance(reference.value, str):
                raise InputError(
                    "a preset is called by its name or by the path of a file",
                    field=dotted((*path, PRESET)),
                    value=reference.plain(),
                    allowed=", ".join(plugins.names(group)),
                    place=reference.place,
                )
            started.append(self._referenced(reference, group, path, chain))
        included = node.entries.get(INCLUDE)
        if included is not None:
            names = included.value if isinstance(included.value, tuple) else (included,)
            started += [self._included(name, path, chain) for name in names]
        return started

    def _included(self, name: Node, path: Path, chain: tuple[_Link, ...]) -> Node:
        if not isinstance(name.value, str) or not name.value:
            raise InputError(
                "a file is included by its path",
                field=dotted((*path, INCLUDE)),
                value=name.plain(),
                allowed="the path of a YAML file, or a list of them",
                place=name.place,
            )
        self._includes_left -= 1
        if self._includes_left < 0:
            raise InputError(
                "too many included files",
                field=dotted((*path, INCLUDE)),
                allowed=f"up to {_MOST_INCLUDES} in a document",
                place=name.place,
            )
        return self._file(_located(name, (*path, INCLUDE)), name, (*path, INCLUDE), path, chain)

    def _referenced(self, node: Node, group: plugins.Group, path: Path, chain: tuple[_Link, ...]) -> Node:
        """Return the preset, or the file in place of one, that a text names."""
        name = str(node.value)
        if name in plugins.names(group):
            link = _Link(f"preset {name}", name)
            written = preset(name, group, path, node.place)
            return replace(self.expand(written, path, _extended(chain, link, node, path)), whole=True)
        file = _located(node, path)
        if file.suffix not in (".yaml", ".yml"):
            if len(FilePath(name).parts) > 1 or is_file(file):
                raise InputError(
                    "a file of another kind", field=dotted(path), value=name, allowed=".yaml, .yml", place=node.place
                )
            raise plugins.unknown(group, name, field=dotted(path), place=node.place)
        return replace(self._file(file, node, path, path, chain), whole=True)

    def _file(self, file: FilePath, name: Node, field: Path, path: Path, chain: tuple[_Link, ...]) -> Node:
        written = self._sources.read(file, field=dotted(field), place=name.place)
        return self.expand(written, path, _extended(chain, _link(file), name, field))


def _located(node: Node, field: Path) -> FilePath:
    """Return the file that a text names, as short as the path of the file that names it."""
    return node.folder / home_expanded(node, field)


def _link(file: FilePath) -> _Link:
    return _Link(str(file.resolve()), str(file))


def _extended(chain: tuple[_Link, ...], link: _Link, node: Node, field: Path) -> tuple[_Link, ...]:
    """Return a chain with one link more; one that is a circle, or too long, is refused with all its links."""
    shown = " -> ".join(one.shown for one in (*chain, link))
    if any(one.identity == link.identity for one in chain):
        raise InputError(
            f"files refer to each other in a circle: {shown}",
            field=dotted(field),
            value=node.value,
            remedy="remove one of these references",
            place=node.place,
        )
    if len(chain) > _DEEPEST:
        raise InputError(
            f"files refer to each other too deeply: {shown}",
            field=dotted(field),
            value=node.value,
            allowed=f"up to {_DEEPEST} levels",
            place=node.place,
        )
    return (*chain, link)
