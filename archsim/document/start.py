"""A first experiment to change: every key with its description, those with defaults as comments."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from pydantic import BaseModel

from archsim import plugins
from archsim.document.field_descriptions import FieldDescriptions, description_of, load_field_descriptions, models_in
from archsim.document.load import load_experiment
from archsim.document.source import read_file
from archsim.document.workloads import SHIPPED
from archsim.experiment import Experiment
from archsim.network.specification import MatrixLayer

__all__ = ["starting_document"]

_WIDTH = 100
#: The workload that a first experiment repeats where nothing else is asked for.
_MODEL = "mlp_digits"
_HEAD = """\
# An experiment of archsim. Run it:       archsim run FILE
# What a name stands for:                 archsim show NAME
# What may stand in the place of a name:  archsim list
# Lines that begin with #KEY are defaults; remove the # to change one."""
#: Micro-batches of a mini-batch under a schedule that flushes after each; they divide the workload's ten samples.
_MICRO_BATCHES = 5
#: Sections whose keys are shown even where they have their defaults.
_COMPLETE = frozenset({"data", "training", "schedule", "run"})
#: Data by the number of values of a sample.
_DATA = {64: "digits", 784: "mnist"}
#: Samples of an epoch where no data set fits the network, so only times and energies are simulated.
_SAMPLES = 1000


def starting_document(*, chip: str | None = None, network: str | None = None, schedule: str | None = None) -> str:
    """Return the YAML text of an experiment that runs as it is, with the description of every key.

    Parameters
    ----------
    chip, network, schedule : str, optional
        Registered names, in the place of those of the workload ``mlp_digits``.

    Raises
    ------
    InputError
        If a name is not registered.
    """
    content = read_file(SHIPPED / f"{_MODEL}.yaml").plain()
    del content["description"]
    if schedule is not None:
        content["schedule"]["kind"] = _known("archsim.schedules", schedule, "--schedule")
        kind = plugins.load("archsim.schedules", schedule)
        if kind.default_update != "immediate":
            # One micro-batch in a mini-batch would leave nothing to overlap before the flush.
            content["schedule"]["micro_batches"] = _MICRO_BATCHES
    if chip is not None:
        content["chip"] = _known("archsim.chips", chip, "--chip")
    if network is not None:
        content["network"] = _known("archsim.networks", network, "--network")
        _fit(content)
    experiment = load_experiment(content)
    return "\n".join([_HEAD, *_section(content, experiment, load_field_descriptions(), "")]) + "\n"


def _known(group: plugins.Group, name: str, option: str) -> str:
    if name not in plugins.names(group):
        raise plugins.unknown(group, name, field=option)
    return name


def _fit(content: dict[str, Any]) -> None:
    """Choose data and stages for another network."""
    network = load_experiment(content).network
    content["schedule"]["stages"] = min(
        content["schedule"]["stages"], sum(isinstance(layer, MatrixLayer) for layer in network.layers)
    )
    values = prod(network.input_shape)
    if values in _DATA:
        content["data"]["name"] = _DATA[values]
    else:
        content["data"] = {"samples": _SAMPLES}
        content["run"]["mode"] = "timing"


def _section(
    content: Mapping[str, Any], model: BaseModel, descriptions: FieldDescriptions, indent: str
) -> Iterator[str]:
    """Yield the lines of a section: its keys in the order of the specification, then its defaults as comments."""
    if "preset" in content:
        yield from _comment("The preset that this section starts from; its other keys are laid over it.", indent)
        yield f"{indent}preset: {_written(content['preset'])}"
    for name, field in type(model).model_fields.items():
        default = field.get_default(call_default_factory=True)
        there = name in content
        if not there and (indent == "" or not _is_complete(model) or not _is_plain(default)):
            continue
        said = description_of(type(model), name, descriptions)
        if indent == "":
            yield ""
        yield from _comment(said.text + (f" Unit: {said.unit}." if said.unit not in ("", "1") else ""), indent)
        if not there:
            yield f"{indent}#{name}: {_written(default)}"
        elif isinstance(content[name], Mapping):
            yield f"{indent}{name}:"
            yield from _section(content[name], getattr(model, name), descriptions, f"{indent}  ")
        else:
            yield f"{indent}{name}: {_written(content[name])}"


def _is_complete(model: BaseModel) -> bool:
    return any(
        type(model) is found for name in _COMPLETE for found, _ in models_in(Experiment.model_fields[name].annotation)
    )


def _is_plain(value: Any) -> bool:
    """Return whether a default can be told in a line: a value, or a section of them."""
    if isinstance(value, BaseModel):
        return all(_is_plain(getattr(value, name)) for name in type(value).model_fields)
    return value is None or isinstance(value, (bool, int, float, str))


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_on_hyphens=False,
    )


def _written(value: Any) -> str:
    """Return a plain value as YAML: JSON is, and simple words need no quotes."""
    if isinstance(value, BaseModel):
        return json.dumps(value.model_dump(mode="json"))
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.-]*", value) and value not in ("true", "false", "null"):
        return value
    return json.dumps(value)
