"""The command ``report``: what a person looks at, written anew from the data of a run."""

from __future__ import annotations

from pathlib import Path

from archsim.cli.console import out
from archsim.explore import POINTS_FILE, load_collection
from archsim.report import parse_window, write_figures, write_report, write_views
from archsim.results import load_run
from archsim.results.folder import cannot_write

__all__ = ["export_figures", "rewrite"]


def rewrite(directory: Path, trace_window: str | None) -> None:
    """Write the report of a saved run anew, with the trace if a window of it is asked for.

    Raises
    ------
    InputError
        If the folder holds no run that can be read, or the window is none.
    """
    window = None if trace_window is None else parse_window(trace_window)
    run = load_run(directory)
    try:
        if window is None:
            write_report(run, directory)
        else:
            write_views(run, directory, trace_window_ps=window)
    except OSError as error:
        raise cannot_write(directory, error) from error
    out().print(f"report: {directory / 'report.html'}", soft_wrap=True)


def export_figures(directory: Path, folder: Path, formats: str, *, force: bool) -> None:
    """Write each figure of a saved run's report, or that of a comparison, as files; the folder stays as it is.

    Parameters
    ----------
    directory : Path
        Folder of the run, or of several.
    folder : Path
        Where the figures go.
    formats : str
        Such as ``"pdf,svg"``.
    force : bool
        Whether files that exist are replaced.

    Raises
    ------
    InputError
        If the folder holds no runs that can be read, a format is unknown, or a figure exists.
    """
    run = load_collection(directory) if (directory / POINTS_FILE).is_file() else load_run(directory)
    endings = tuple(dict.fromkeys(ending.strip().lower() for ending in formats.split(",")))
    try:
        written = write_figures(run, folder, endings, force=force)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for file in written:
        out().print(f"figure: {file}", soft_wrap=True)
