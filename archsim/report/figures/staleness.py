"""What asynchrony costs each stage: stale weights and micro-batches in flight."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from archsim.report.style import ACTION_COLOURS, INK, MUTED, OTHER_COLOUR, plain_axes
from archsim.results import Run

__all__ = ["staleness_by_stage"]


def staleness_by_stage(run: Run) -> Figure | None:
    """Return mean staleness (bars) and most micro-batches in flight (marks) by stage; None without stages."""
    staleness, in_flight = run.observations.staleness, run.observations.in_flight_max
    if not staleness:
        return None
    stages = range(len(staleness))
    figure = Figure(figsize=(4.6, 2.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(stages, staleness, width=0.55, color=ACTION_COLOURS["U"], label="mean staleness (updates)")
    axes.scatter(
        range(len(in_flight)),
        in_flight,
        marker="D",
        s=26,
        color=OTHER_COLOUR,
        zorder=3,
        label="most in flight",
    )
    if len(staleness) <= 16:
        for stage, mean in enumerate(staleness):
            axes.annotate(
                f"{mean:.3g}",
                (stage, mean),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                color=INK,
                fontsize=8.5,
            )
    plain_axes(axes, grid="y")
    axes.set_xlabel("stage")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_xlim(-0.6, len(staleness) - 0.4)
    axes.set_ylim(0, max([1.0, *staleness, *map(float, in_flight)]) * 1.15)
    figure.legend(loc="outside upper left", ncols=2, fontsize=8.5, frameon=False, labelcolor=MUTED)
    return figure
