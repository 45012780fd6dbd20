"""From a document to an `Experiment`, or to errors that say where and how to mend it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from archsim.document.expand import Expander
from archsim.document.explain import explain, together
from archsim.document.names import unknown_names
from archsim.document.overrides import apply, put
from archsim.document.paths import with_absolute_paths
from archsim.document.source import Sources
from archsim.document.tree import Node, from_python
from archsim.document.workloads import find_experiment
from archsim.errors import InputError, Place
from archsim.experiment import Experiment
from archsim.notebook import shortened
from archsim.plugins import plugin_failures

__all__ = ["Document", "load_document", "load_experiment"]

#: Sections that may be empty. An empty ``training`` is none, as in the document of a forward-only run.
_SECTIONS = frozenset({"data", "schedule", "run"})
#: Characters of an override that a description tells.
_MOST_OF_OVERRIDE = 60


@dataclass(frozen=True)
class Document:
    """An experiment, and where its author wrote what.

    Attributes
    ----------
    experiment : Experiment
        What the document describes.
    tree : Node
        The document with presets, included files and overrides written out.
    """

    experiment: Experiment
    tree: Node

    def place_of(self, field: str) -> Place | None:
        """Return where a field stands, or the innermost section around it; None if nothing of it was written."""
        node: Node | None = self.tree
        place = None
        for part in field.split("."):
            node = node.child(int(part) if part.isdecimal() else part) if node is not None else None
            if node is None:
                break
            place = node.place
        return place


def load_experiment(
    source: str | FilePath | Mapping[str, Any], overrides: Sequence[str] = (), mode: str | None = None
) -> Experiment:
    """Return the experiment that a document describes.

    Presets and included files are written out first, then the overrides are laid over the document in
    their order, then everything is checked. The document's description tells them at its end.

    Parameters
    ----------
    source : str, pathlib.Path or mapping
        A YAML file, the name of a workload, or the document as plain Python values (specifications
        may stand among them).
        Relative paths in a file start from its folder, those in a mapping or an override from the
        current one; in the experiment they are absolute.
    overrides : sequence of str
        Such as ``"training.epochs=3"`` or ``"chip=rpu-512"``; values are YAML, an item of a list is named by
        its ``name`` or its position (``network.layers.fc1.features=3``, ``network.layers.0.features=3``).
    mode : str, optional
        Takes the place of ``run.mode``.

    Raises
    ------
    InputError
        With file, line, field, value, what is allowed and a remedy; `InputErrors` if there are several.
    """
    return load_document(source, overrides, mode).experiment


def load_document(
    source: str | FilePath | Mapping[str, Any], overrides: Sequence[str] = (), mode: str | None = None
) -> Document:
    """Return the experiment that a document describes, and where its author wrote what; see `load_experiment`."""
    if isinstance(overrides, (str, Mapping)):
        raise InputError(
            "overrides are a list of texts",
            field="overrides",
            value=overrides,
            allowed='a list, such as ["training.epochs=3", "chip=rpu-512"]',
        )
    with plugin_failures():
        return _document(source, overrides, mode)


def _document(source: str | FilePath | Mapping[str, Any], overrides: Sequence[str], mode: str | None) -> Document:
    expander = Expander(Sources())
    if isinstance(source, Mapping):
        tree = expander.expand(from_python(source, Place("experiment")))
    else:
        file = find_experiment(source)
        tree = expander.document(file)
        if "name" not in tree.entries:
            tree = put(tree, ("name",), Node(_readable(file.stem), tree.place))
    for text in overrides:
        tree = apply(tree, text, expander)
    if mode is not None:
        place = Place(f"--mode {mode}")
        tree = put(tree, ("run", "mode"), Node(mode, place, key_place=place))
    tree = with_absolute_paths(_told(tree, [*overrides, *([] if mode is None else [f"run.mode={mode}"])]))
    return Document(_validate(tree), tree)


def _told(tree: Node, overrides: Sequence[str]) -> Node:
    """Return a document whose description, which its author wrote, tells what was laid over it since."""
    written = tree.child("description")
    if written is None or not isinstance(written.value, str) or not written.value or not overrides:
        return tree
    if any(text.partition("=")[0].strip() == "description" for text in overrides):
        return tree
    told = ", ".join(shortened(" ".join(text.split()), _MOST_OF_OVERRIDE) for text in overrides)
    return put(tree, ("description",), replace(written, value=f"{written.value} (overrides: {told})"))


def _readable(name: str) -> str:
    """Return the name of a file as text; bytes that are no UTF-8 are written as ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _validate(tree: Node) -> Experiment:
    # A section's contents may be left out like the section itself: 'schedule:' alone says nothing.
    for key in _SECTIONS & tree.entries.keys():
        if tree.entries[key].value is None:
            tree = tree.with_entries({**tree.entries, key: replace(tree.entries[key], value={})})
    try:
        experiment = Experiment.model_validate_json(tree.as_json(), strict=True)
    except ValidationError as error:
        raise together(itertools.chain(explain(error, tree, Experiment), unknown_names(tree))) from None
    wrong = list(unknown_names(tree))
    if wrong:
        raise together(wrong)
    return experiment
