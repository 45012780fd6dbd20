"""Specifications written out in full: for a program to read back, and for a person to read."""

from __future__ import annotations

import functools
import io
import json
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from archsim.experiment import Experiment
from archsim.specification import Constant

__all__ = ["readable", "resolved"]

_WIDTH = 120


def resolved(experiment: Experiment) -> str:
    """Return YAML in which nothing is left to a default or a preset.

    Reading it gives the same experiment again, exactly.
    """
    head = f"# Resolved by archsim {version('archsim')}: presets, defaults and overrides written out.\n"
    content = experiment.model_dump(mode="json")
    return head + "".join(_section(name, json.dumps(below)) for name, below in content.items())


def readable(model: BaseModel) -> str:
    """Return YAML for a person: what is not set is left out, and a constant's source stands behind it."""
    return _text(_commented(model))


@functools.lru_cache(maxsize=128)
def _section(name: str, content: str) -> str:
    """Return a section, given as JSON, as YAML: runs of one study share most sections, and writing takes long."""
    return _text({name: json.loads(content)})


def _text(content: Any) -> str:
    yaml = YAML()
    yaml.width = _WIDTH
    text = io.StringIO()
    yaml.dump(content, text)
    return text.getvalue()


def _commented(model: BaseModel) -> CommentedMap:
    written = model.model_dump(mode="json")
    content = CommentedMap()
    for name in type(model).model_fields:
        value = getattr(model, name)
        if value is None:
            continue
        if isinstance(value, Constant):
            content[name] = written[name]["value"]
            source = " ".join(value.source.split())
            content.yaml_add_eol_comment(f"{value.status}: {source}" if source else value.status, name, column=0)
        elif isinstance(value, BaseModel):
            content[name] = _commented(value)
        elif isinstance(value, tuple):
            content[name] = _sequence(value, written[name])
        else:
            content[name] = written[name]
    return content


def _sequence(values: tuple[Any, ...], written: list[Any]) -> CommentedSeq:
    """Return a list with one line for each entry that is a section, and one line in all for plain values."""
    sections = [value for value in values if isinstance(value, BaseModel)]
    content = CommentedSeq([_commented(value) for value in sections] if sections else written)
    if not sections:
        content.fa.set_flow_style()
    for entry in content if sections else ():
        entry.fa.set_flow_style()
    return content
