"""What a person reads at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.table import Table

from archsim.cli.console import plain_table
from archsim.results import MetricValue, Run
from archsim.units import format_duration, format_energy, format_power

__all__ = ["comparison_table", "inference_summary", "notes", "summary_table"]

_MOST_PLACEHOLDERS = 6


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _loss(value: float) -> str:
    return f"{value:.4g}"


_LINES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("time", "makespan_ps", format_duration),
    ("energy", "energy_pj", format_energy),
    ("power", "power_w", format_power),
    ("accuracy (test)", "accuracy", _percent),
    ("loss (training)", "loss", _loss),
    ("samples", "samples", _count),
    ("time per sample", "time_per_sample_ps", format_duration),
    ("energy per sample", "energy_per_sample_pj", format_energy),
    ("bubble fraction", "bubble_fraction", _percent),
)
_COMPARED = tuple(line for line in _LINES if line[1] != "samples")


def _text(metrics: Mapping[str, MetricValue], name: str, write: Callable[[float], str]) -> str:
    value = metrics[name]
    return write(value) if isinstance(value, (int, float)) else "-"


def summary_table(run: Run) -> Table:
    """Return the few numbers by which a run is judged; those that its mode does not yield are left out."""
    rows = [(label, _text(run.metrics, name, write)) for label, name, write in _LINES if run.metrics[name] is not None]
    return plain_table(("simulated", ""), rows, numbers_from=1)


def inference_summary(run: Run) -> Table:
    """Return the accuracy on programmed conductances at each time: mean, and spread between programmings."""
    rows = []
    for time_s, found in run.inference.groupby("time_s", sort=False)["test_accuracy"]:
        spread = _percent(float(found.std())) if len(found) > 1 else "-"
        rows.append((f"{time_s:,.12g} s", _percent(float(found.mean())), spread, str(len(found))))
    return plain_table(("after programming", "accuracy (test)", "deviation", "programmings"), rows, numbers_from=1)


def comparison_table(runs: Mapping[str, Run]) -> Table:
    """Return one column per run: a handful of runs fits a narrow terminal so."""
    rows = [("schedule", *(str(run.settings["schedule"]["kind"]) for run in runs.values()))]
    rows += [(label, *(_text(run.metrics, name, write) for run in runs.values())) for label, name, write in _COMPARED]
    stale = (f"{max(run.observations.staleness, default=0.0):.3g}" for run in runs.values())
    rows.append(("staleness (updates)", *stale))
    return plain_table(("", *runs), rows, numbers_from=1)


def notes(run: Run, directory: Path) -> list[str]:
    """Return what a reader of the numbers has to know, a line each."""
    lines = [f"warning: {warning}" for warning in run.warnings]
    guesses = [record.name for record in run.placeholders]
    if guesses:
        named = ", ".join(guesses[:_MOST_PLACEHOLDERS])
        more = f" and {len(guesses) - _MOST_PLACEHOLDERS} more" if len(guesses) > _MOST_PLACEHOLDERS else ""
        lines.append(f"placeholders: {len(guesses)} constants are guesses without a source: {named}{more}")
    lines.append(f"results: {directory}")
    return lines
