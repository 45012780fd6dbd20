"""The figures of a report, one module each: a run in, a matplotlib figure out (or None if it has no data)."""

from archsim.report.figures.bubble import bubble_by_cause
from archsim.report.figures.comparison import comparison
from archsim.report.figures.design_space import design_space
from archsim.report.figures.discrepancy import weight_discrepancy
from archsim.report.figures.energy import energy_by_component
from archsim.report.figures.idle import idle_by_stage
from archsim.report.figures.learning import learning_curves
from archsim.report.figures.response import response_figure
from archsim.report.figures.schedule import schedule_figure
from archsim.report.figures.staleness import staleness_by_stage
from archsim.report.figures.staleness_histogram import staleness_histogram
from archsim.report.figures.timeline import stage_timeline
from archsim.report.figures.utilisation import utilisation

__all__ = [
    "bubble_by_cause",
    "comparison",
    "design_space",
    "energy_by_component",
    "idle_by_stage",
    "learning_curves",
    "response_figure",
    "schedule_figure",
    "stage_timeline",
    "staleness_by_stage",
    "staleness_histogram",
    "utilisation",
    "weight_discrepancy",
]
