"""Writes what the code knows best: docs/reference.md, and parts of docs/results.md, docs/devices.md, docs/networks.md.

Run it after a change of the document's keys, the metrics, the devices or the layers: ``python docs/generate.py``. A
test compares.
"""

from __future__ import annotations

import inspect
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from archsim import plugins
from archsim.analog.devices.curves import Curves, response_curves
from archsim.analog.specification.devices.pulsed import CellStatistics, PulsedDevice
from archsim.digital.formats import Format
from archsim.document.allowed import Schema
from archsim.document.field_descriptions import (
    FieldDescription,
    FieldDescriptions,
    description_of,
    load_field_descriptions,
    models_in,
    prose,
    specifications,
)
from archsim.document.presets import group_at
from archsim.document.tree import Node
from archsim.errors import Place
from archsim.network.specification import AnyLayer, Layer, MatrixLayer, ParametricLayer
from archsim.report import save_figure
from archsim.report.figures import response_figure
from archsim.results import METRICS
from archsim.specification import Constant, Domain, Scaling

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference.md"
RESULTS = DOCS / "results.md"
DEVICES = DOCS / "devices.md"
NETWORKS = DOCS / "networks.md"
FIGURES = DOCS / "figures"
RESPONSES = FIGURES / "responses.json"
BEGIN = "<!-- metrics: made by docs/generate.py -->"
END = "<!-- end of metrics -->"
BEGIN_DEVICES = "<!-- devices: made by docs/generate.py -->"
END_DEVICES = "<!-- end of devices -->"

#: The kinds of layers, in the order in which they are described.
LAYERS: tuple[type[Layer], ...] = get_args(get_args(AnyLayer)[0])

HEAD = """\
# Reference: every key of an experiment

Made by `docs/generate.py` from the specifications that check a document. How documents, presets and overrides
work is described in [experiment.md](experiment.md). A key without a default is required. Quantities carry their unit;
for plain numbers the column *unit* gives it, 1 being a plain factor. `archsim schema` prints the same as a JSON schema.
Every section may also `include` files.
"""

ModelPath = tuple[str, ...]


def main() -> None:
    """Write all of it anew."""
    REFERENCE.write_text(reference(), encoding="utf-8")
    RESULTS.write_text(with_metrics(RESULTS.read_text(encoding="utf-8")), encoding="utf-8")
    NETWORKS.write_text(with_networks(NETWORKS.read_text(encoding="utf-8")), encoding="utf-8")
    drawn = curves()
    DEVICES.write_text(with_devices(DEVICES.read_text(encoding="utf-8"), drawn), encoding="utf-8")
    FIGURES.mkdir(exist_ok=True)
    for name, response in drawn.items():
        file = FIGURES / f"{name}.svg"
        save_figure(response_figure(response, name), file)
        file.write_text(_slim(file.read_text(encoding="utf-8")), encoding="utf-8")
    RESPONSES.write_text(json.dumps(responses(drawn), indent=1) + "\n", encoding="utf-8")


def with_metrics(text: str) -> str:
    """Return a text with the table of metrics between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [f"| `{metric.id}` | {metric.unit or '1'} | {metric.definition} |" for metric in METRICS]
    return "\n".join([before + BEGIN, "| metric | unit | definition |", "|---|---|---|", *rows, END + after])


def with_devices(text: str, drawn: dict[str, Curves]) -> str:
    """Return a text with the kinds of devices, and the devices by name, between its two marks."""
    before, _, rest = text.partition(BEGIN_DEVICES)
    _, _, after = rest.partition(END_DEVICES)
    kinds = plugins.names("archsim.device_kinds")
    sections = [_kind(name) for name in sorted(kinds, key=lambda name: (name != "ideal", name))]
    rows = [_device(name, drawn.get(name)) for name in plugins.names("archsim.devices")]
    table = "\n".join(
        ["## Devices by name", "", STATES, "", "| name | kind | states | what it is |", "|---|---|---|---|", *rows]
    )
    return "\n\n".join([before + BEGIN_DEVICES, *sections, table, END_DEVICES]) + after


def with_networks(text: str) -> str:
    """Return a text with the kinds of layers, losses and arithmetics between their marks."""
    descriptions = load_field_descriptions()
    common = [
        _keys("Keys of every layer", Layer, (), descriptions),
        _keys(
            "Further keys of every layer with digital parameters",
            ParametricLayer,
            tuple(Layer.model_fields),
            descriptions,
        ),
        _keys("Further keys of every layer with matrices", MatrixLayer, tuple(Layer.model_fields), descriptions),
    ]
    parts = {
        "layers": "\n\n".join([*(_layer(model, descriptions) for model in LAYERS), *common]),
        "losses": _registered("archsim.losses"),
        "arithmetics": _registered("archsim.arithmetics"),
    }
    for name, made in parts.items():
        begin, end = f"<!-- {name}: made by docs/generate.py -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = "\n".join([before + begin, "", made, "", end + rest.partition(end)[2]])
    return text


def _layer(model: type[Layer], descriptions: FieldDescriptions) -> str:
    """Return what there is to say of a kind of layers: what it does, its own keys, and its operators if it has many."""
    kinds = get_args(model.model_fields["kind"].annotation)
    above = next(base for base in (MatrixLayer, ParametricLayer, Layer) if issubclass(model, base))
    told = [_keys(f"`{'`, `'.join(kinds)}`", model, tuple(above.model_fields), descriptions, prose(model))]
    if len(kinds) > 1:
        told.append(_registered("archsim.operators", kinds))
    return "\n\n".join(told)


def _keys(
    title: str, model: type[BaseModel], without: tuple[str, ...], descriptions: FieldDescriptions, words: str = ""
) -> str:
    names = [name for name in model.model_fields if name not in (*without, "kind")]
    rows = [_row(model, name, [("network", "layers", "*")], descriptions) for name in names]
    return "\n".join([f"### {title}", *(["", words] if words else []), *(["", *TABLE, *rows] if rows else [])])


def _registered(group: plugins.Group, names: tuple[str, ...] = ()) -> str:
    """Return a table of what is registered, or of some of it, by what each says of itself."""
    rows = []
    for name in names or plugins.names(group):
        words = inspect.cleandoc(plugins.load(group, name).__doc__).partition("\n\n")[0].replace("\n", " ")
        rows.append(f"| `{name}` | {words.replace('|', chr(92) + '|')} |")
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


NUMBER = re.compile(r"\d+\.\d{3,}")
STATES = """\
`archsim show NAME` prints the numbers and draws the curve; with `--figure FILE` it saves that as a figure. The number
of states is (w_max - w_min) / dw_min of the mean device, that is, without variation from cell to cell."""


def curves() -> dict[str, Curves]:
    """Return the response of every device by name that knows pulses."""
    found = {name: response_curves(_made(name)) for name in plugins.names("archsim.devices")}
    return {name: response for name, response in found.items() if response is not None}


def responses(drawn: dict[str, Curves]) -> dict[str, dict[str, Any]]:
    """Return numbers by which a drawn response can be told to be current."""
    return {
        name: {
            "up_pulses": response.up_pulses,
            "states": response.states,
            "mean": _few(response.mean),
            "tenth": _few(np.percentile(response.cells, 10, axis=1)),
            "ninetieth": _few(np.percentile(response.cells, 90, axis=1)),
            "step_up": _few(response.step_up),
            "step_down": _few(response.step_down),
        }
        for name, response in drawn.items()
    }


def _few(values: Any) -> list[float]:
    """Return every twentieth number, with five digits."""
    return [float(f"{value:.5g}") for value in values[::20]]


def _slim(drawing: str) -> str:
    """Return an SVG without metadata, with shorter numbers, one font for all, and no line breaks within paths."""
    drawing = re.sub(r" *<metadata>.*?</metadata>\n", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"<[^>]*>", lambda tag: NUMBER.sub(_shorter, tag[0]), drawing)  # and not what is written
    drawing = re.sub(r"font-family: [^;\"]*; ?", "", drawing)
    drawing = drawing.replace("*{stroke-linejoin", "text{font-family: sans-serif} *{stroke-linejoin", 1)
    return re.sub(r" d=\"[^\"]*\"", lambda path: path[0].replace(" \n", ""), drawing)


def _shorter(number: re.Match[str]) -> str:
    # A hundredth of a point is finer than any screen; the drawing's own digits double its size.
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _made(name: str) -> Any:
    return plugins.load("archsim.devices", name)()


def _kind(name: str) -> str:
    text = prose(plugins.load("archsim.device_kinds", name).Settings)
    figure = "" if name == "ideal" else f"\n\n![Response of {name}](figures/{name}.svg)"
    return f"### `{name}`\n\n{text}{figure}"


def _device(name: str, response: Curves | None) -> str:
    states = "" if response is None else f"[{response.states:,}](figures/{name}.svg)"
    about = inspect.cleandoc(plugins.load("archsim.devices", name).__doc__)
    words = about.removeprefix("Return ").replace("``", "`").replace("\n\n", " ").replace("\n", " ").replace("|", "\\|")
    return f"| `{name}` | `{_made(name).kind}` | {states} | {words[:1].upper() + words[1:]} |"


def reference() -> str:
    """Return the reference of the document, section by section."""
    descriptions = load_field_descriptions()
    parts = [HEAD, _contents()]
    for title, introduction, models in chapters():
        parts.append(f"## {title}\n\n{introduction}\n" if introduction else f"## {title}\n")
        if title == DEVICES_TITLE:
            parts += [_common(base, words, descriptions) for base, words in COMMON.items()]
            models = dict(sorted(models.items(), key=lambda found: _tag(found[0]) is not None))
        parts += [_section(model, paths, descriptions) for model, paths in models.items()]
    return "\n".join(parts)


def _contents() -> str:
    links = [f"[{title}](#{title.lower().replace(' ', '-').replace('`', '')})" for title, _, _ in chapters()]
    return f"Sections: {', '.join(links)}.\n"


DEVICES_TITLE = "Devices"
ALGORITHMS_TITLE = "Training algorithms"

#: Keys that many kinds of devices share, told once: the specification that has them, and the heading over them.
COMMON: dict[type[BaseModel], str] = {
    CellStatistics: "Keys of every kind whose cells differ and age",
    PulsedDevice: "Further keys of every kind with a mean step and mean bounds",
}

#: The chapters, in their order, with what is said first. Sections of the document have a chapter of their name.
CHAPTERS: dict[str, str] = {
    "Document": "",
    "network": "",
    "chip": "",
    DEVICES_TITLE: (
        "A device stands at `chip.device`, at `device` of a layer, at `fast_device` of a training algorithm with "
        "several arrays, and within the kinds that make one cell of several devices. Equations and curves are in "
        "[devices.md](devices.md)."
    ),
    "Reads and pulse trains": "",
    "data": "",
    "training": "",
    ALGORITHMS_TITLE: (
        "A training algorithm stands at `training.algorithm`, or at `algorithm` of a layer. Equations are in "
        "[algorithms.md](algorithms.md)."
    ),
    "schedule": "",
    "run": "",
    "inference": "",
    "Constants": "",
}


def chapters() -> list[tuple[str, str, dict[type[BaseModel], list[ModelPath]]]]:
    """Return each chapter: title, introduction, and its specifications with the paths at which they stand."""
    found: dict[str, dict[type[BaseModel], list[ModelPath]]] = {title: {} for title in CHAPTERS}
    for model, paths in places().items():
        found.setdefault(_chapter(model, paths), {})[model] = paths
    return [(title if title[0].isupper() else f"`{title}`", CHAPTERS.get(title, ""), found[title]) for title in found]


def _chapter(model: type[BaseModel], paths: list[ModelPath]) -> str:
    if issubclass(model, Constant):
        return "Constants"
    first = paths[0]
    if not first:
        return "Document"
    if not {"device", "fast_device"}.isdisjoint(first):
        return DEVICES_TITLE
    if ("chip", "io") in paths or ("chip", "update") in paths:
        return "Reads and pulse trains"
    return ALGORITHMS_TITLE if "algorithm" in first else first[0]


def places() -> dict[type[BaseModel], list[ModelPath]]:
    """Return every specification of a document with the paths at which it stands; constants last, as one."""
    found = specifications()
    constants = [model for model in found if issubclass(model, Constant)]
    for model in constants:
        found.pop(model)
    found[constants[0]] = [()]
    # These stand in every constant.
    for model in (Domain, Scaling):
        found[model] = [(found.pop(model)[0][-1],)]
    return found


TABLE = ["| key | allowed | unit | default | source of the default | what it is |", "|---|---|---|---|---|---|"]


def _common(base: type[BaseModel], title: str, descriptions: FieldDescriptions) -> str:
    """Return the table of the keys that a base gives to all kinds of devices."""
    above = {name for other in base.__mro__[1:] if other in COMMON for name in other.model_fields}
    names = [name for name in base.model_fields if name not in above and name != "kind"]
    rows = [_row(base, name, [("chip", "device")], descriptions) for name in names]
    return "\n".join([f"### {title}", "", *TABLE, *rows, ""])


def _section(model: type[BaseModel], paths: list[ModelPath], descriptions: FieldDescriptions) -> str:
    title = _title(model, paths)
    lines = [*([f"### {title}", ""] if title else []), *_where(model, paths), _prose(model), ""]
    names = [name for name in model.model_fields if name != "kind" or _tag(model) is None]
    shared = [base for base in COMMON if issubclass(model, base)]
    told = {name for base in shared for name in base.model_fields if _same(model, base, name)}
    rows = [_row(model, name, paths, descriptions) for name in names if name not in told]
    if shared:
        lines += [f"It also has the {', and the '.join(_lower(COMMON[base]) for base in shared)}.", ""]
    return "\n".join([*lines, *TABLE, *rows, ""]) if rows else "\n".join(lines)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _same(model: type[BaseModel], base: type[BaseModel], name: str) -> bool:
    """Return whether a key of a kind is what it is in the base that gives it: same type, same default."""
    mine, its = model.model_fields[name], base.model_fields[name]
    defaults = [field.get_default(call_default_factory=True) for field in (mine, its)]
    return defaults[0] == defaults[1] and mine.annotation == its.annotation and mine.metadata == its.metadata


def _row(model: type[BaseModel], name: str, paths: list[ModelPath], descriptions: FieldDescriptions) -> str:
    field, said = model.model_fields[name], description_of(model, name, descriptions)
    words = _words(model, name, field, paths)
    cells = (f"`{name}`", words, _unit(said, words), _default(field), _source(field, said), said.text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _where(model: type[BaseModel], paths: list[ModelPath]) -> list[str]:
    """Return where a specification stands, if neither its heading nor its chapter says so."""
    shown = _outermost(paths)
    kind_of_chapter = _tag(model) is not None and shown[0][-1:] == ("algorithm",)
    if _chapter(model, paths) in ("Constants", DEVICES_TITLE) or len(shown) == 1 or kind_of_chapter:
        return []
    named = [f"`{'.'.join(path)}`" for path in shown]
    return [f"At {', '.join(named)}.", ""]


def _unit(said: FieldDescription, words: str) -> str:
    return "with the number" if ", such as '" in words and "format" not in words else said.unit


def _source(field: FieldInfo, said: FieldDescription) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Constant):
        return value.source
    plain = isinstance(value, (bool, int, float, Format)) or get_origin(field.annotation) is Literal
    return said.source or ("archsim" if plain else "")


def _tag(model: type[BaseModel]) -> str | None:
    """Return the kind, or kinds, that mark one of several specifications that may stand at a place."""
    field = model.model_fields.get("kind")
    return (
        "`, `".join(get_args(field.annotation))
        if field is not None and get_origin(field.annotation) is Literal
        else None
    )


def _title(model: type[BaseModel], paths: list[ModelPath]) -> str:
    """Return the heading of a specification; empty where it is that of its chapter."""
    chapter, tag, shown = _chapter(model, paths), _tag(model), _outermost(paths)
    if chapter in ("Constants", "Document") or (chapter,) in paths:
        return ""
    if tag is not None and shown[0][-1] in ("device", "algorithm"):
        return f"`{tag}`"
    if chapter == DEVICES_TITLE:
        return f"`{shown[0][-1]}` of a device"
    name = next((path for path in shown if path[0] == "chip"), shown[0])
    title = f"`{'.'.join(name)}`" if len(shown) == 1 or chapter == "Reads and pulse trains" else f"`{name[-1]}`"
    return title if tag is None else f"{title} of kind `{tag}`"


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
        number = f"{value.value:g}" if isinstance(value.value, int | float) else f"`{value.value}`"
        return f"{number} ({value.status})"
    if isinstance(value, BaseModel):
        return f"`{_tag(type(value))}`" if _tag(type(value)) else "its defaults"
    if isinstance(value, tuple) and value and all(isinstance(item, BaseModel) for item in value):
        return ", ".join(f"`{_tag(type(item))}`" for item in value)
    return "none" if value is None else f"`{json.dumps(value)}`" if value != "" else '`""`'


if __name__ == "__main__":
    main()
