"""What the report says: cards, tables and texts, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsim.report.figures.energy import PHASE_TEXTS, energy_table
from archsim.report.naming import algorithms_used
from archsim.report.scales import short, write_value
from archsim.results import METRICS, ConstantRecord, MetricValue, Run

__all__ = [
    "Card",
    "EnergyRow",
    "MetricRow",
    "constant_value",
    "energy_rows",
    "facts",
    "main_cards",
    "metric_rows",
    "provenance_rows",
    "side_cards",
]

_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Card:
    """A number that is seen first: what it is, its value, and a line below it."""

    title: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric with its value for a person and its definition."""

    name: str
    value: str
    definition: str


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """The energy of a component: in each phase, in total, and its share of all."""

    component: str
    phases: tuple[str, ...]
    total: str
    share: str


def facts(run: Run) -> dict[str, str]:
    """Return what was run, in a few words each."""
    settings = run.settings
    schedule, training = settings["schedule"], settings["training"]
    stages = len(run.observations.stages)
    parts = schedule["micro_batches"]
    found = {
        "mode": str(settings["run"]["mode"]),
        "chip": run.chip.name,
        "network": str(settings["network"].get("name", "network")),
        "data": "not read" if settings["run"]["mode"] == "timing" else str(settings["data"]["name"]),
        "schedule": f"{schedule['kind']}, {stages} stage{'s' if stages != 1 else ''}",
        **_unusual_facts(run),
    }
    if training is None:
        return found | {"mini-batch": "a sample at a time, forward only"}
    return found | {
        "mini-batch": f"{parts} micro-batch{'es' if parts != 1 else ''} of {training['mini_batch'] // parts}",
        "algorithm": algorithms_used(settings),
        "learning rate": f"{training['learning_rate']:g}",
    }


def _unusual_facts(run: Run) -> dict[str, str]:
    """Return how stages lie and work, what is digital and what lies between nodes, where it is not the usual."""
    schedule, chip, places = run.settings["schedule"], run.chip, run.observations.places
    found = {}
    if places != tuple(range(len(places))):
        found["places"] = f"{len({*places})} (stages at {', '.join(map(str, places[:_MOST_SHOWN]))}"
        found["places"] += ", ...)" if len(places) > _MOST_SHOWN else ")"
    digital = [layer["name"] for layer in run.settings["network"]["layers"] if layer.get("placement") == "digital"]
    if digital:
        found["matrices in the digital unit"] = ", ".join(digital[:_MOST_SHOWN])
        found["matrices in the digital unit"] += ", ..." if len(digital) > _MOST_SHOWN else ""
    usual = {"overlap": "none", "positions": "together"}
    for name in ("update", "transfers", "overlap", "chunk_vectors", "positions"):
        if schedule.get(name) not in (None, usual.get(name)):
            found[name.replace("_", " ")] = str(schedule[name])
    if chip.interconnect is not None:
        found["interconnect"] = chip.interconnect.kind
        usual_order = type(chip).model_fields["arbitration"].get_default(call_default_factory=True)
        if chip.arbitration != usual_order:
            found["arbitration"] = chip.arbitration.kind
    return found


def main_cards(run: Run) -> tuple[Card, ...]:
    """Return time, energy and accuracy."""
    mode = str(run.settings["run"]["mode"])
    no_clock = f"no clock in {mode} mode"
    time, energy = _number(run, "time_per_sample_ps"), _number(run, "energy_per_sample_pj")
    total, leakage = _number(run, "energy_pj"), _number(run, "leakage_pj")
    share = f", {100 * leakage / total:.3g} % leakage" if total and leakage is not None else ""
    accuracy, loss = _number(run, "accuracy"), _number(run, "loss")
    perplexity, told = _number(run, "perplexity"), []
    if perplexity is not None:
        told.append(f"perplexity {perplexity:.4g}")
    if loss is not None:
        told.append(f"training loss {loss:.4g}")
    makespan = _number(run, "makespan_ps")
    spent = f"{write_value(time, 'ps')} per sample{_guessed(run, 'time')}" if time else no_clock
    used = f"{write_value(energy, 'pJ')} per sample{share}{_guessed(run, 'energy')}"
    return (
        Card("Time", write_value(makespan, "ps"), spent),
        Card("Energy", write_value(total, "pJ"), used if energy is not None else no_clock),
        Card(
            "Accuracy",
            f"{100 * accuracy:.2f} %" if accuracy is not None else "—",
            ", ".join(told) or "nothing was trained on data",
        ),
    )


def _guessed(run: Run, total: str) -> str:
    """Return which share of a total rests on placeholders, for the end of a note."""
    shares = run.metrics["placeholder_share"]
    share = shares.get(total) if isinstance(shares, dict) else None
    return "" if share is None else f", {100 * share:.3g} % on placeholders"


def side_cards(run: Run) -> tuple[Card, ...]:
    """Return the numbers beside the first three."""
    bubble = _number(run, "bubble_fraction")
    staleness = run.observations.staleness
    return (
        Card("Power", write_value(_number(run, "power_w"), "W")),
        Card("Area", write_value(_number(run, "area_um2") or None, "um^2"), _guessed(run, "area").removeprefix(", ")),
        Card("Operations per second", write_value(_number(run, "tops"), "TOPS")),
        Card("Efficiency", write_value(_number(run, "tops_per_w"), "TOPS/W")),
        Card("Bubbles", f"{100 * bubble:.3g} %" if bubble is not None else "—"),
        Card("Staleness, worst", f"{max(staleness):.3g}" if staleness else "—"),
        Card("Samples", short(run.observations.samples)),
        Card("Mini-batches", short(run.observations.mini_batches)),
    )


def metric_rows(run: Run) -> list[MetricRow]:
    """Return every metric with its definition."""
    return [
        MetricRow(metric.id, _write(run.metrics[metric.id], metric.unit), metric.definition.replace("`", ""))
        for metric in METRICS
    ]


def energy_rows(run: Run) -> tuple[tuple[str, ...], list[EnergyRow]]:
    """Return the phases that have energy, and one row per component, the largest first."""
    table = energy_table(run.cost)
    totals = table.sum(axis=1)
    everything = float(totals.sum())
    rows = [
        EnergyRow(
            str(component).replace("_", " "),
            tuple(write_value(float(value), "pJ") if value else "" for value in values),
            write_value(float(total), "pJ"),
            f"{100 * float(total) / everything:.1f} %",
        )
        for (component, values), total in zip(table.iterrows(), totals, strict=True)
    ]
    return tuple(PHASE_TEXTS.get(str(phase), str(phase)) for phase in table.columns), rows


def _number(run: Run, name: str) -> float | None:
    value = run.metrics[name]
    return value if isinstance(value, (int, float)) else None


def _write(value: MetricValue, unit: str) -> str:
    if isinstance(value, dict):
        return _enumerate([f"{name}: {write_value(number, unit)}" for name, number in value.items()])
    if isinstance(value, list):
        return _enumerate([write_value(number, "") for number in value], unit)
    return write_value(value, unit)


def _enumerate(parts: Sequence[str], unit: str = "") -> str:
    if not parts:
        return "—"
    more = len(parts) - _MOST_SHOWN
    tail = f" and {more} more" if more > 0 else ""
    return " · ".join(parts[:_MOST_SHOWN]) + tail + (f" {unit}" if unit else "")


def constant_value(record: ConstantRecord) -> str:
    """Return a constant's value in the unit of its document; powers, which are small in watts, in a handy one."""
    if record.unit == "W":
        return write_value(record.value, "W")
    return (
        f"{short(record.value) if record.value >= 1000 else f'{record.value:.6g}'} {record.unit.replace('um^2', 'µm²')}"
    )


def provenance_rows(run: Run) -> dict[str, str]:
    """Return where the run comes from, in words."""
    origin = run.provenance
    seeds: Mapping[str, Any] = origin.seeds
    return {
        "archsim": origin.archsim + (f" ({origin.git_commit})" if origin.git_commit else ""),
        "started": f"{origin.started}, took {origin.duration_s:.3g} s",
        "seeds": ", ".join(f"{name} {seed}" for name, seed in seeds.items()),
        "Python": origin.python,
        "platform": f"{origin.platform}, {origin.machine}",
        "core": f"{origin.instruction_set}, {origin.threads} thread{'s' if origin.threads != 1 else ''}",
        **_data_row(origin.data),
        "packages": ", ".join(f"{name} {number}" for name, number in origin.dependencies.items()),
        **_registered_row(origin.registered),
    }


def _registered_row(registered: Mapping[str, str]) -> dict[str, str]:
    """Return what no package brought, if there was any."""
    text = "; ".join(f"{name} ({place})" for name, place in registered.items())
    return {"registered in the process": text} if text else {}


def _data_row(data: Mapping[str, Any] | None) -> dict[str, str]:
    """Return which data were read, with the first digits of each file's SHA-256."""
    if data is None:
        return {}
    digests = ", ".join(f"{name} {digest[:12]}" for name, digest in data["sha256"].items())
    return {"data": f"{data['name']} from {data['folder'] or 'Python'} (SHA-256 {digests})"}
