"""How far the weights of backwards were from those of their forwards, over the micro-batches of a run."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from archsim.report.style import INK, MUTED, SERIES, plain_axes, plain_text
from archsim.results import Run

__all__ = ["weight_discrepancy"]

#: Matrices that are drawn: those that came farthest, in the order of the network.
_MOST_LINES = len(SERIES)
#: Points of a line that are marked.
_MOST_MARKED = 40


def weight_discrepancy(run: Run) -> Figure | None:
    """Return ||W_B - W_F|| / ||W_F|| of each matrix against micro-batches; None where it was not measured."""
    table = run.discrepancy.dropna()
    if table.empty:
        return None
    most = table.groupby("matrix", sort=False)["relative"].max()
    shown = set(most.nlargest(_MOST_LINES).index)
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.subplots()
    names = [name for name in most.index if name in shown]
    for name, colour in zip(names, SERIES, strict=False):
        rows = table[table["matrix"] == name]
        marker = "o" if len(rows) <= _MOST_MARKED else None
        axes.plot(
            rows["micro_batch"],
            100 * rows["relative"],
            color=colour,
            label=plain_text(name),
            linewidth=1.2,
            marker=marker,
            markersize=3,
            clip_on=False,
        )
    plain_axes(axes, grid="y")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 105 * float(most.max()) or 1.0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_xlabel("micro-batch")
    axes.set_ylabel("relative difference (%)")
    left_out = len(most) - len(names)
    title = f"the {len(names)} of {len(most)} matrices that came farthest" if left_out else None
    legend = figure.legend(
        loc="outside upper left", ncols=4, fontsize=8.5, frameon=False, labelcolor=INK, title=title, title_fontsize=8.5
    )
    legend.get_title().set_color(MUTED)
    return figure
