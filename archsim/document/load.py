"""From a document to an `Experiment`, or to errors that say where and how to mend it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from archsim import plugins
from archsim.document.expand import Expander
from archsim.document.explain import explain, together
from archsim.document.overrides import apply, put
from archsim.document.paths import with_absolute_paths
from archsim.document.source import Sources
from archsim.document.tree import Node, Path, dotted, from_python
from archsim.document.workloads import find_experiment
from archsim.errors import InputError, Place
from archsim.experiment import Experiment

__all__ = ["load_experiment"]

_SECTIONS = frozenset({"data", "training", "schedule", "run"})


def load_experiment(
    source: str | FilePath | Mapping[str, Any], overrides: Sequence[str] = (), mode: str | None = None
) -> Experiment:
    """Return the experiment that a document describes.

    Presets and included files are written out first, then the overrides are laid over the document in
    their order, then everything is checked.

    Parameters
    ----------
    source : str, pathlib.Path or mapping
        A YAML file, the name of a workload, or the document as plain Python values (specifications
        may stand among them).
        Relative paths in a file start from its folder, those in a mapping or an override from the
        current one; in the experiment they are absolute.
    overrides : sequence of str
        Such as ``"training.epochs=3"`` or ``"chip=rpu-512"``; values are YAML, positions in a list
        are numbers (``network.layers.0.features=3``).
    mode : str, optional
        Takes the place of ``run.mode``.

    Raises
    ------
    InputError
        With file, line, field, value, what is allowed and a remedy; `InputErrors` if there are several.
    """
    expander = Expander(Sources())
    if isinstance(source, Mapping):
        tree = expander.expand(from_python(source, Place("experiment")))
    else:
        file = find_experiment(source)
        tree = expander.document(file)
        if "name" not in tree.entries:
            tree = put(tree, ("name",), Node(file.stem, tree.place))
    for text in overrides:
        tree = apply(tree, text, expander)
    if mode is not None:
        place = Place(f"--mode {mode}")
        tree = put(tree, ("run", "mode"), Node(mode, place, key_place=place))
    return _validate(with_absolute_paths(tree))


def _validate(tree: Node) -> Experiment:
    # A section's contents may be left out like the section itself: 'schedule:' alone says nothing.
    for key in _SECTIONS & tree.entries.keys():
        if tree.entries[key].value is None:
            tree = tree.with_entries({**tree.entries, key: replace(tree.entries[key], value={})})
    # Through JSON, because lists become tuples there while numbers in quotes and true for 1 stay refused.
    text = json.dumps(tree.plain())
    try:
        experiment = Experiment.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise together(itertools.chain(explain(error, tree, Experiment), _unregistered(tree))) from None
    wrong = _unregistered(tree)
    first = next(wrong, None)
    if first is not None:
        raise together(itertools.chain((first,), wrong))
    return experiment


def _unregistered(tree: Node) -> Iterator[InputError]:
    """Yield an error for every name that calls for something that is not registered."""
    yield from _check(tree, ("schedule", "kind"), "archsim.schedules")
    layers = _find(tree, ("network", "layers"))
    for i in range(len(layers.value) if layers is not None and isinstance(layers.value, tuple) else 0):
        yield from _check(tree, ("network", "layers", i, "kind"), "archsim.operators")


def _check(tree: Node, path: Path, group: plugins.Group) -> Iterator[InputError]:
    node = _find(tree, path)
    if node is not None and isinstance(node.value, str) and node.value not in plugins.names(group):
        yield plugins.unknown(group, node.value, field=dotted(path), place=node.place)


def _find(tree: Node, path: Path) -> Node | None:
    node: Node | None = tree
    for part in path:
        node = node.child(part) if node is not None else None
    return node
