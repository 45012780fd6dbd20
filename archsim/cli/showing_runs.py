"""The command ``show`` for the folder of a run: what it came to, why, how stale gradients were, the way to targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from archsim.cli.console import out, plain_table
from archsim.cli.explaining import print_explanation
from archsim.cli.summary import notes, summary_table
from archsim.results import Run, load_run, targets_table
from archsim.units import format_duration, format_energy

__all__ = ["print_targets", "show_run"]

#: Values of staleness that stand in a table; those above are put together.
_MOST_VALUES = 12


def show_run(directory: Path, accuracies: Sequence[float]) -> None:
    """Print what a finished run came to.

    Parameters
    ----------
    directory : Path
        Its folder.
    accuracies : sequence of float
        Test accuracies to which the way is asked for.

    Raises
    ------
    InputError
        If the folder holds no run that can be read, or no accuracy is like one of those.
    """
    run, console = load_run(directory), out()
    console.print(summary_table(run))
    print_explanation(run, console)
    for table in (_staleness(run), _discrepancies(run)):
        if table is not None:
            console.print(table)
    if accuracies:
        print_targets(targets_table(run.to_target(accuracy=accuracy) for accuracy in accuracies))
    for line in notes(run, directory):
        console.print(line, soft_wrap=True)


def print_targets(table: pd.DataFrame, labels: Sequence[str] = ()) -> None:
    """Print targets with what it took to them, a row each, and why some were not reached.

    Parameters
    ----------
    table : DataFrame
        See `archsim.results.targets_table`.
    labels : sequence of str
        Columns of it that stand first in each row.
    """
    rows, reasons = [], []
    for _, row in table.iterrows():
        first = [str(row[label]) for label in labels]
        goal = f"{100 * row['accuracy']:.4g} %"
        rows.append((*first, goal, *(_written(row[name], write) for name, write in _TO_TARGET)))
        if row["reason"]:
            reasons.append(" ".join([*first, f"{goal}: {row['reason']}"]))
    console = out()
    head = (*labels, "to an accuracy of", "samples", "time", "energy", "updates", "device pulses")
    console.print(plain_table(head, rows, numbers_from=len(labels)))
    for line in reasons:
        console.print(line, soft_wrap=True)


def _count(value: int) -> str:
    return f"{value:,}"


#: What is told of the way to a target, by column, and how it is written.
_TO_TARGET: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("samples", _count),
    ("time_ps", format_duration),
    ("energy_pj", format_energy),
    ("updates", _count),
    ("pulses", _count),
)


def _written(value: Any, write: Callable[[Any], str]) -> str:
    return "-" if pd.isna(value) else write(value)


def _staleness(run: Run) -> Table | None:
    """Return shares of micro-batches by updates from F to B and from F to U, a row for each layer; None without any."""
    table = run.staleness
    if table.empty:
        return None
    most = int(table["updates"].max())
    values = range(min(most, _MOST_VALUES) + 1)
    rows = []
    for (stage, layer, until), found in table.groupby(["stage", "layer", "until"], sort=False):
        counts = dict(zip(found["updates"], found["micro_batches"], strict=True))
        shares = [sum(n for late, n in counts.items() if min(late, values[-1]) == value) for value in values]
        total = sum(counts.values())
        mean = sum(late * n for late, n in counts.items()) / total
        rows.append((str(stage), str(layer), _UNTIL[str(until)], f"{mean:.4g}", *_percents(shares, total)))
    head = [str(value) for value in values]
    if most > values[-1]:
        head[-1] += " and more"
    return plain_table(("stage", "layer", "updates", "mean", *head), rows, numbers_from=3)


_UNTIL = {"backward": "F to B", "update": "F to U"}


def _percents(counts: Iterable[int], total: int) -> list[str]:
    return [f"{100 * count / total:.3g} %" if count else "" for count in counts]


def _discrepancies(run: Run) -> Table | None:
    """Return how far weights of backwards were from those of forwards, a row for each matrix; None if not measured."""
    names = ("weight_discrepancy", "weight_discrepancy_max")
    found = [run.metrics[name] for name in (*names, *(f"relative_{name}" for name in names))]
    tables = [metric if isinstance(metric, dict) else {} for metric in found]
    if not tables[0]:
        return None
    rows = [
        (
            matrix,
            *(f"{table[matrix]:.4g}" for table in tables[:2]),
            *(f"{100 * table[matrix]:.3g} %" if matrix in table else "-" for table in tables[2:]),
        )
        for matrix in tables[0]
    ]
    return plain_table(("weights of B less those of F", "mean", "most", "relative", "most"), rows, numbers_from=1)
