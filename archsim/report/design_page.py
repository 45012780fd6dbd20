"""The report of a sweep: one HTML file with the design space in a figure and its points in a table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from archsim.report.figures import design_space
from archsim.report.inline import inline_svg
from archsim.report.rendering import render_page
from archsim.report.scales import write_value
from archsim.report.write import REPORT_FILE
from archsim.results.folder import write_file

__all__ = ["render_sweep", "write_sweep_report"]

_COLUMNS = (
    ("accuracy", "%", "Accuracy"),
    ("time_per_sample_ps", "ps", "Time per sample"),
    ("energy_per_sample_pj", "pJ", "Energy per sample"),
    ("area_um2", "um^2", "Area"),
    ("power_w", "W", "Power"),
)
_TITLE = "Design space"
#: A spread that rounding of the numbers explains.
_NO_SPREAD = 1e-12


def render_sweep(
    points: pd.DataFrame, keys: Sequence[str], *, name: str, facts: Mapping[str, str], warnings: Sequence[str] = ()
) -> str:
    """Return the report of a sweep as one self-contained HTML page.

    Parameters
    ----------
    points : DataFrame
        One row for each point, with the columns of ``points.csv``.
    keys : sequence of str
        The keys that vary.
    name : str
        What was swept.
    facts : mapping of str to str
        What is said of it, in a few words each.
    warnings : sequence of str
        What its runs warn of, each with the points that it concerns.
    """
    figure = design_space(points, keys)
    columns = [column for column in _COLUMNS if points[column[0]].gt(0).any()]
    return render_page(
        "sweep.html",
        {
            "name": name,
            "facts": facts,
            "keys": list(keys),
            "drawing": None if figure is None else inline_svg(figure, "space", _TITLE),
            "title": _TITLE,
            "headings": [heading for _, _, heading in columns],
            "rows": [_row(number, row, keys, columns) for number, row in enumerate(points.to_dict("records"), 1)],
            "warnings": warnings,
            "failures": [(row["point"], row["failure"]) for row in points.to_dict("records") if row["failed"]],
        },
    )


def write_sweep_report(
    points: pd.DataFrame,
    keys: Sequence[str],
    directory: Path,
    *,
    name: str,
    facts: Mapping[str, str],
    warnings: Sequence[str] = (),
) -> Path:
    """Write the report of a sweep into its folder, see `render_sweep`; return the file."""
    file = directory / REPORT_FILE
    write_file(file, render_sweep(points, keys, name=name, facts=facts, warnings=warnings))
    return file


def _row(
    number: int, row: Mapping[Hashable, Any], keys: Sequence[str], columns: Sequence[tuple[str, str, str]]
) -> dict[str, object]:
    return {
        "number": number,
        "values": [row[key] for key in keys],
        "runs": f"{row['n']}" + (f" (+ {row['failed']} failed)" if row["failed"] else ""),
        "numbers": [_spread(row[column], row[f"{column}_std"], unit) for column, unit, _ in columns],
    }


def _spread(mean: object, deviation: object, unit: str) -> str:
    """Write a mean with its sample standard deviation, where there is one; the unit once where both have the same."""
    value, spread = (number if isinstance(number, float) else float("nan") for number in (mean, deviation))
    one = _written(value, unit)
    if value != value or spread != spread:
        return one
    if spread <= _NO_SPREAD * abs(value):
        return f"{one} ± 0"
    other = _written(spread, unit)
    number, _, name = one.rpartition(" ")
    return f"{number if other.endswith(f' {name}') else one} ± {other}"


def _written(value: float, unit: str) -> str:
    return f"{100 * value:.2f} %" if unit == "%" and value == value else write_value(value, unit)
