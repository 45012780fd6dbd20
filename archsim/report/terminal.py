"""What the command line shows of runs: a short table each."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from rich.table import Table

from archsim.report.content import main_cards, side_cards
from archsim.report.scales import write_value
from archsim.results import METRICS, Run

__all__ = ["comparison_table", "summary_table"]

_HEADINGS: Mapping[str, str] = {
    "makespan_ps": "time",
    "time_per_sample_ps": "time / sample",
    "energy_pj": "energy",
    "energy_per_sample_pj": "energy / sample",
    "power_w": "power",
    "area_um2": "area",
    "accuracy": "accuracy",
    "loss": "loss",
    "bubble_fraction": "bubbles",
    "staleness": "staleness",
}
_SHARES = ("accuracy", "bubble_fraction")


def summary_table(run: Run) -> Table:
    """Return time, energy, accuracy and what stands beside them, one per line."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column(style="dim")
    for card in (*main_cards(run), *side_cards(run)):
        table.add_row(card.title.lower(), card.value, card.note)
    return table


def comparison_table(compared: pd.DataFrame) -> Table:
    """Return runs side by side.

    Parameters
    ----------
    compared : DataFrame
        From `archsim.results.compare_runs`.
    """
    units = {metric.id: metric.unit for metric in METRICS} | {"staleness": ""}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("run", style="bold")
    for heading in _HEADINGS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for record in compared.to_dict(orient="records"):
        table.add_row(str(record["run"]), *(_cell(name, float(record[name]), units[name]) for name in _HEADINGS))
    return table


def _cell(name: str, value: float, unit: str) -> str:
    if name in _SHARES and value == value:
        return f"{100 * value:.2f} %"
    return write_value(value, unit)
