"""One part of a document by itself: a chip, a device, a training algorithm or a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from archsim import plugins
from archsim.analog.specification import Algorithm, Device
from archsim.chip.specification import Chip
from archsim.document.expand import PRESET, Expander
from archsim.document.explain import explain, together
from archsim.document.overrides import apply
from archsim.document.source import Sources, read_file
from archsim.document.tree import Node, Path, from_python
from archsim.errors import InputError, Place
from archsim.experiment import Experiment
from archsim.network.specification import NetworkSpecification

__all__ = ["group_of_file", "load_part", "load_preset"]


Part = TypeVar("Part")


class _Alone(RootModel[Part], Generic[Part]):
    """A part of an experiment that stands in a file of its own."""

    model_config = ConfigDict(defer_build=True)


#: Where a part stands in a document, and what it is validated as.
_PARTS: dict[plugins.Group, tuple[Path, type[RootModel[Any]]]] = {
    "archsim.chips": (("chip",), _Alone[Chip]),
    "archsim.devices": (("chip", "device"), _Alone[Device]),
    "archsim.algorithms": (("training", "algorithm"), _Alone[Algorithm]),
    "archsim.networks": (("network",), _Alone[NetworkSpecification]),
}
#: The groups in which the kinds of a part are registered.
_KINDS: dict[plugins.Group, plugins.Group] = {
    "archsim.devices": "archsim.device_kinds",
    "archsim.algorithms": "archsim.algorithm_kinds",
}


def load_part(
    group: plugins.Group, source: str | FilePath | Mapping[str, Any] | BaseModel, overrides: Sequence[str] = ()
) -> BaseModel:
    """Return a chip, a device, an algorithm or a network by itself.

    Parameters
    ----------
    group : str
        ``archsim.chips``, ``archsim.devices``, ``archsim.algorithms`` or ``archsim.networks``.
    source : str, pathlib.Path, mapping or specification
        A registered name, a YAML file, or the part as plain Python values; a specification is returned as it is,
        unless there are overrides.
    overrides : sequence of str
        Such as ``"dw_min=0.01"``, relative to the part.

    Raises
    ------
    InputError
        If there is none of that name, or what it holds is wrong.
    """
    slot, model = _PARTS[group]
    if isinstance(source, BaseModel) and not overrides:
        return source
    expander = Expander(Sources())
    place = Place(group.removeprefix("archsim.").removesuffix("s"))
    named = isinstance(source, (str, FilePath))
    written = Node(str(source), Place("preset")) if named else from_python(source, place)
    tree = expander.expand(written, slot)
    for text in overrides:
        tree = apply(tree, text, expander, slot)
    try:
        part: BaseModel = model.model_validate_json(tree.as_json(), strict=True).root
    except ValidationError as error:
        raise together(explain(error, tree, model)) from None
    return part


def load_preset(group: plugins.Group, name: str) -> BaseModel:
    """Return a preset of a chip, a device, an algorithm or a network as the specification that it stands for.

    Raises
    ------
    InputError
        If there is none of that name, or what it holds is wrong.
    """
    return load_part(group, name)


def group_of_file(file: FilePath) -> plugins.Group | None:
    """Return the group of the part that a YAML file describes; None for a whole experiment.

    Raises
    ------
    InputError
        If the file cannot be read, or is neither.
    """
    tree = read_file(file)
    keys = tree.entries.keys()
    if keys & (Experiment.model_fields.keys() - Chip.model_fields.keys()):
        return None
    for group, kinds in _KINDS.items():
        if _names_one_of(tree, "kind", plugins.names(kinds)):
            return group
    for group in _PARTS:
        if _names_one_of(tree, PRESET, plugins.names(group)):
            return group
    if "layers" in keys:
        return "archsim.networks"
    if "tile" in keys or "stage_engine" in keys:
        return "archsim.chips"
    raise InputError(
        "this is no experiment and no part of one",
        allowed="the keys of an experiment; a chip (tile: ...); a network (layers: ...); a device or an algorithm "
        "(kind: ...); or preset: NAME of any of them",
        place=tree.place,
    )


def _names_one_of(tree: Node, key: str, names: tuple[str, ...]) -> bool:
    node = tree.child(key)
    return node is not None and node.value in names
