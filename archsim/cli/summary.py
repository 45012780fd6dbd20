"""What a person reads at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from rich.table import Table

from archsim.cli.console import plain_table
from archsim.explanation import bubble_text
from archsim.results import MetricValue, Run, RunCollection
from archsim.units import format_age, format_area, format_duration, format_energy, format_operations, format_power

__all__ = ["POINT_COLUMNS", "comparison_table", "inference_summary", "mean_and_spread", "notes", "summary_table"]

_MOST_PLACEHOLDERS = 6


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _per_w(value: float) -> str:
    return format_operations(value, "/W")


def _per_mm2(value: float) -> str:
    return format_operations(value, "/mm2")


_ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("time", "makespan_ps", format_duration),
    ("energy", "energy_pj", format_energy),
    ("area", "area_um2", format_area),
    ("power", "power_w", format_power),
    ("operations/s", "tops", format_operations),
    ("efficiency", "tops_per_w", _per_w),
    ("density", "tops_per_mm2", _per_mm2),
    ("energy per MAC", "energy_per_mac_pj", format_energy),
    ("accuracy (test)", "accuracy", _percent),
    ("perplexity (test)", "perplexity", _plain),
    ("loss (test)", "test_loss", _plain),
    ("loss (training)", "loss", _plain),
    ("samples", "samples", _count),
    ("samples to target", "samples_to_target", _count),
    ("time to target", "time_to_target_ps", format_duration),
    ("energy to target", "energy_to_target_pj", format_energy),
    ("updates to target", "updates_to_target", _count),
    ("pulses to target", "pulses_to_target", _count),
    ("time per sample", "time_per_sample_ps", format_duration),
    ("latency", "latency_ps", format_duration),
    ("energy per sample", "energy_per_sample_pj", format_energy),
    ("bubble fraction", "bubble_fraction", _percent),
)
#: What stands in a comparison, by column of `archsim.results.compare_runs`.
_COMPARED: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    *(row for row in _ROWS if row[1] != "samples"),
    ("updates (of a stage)", "updates", _count),
    ("samples per update", "samples_per_update", _plain),
    ("device pulses", "pulses", _count),
    ("progress per sample", "progress_per_sample", _plain),
    ("staleness (updates)", "staleness", _plain),
    ("energy on placeholders", "placeholder_share_energy", _percent),
)

#: So many points stand side by side; of more, each has a row with these columns.
_MOST_COLUMNS = 6
_TELLING = (
    "makespan_ps",
    "energy_pj",
    "accuracy",
    "perplexity",
    "time_to_target_ps",
    "energy_to_target_pj",
    "staleness",
)

#: What stands above them where stages share places.
_PLACES = (("stages", "stages", _count), ("places", "places", _count))

#: What stands in a table of many points.
POINT_COLUMNS = tuple(
    row
    for row in _ROWS
    if row[1] in ("accuracy", "time_per_sample_ps", "energy_per_sample_pj", "area_um2", "bubble_fraction")
)


def _text(metrics: Mapping[str, MetricValue], name: str, write: Callable[[float], str]) -> str:
    value = metrics[name]
    return write(value) if isinstance(value, (int, float)) else "-"


def summary_table(run: Run) -> Table:
    """Return the few numbers by which a run is judged; those that its mode does not yield are left out."""
    rows = [
        (label, _text(run.metrics, name, write), _guessed(run, label))
        for label, name, write in _ROWS
        if run.metrics[name] is not None
    ]
    columns = 3 if any(guessed for *_, guessed in rows) else 2
    head = ("simulated", "", "placeholders")[:columns]
    return plain_table(head, [row[:columns] for row in rows], numbers_from=1)


def _guessed(run: Run, label: str) -> str:
    """Return which share of a total rests on placeholders; empty for what is no total."""
    shares = run.metrics["placeholder_share"]
    share = shares.get(label) if isinstance(shares, dict) else None
    return "" if share is None else f"{100 * share:.3g} %"


def inference_summary(run: Run) -> Table:
    """Return the accuracy on programmed conductances at each time: mean, and spread between programmings."""
    rows = []
    for time_s, found in run.inference.groupby("time_s", sort=False)["test_accuracy"]:
        spread = _percent(float(found.std())) if len(found) > 1 else "-"
        rows.append((format_age(float(str(time_s))), _percent(float(found.mean())), spread, str(len(found))))
    return plain_table(("after programming", "accuracy (test)", "deviation", "programmings"), rows, numbers_from=1)


def comparison_table(runs: RunCollection) -> Table:
    """Return one column for each point: a handful of runs fits a narrow terminal so. Over seeds, mean ± deviation.

    Of more points there is one row each, with the few most telling columns.
    """
    table = runs.summary().set_index("run")
    if len(table) > _MOST_COLUMNS:
        return _table_of_rows(table)
    counts = table["n"].tolist()
    rows = [("schedule", *table["schedule"]), ("mode", *table["mode"])]
    if max(counts, default=1) > 1:
        rows.append(("runs (seeds)", *map(str, counts)))
    shared = table["places"].ne(table["stages"]) & table["stages"].notna()
    for label, name, write in _COMPARED if not shared.any() else (*_PLACES, *_COMPARED):
        if table[name].notna().any():
            cells = (mean_and_spread(*pair, write) for pair in zip(table[name], table[f"{name}_std"], strict=True))
            rows.append((label, *cells))
    return plain_table(("", *table.index), rows, numbers_from=1)


def _table_of_rows(table: pd.DataFrame) -> Table:
    """Return a row for each point of a summary."""
    shown = [(label, name, write) for label, name, write in _COMPARED if name in _TELLING and table[name].notna().any()]
    rows = [
        (str(point), *(mean_and_spread(row[name], row[f"{name}_std"], write) for _, name, write in shown))
        for point, row in table.iterrows()
    ]
    return plain_table(("run", *(label for label, *_ in shown)), rows, numbers_from=1)


def mean_and_spread(mean: float, deviation: float, write: Callable[[float], str]) -> str:
    """Write a mean with its deviation, the unit once: ``94.30 ± 0.40 %``."""
    if mean != mean:
        return "-"
    if deviation != deviation:
        return write(mean)
    if deviation == 0:
        # A count that is the same under every seed is known exactly.
        return write(mean) if write in (_count, _plain) else f"{write(mean)} ± 0"
    one, other = write(mean), write(deviation)
    number, _, unit = one.rpartition(" ")
    return f"{number if number and other.endswith(f' {unit}') else one} ± {other}"


def notes(run: Run, directory: Path) -> list[str]:
    """Return what a reader of the numbers has to know, a line each."""
    lines = [f"warning: {warning}" for warning in run.warnings]
    if run.target != (None, None) and not (way := run.to_target()).reached:
        lines.append(f"target: {way.reason}")
    bubble = run.metrics["bubble_fraction"]
    if isinstance(bubble, float) and len(run.bubble):
        from archsim.report.bounds import bubble_shares

        lines.append(bubble_text(bubble, bubble_shares(run)))
    if run.bottleneck is not None:
        lines.append(f"bottleneck: {run.bottleneck}")
    guesses = [record.name for record in run.placeholders]
    if guesses:
        named = ", ".join(guesses[:_MOST_PLACEHOLDERS])
        more = f" and {len(guesses) - _MOST_PLACEHOLDERS} more" if len(guesses) > _MOST_PLACEHOLDERS else ""
        lines.append(f"placeholders: {len(guesses)} constants are guesses without a source: {named}{more}")
    lines.append(f"results: {directory}")
    return lines
