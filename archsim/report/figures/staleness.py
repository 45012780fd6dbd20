"""What asynchrony costs each stage: stale weights and micro-batches in flight."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from archsim.report.style import ACTION_COLOURS, INK, MUTED, OTHER_COLOUR, plain_axes
from archsim.results import Run

__all__ = ["staleness_by_stage"]

#: Stages whose numbers can be written beside their bars without overlap.
_MOST_LABELLED = 32


def staleness_by_stage(run: Run) -> Figure | None:
    """Return mean staleness (bars) and most micro-batches in flight (marks) by stage; None without stages.

    Stages are rows, so that numbers are as readable beside 16 bars as beside 3.
    """
    staleness, in_flight = run.observations.staleness, run.observations.in_flight_max
    if not staleness:
        return None
    stages = range(len(staleness))
    row = min(0.34, 7.0 / len(staleness))
    figure = Figure(figsize=(4.6, 1.3 + row * len(staleness)), layout="constrained")
    axes = figure.subplots()
    axes.barh(stages, staleness, height=0.6, color=ACTION_COLOURS["U"], label="mean staleness (updates)")
    axes.scatter(
        in_flight, range(len(in_flight)), marker="D", s=24, color=OTHER_COLOUR, zorder=3, label="most in flight"
    )
    most = max([1.0, *staleness, *map(float, in_flight)])
    plain_axes(axes, grid="x")
    axes.set_xlim(0, most * 1.05)
    if len(staleness) <= _MOST_LABELLED:
        # In a column of their own: beside the bars they would meet the marks.
        axes.set_xlim(0, most * 1.22)
        for stage, mean in enumerate(staleness):
            axes.annotate(f"{mean:.3g}", (most * 1.2, stage), ha="right", va="center", color=INK, fontsize=8.5)
    step = max(1, -(-len(staleness) // 16))
    axes.set_yticks(list(stages)[::step], [f"stage {stage}" for stage in stages][::step])
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_xlabel("updates; micro-batches")
    figure.legend(loc="outside upper left", ncols=2, fontsize=8.5, frameon=False, labelcolor=MUTED)
    return figure
