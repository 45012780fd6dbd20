"""Names in a document: of what is registered, and of layers, which other places of it refer to."""

from __future__ import annotations

from collections.abc import Iterator

from archsim import plugins
from archsim.document.tree import Node, Path, dotted
from archsim.errors import InputError, did_you_mean

__all__ = ["unknown_names"]

_LAYERS: Path = ("network", "layers")
_STAGES: Path = ("schedule", "stages")
#: Where a registered name stands by itself.
_NAMED: dict[Path, plugins.Group] = {
    ("network", "loss"): "archsim.losses",
    ("schedule", "kind"): "archsim.schedules",
}
#: What a layer calls the network's own input.
_INPUT = "input"


def unknown_names(tree: Node) -> Iterator[InputError]:
    """Yield an error for every name that stands for nothing: not registered, or of no layer that may stand there."""
    layers = _items(_find(tree, _LAYERS))
    for i, layer in enumerate(layers):
        before = (_INPUT, *_names(layers[:i]))
        for j, name in enumerate(_items(layer.child("inputs"))):
            yield from _one_of(
                name,
                before,
                (*_LAYERS, i, "inputs", j),
                "no layer of this name comes before",
                "list layers in the order in which data flows",
            )
    for path, group in _NAMED.items():
        yield from _registered(_find(tree, path), path, group)
    if layers:
        yield from _wrong_stages(tree, _names(layers))


def _wrong_stages(tree: Node, layers: tuple[str, ...]) -> Iterator[InputError]:
    seen: dict[str, Node] = {}
    for i, stage in enumerate(_items(_find(tree, _STAGES))):
        for j, name in enumerate(_items(stage)):
            field = (*_STAGES, i, j)
            yield from _one_of(name, layers, field, "the network has no layer of this name", None)
            if isinstance(name.value, str) and name.value in seen:
                yield InputError(
                    "a layer belongs to one stage, but this one is listed twice",
                    field=dotted(field),
                    value=name.value,
                    remedy=f"remove one of the two; the first is at {seen[name.value].place}",
                    place=name.place,
                )
            elif isinstance(name.value, str):
                seen[name.value] = name


def _registered(node: Node | None, path: Path, group: plugins.Group) -> Iterator[InputError]:
    if node is not None and isinstance(node.value, str) and node.value not in plugins.names(group):
        yield plugins.unknown(group, node.value, field=dotted(path), place=node.place)


def _one_of(name: Node, known: tuple[str, ...], field: Path, problem: str, remedy: str | None) -> Iterator[InputError]:
    if isinstance(name.value, str) and name.value not in known:
        close = did_you_mean(name.value, known)
        yield InputError(
            problem,
            field=dotted(field),
            value=name.value,
            allowed=", ".join(known),
            remedy=f"did you mean '{close}'?" if close else remedy,
            place=name.place,
        )


def _names(layers: tuple[Node, ...]) -> tuple[str, ...]:
    named = (layer.child("name") for layer in layers)
    return tuple(name.value for name in named if name is not None and isinstance(name.value, str))


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def _find(tree: Node, path: Path) -> Node | None:
    node: Node | None = tree
    for part in path:
        node = node.child(part) if node is not None else None
    return node
