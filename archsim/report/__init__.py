"""What a person looks at: figures, the one-file report and the trace."""

from archsim.report.figures import comparison
from archsim.report.html import render_report
from archsim.report.style import save_figure
from archsim.report.trace import write_trace
from archsim.report.window import parse_window
from archsim.report.write import write_report, write_run, write_views

__all__ = [
    "comparison",
    "parse_window",
    "render_report",
    "save_figure",
    "write_report",
    "write_run",
    "write_trace",
    "write_views",
]
