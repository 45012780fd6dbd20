"""What a person looks at: figures, the one-file report and the trace."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim.report.design_page import render_sweep, write_sweep_report
    from archsim.report.figures import comparison, design_space
    from archsim.report.page import render_report
    from archsim.report.perfetto import write_trace
    from archsim.report.style import save_figure
    from archsim.report.window import parse_window
    from archsim.report.write import write_figures, write_report, write_run, write_views

__all__ = [
    "comparison",
    "design_space",
    "parse_window",
    "render_report",
    "render_sweep",
    "save_figure",
    "write_figures",
    "write_report",
    "write_run",
    "write_sweep_report",
    "write_trace",
    "write_views",
]

_HOMES = {
    "comparison": "archsim.report.figures",
    "design_space": "archsim.report.figures",
    "parse_window": "archsim.report.window",
    "render_report": "archsim.report.page",
    "render_sweep": "archsim.report.design_page",
    "save_figure": "archsim.report.style",
    "write_figures": "archsim.report.write",
    "write_report": "archsim.report.write",
    "write_run": "archsim.report.write",
    "write_sweep_report": "archsim.report.design_page",
    "write_trace": "archsim.report.perfetto",
    "write_views": "archsim.report.write",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: who reads a specification waits for no core, who prints a table for no figures.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
