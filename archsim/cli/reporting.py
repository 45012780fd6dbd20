"""The command ``report``: what a person looks at, written anew from the data of a run."""

from __future__ import annotations

from pathlib import Path

from archsim.cli.console import out
from archsim.report import parse_window, write_report, write_views
from archsim.results import load_run
from archsim.results.folder import cannot_write

__all__ = ["rewrite"]


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
