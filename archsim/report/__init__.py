"""What a person looks at: figures, the one-file report, the trace and the terminal's tables."""

from archsim.report.html import render_report
from archsim.report.style import save_figure
from archsim.report.terminal import comparison_table, summary_table
from archsim.report.trace import write_trace
from archsim.report.write import write_report, write_run

__all__ = [
    "comparison_table",
    "render_report",
    "save_figure",
    "summary_table",
    "write_report",
    "write_run",
    "write_trace",
]
