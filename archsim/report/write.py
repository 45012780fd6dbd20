"""A run folder with everything: data, trace and report, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from archsim.errors import InputError
from archsim.report.figures import comparison
from archsim.report.page import figures_of, render_report
from archsim.report.perfetto import write_trace
from archsim.report.style import FORMATS, save_figure
from archsim.results import Run, RunCollection
from archsim.results.folder import write_file

__all__ = ["REPORT_FILE", "TRACE_FILE", "write_figures", "write_report", "write_run", "write_views"]

REPORT_FILE = "report.html"
TRACE_FILE = "trace.json.gz"


def write_run(
    run: Run, directory: str | Path, force: bool = False, *, trace_window_ps: tuple[int, int] | None = None
) -> None:
    """Save a run with its trace and its report.

    Parameters
    ----------
    run : Run
        The run.
    directory : str or Path
        The folder to make.
    force : bool
        Whether an existing run folder is replaced, after the new one is complete.
    trace_window_ps : (int, int), optional
        The part of the simulated time that the trace shows.

    Raises
    ------
    InputError
        If the folder exists and may not be replaced, or cannot be made.
    """

    def views(folder: Path) -> None:
        write_views(run, folder, trace_window_ps=trace_window_ps)

    run.save(directory, force, extra=(views,))


def write_views(run: Run, folder: Path, *, trace_window_ps: tuple[int, int] | None = None) -> None:
    """Write the trace, all of it or a window, and the report of a run into a folder."""
    write_trace(run, folder / TRACE_FILE, window_ps=trace_window_ps)
    write_report(run, folder)


def write_report(run: Run, directory: Path) -> None:
    """Write the report of a run into its folder; an old one is replaced only when the new one is complete."""
    write_file(directory / REPORT_FILE, render_report(run))


def write_figures(run: Run | RunCollection, folder: Path, formats: Sequence[str], *, force: bool = False) -> list[Path]:
    """Write each figure of a run's report, or that of a comparison, as a file of its own in each format.

    Parameters
    ----------
    run : Run or RunCollection
        The run, or the runs side by side.
    folder : Path
        Where the files go; it is made if it is not there.
    formats : sequence of str
        Of ``svg``, ``pdf`` and ``png``.
    force : bool
        Whether files that exist are replaced.

    Returns
    -------
    list of Path
        The files, such as ``timeline.pdf``. A figure without data has none.

    Raises
    ------
    InputError
        If a format is another one, or a file exists and may not be replaced; then none is written.
    """
    for ending in formats:
        if ending not in FORMATS:
            raise InputError(
                "figures are not saved in this format", field="--format", value=ending, allowed=", ".join(FORMATS)
            )
    figures = figures_of(run) if isinstance(run, Run) else [("comparison", comparison(run))]
    drawn = {folder / f"{name}.{ending}": figure for name, figure in figures for ending in formats}
    there = next((file for file in drawn if os.path.lexists(file)), None)
    if there is not None and not force:
        raise InputError(
            "the figure exists already", field="--figures", value=str(there), remedy="give another folder, or --force"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, figure in drawn.items():
        part = file.with_name(f".partial-{file.name}")
        save_figure(figure, part)
        part.replace(file)
    return list(drawn)
