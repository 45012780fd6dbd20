"""The bubble by cause: bars of the time in which each place does nothing."""

from __future__ import annotations

from matplotlib.figure import Figure

from archsim.explanation import percent
from archsim.report.causes import OTHER_CAUSES, cause_kind, cause_styles
from archsim.report.style import CARD, INK, MUTED, plain_axes
from archsim.results import Run

__all__ = ["bubble_by_cause"]


def bubble_by_cause(run: Run) -> Figure | None:
    """Return stacked bars of the idle time of places by cause, or None for a run without a clock or a bubble."""
    makespan, places, table = run.observations.makespan_ps, len(run.observations.place_busy_ps), run.bubble
    if not makespan or not len(table):
        return None
    totals: dict[str, list[int]] = {}
    for place, cause, time in zip(table["place"], table["cause"], table["idle_ps"], strict=True):
        totals.setdefault(cause_kind(cause), [0] * places)[place] += time
    kinds = sorted(totals, key=lambda kind: -sum(totals[kind]))
    styles = cause_styles(kinds)
    height = min(0.34, 7.0 / places)
    figure = Figure(figsize=(4.6, 1.5 + height * places), layout="constrained")
    axes = figure.subplots()
    left, others = [0.0] * places, False
    for kind in kinds:
        fill, hatch = styles[kind]
        width = [100 * time / makespan for time in totals[kind]]
        label = kind if hatch else ("" if others else OTHER_CAUSES)
        others = others or not hatch
        axes.barh(
            range(places),
            width,
            left=left,
            height=0.68,
            color=fill,
            edgecolor=CARD,
            hatch=hatch,
            linewidth=0.7,
            label=f"{label} ({percent(sum(totals[kind]) / (places * makespan))})" if label else "",
        )
        left = [a + b for a, b in zip(left, width, strict=True)]
    plain_axes(axes, grid="x")
    step = max(1, -(-places // 16))
    axes.set_yticks(range(0, places, step), [f"place {place}" for place in range(0, places, step)])
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.0, 1.05 * max(left)))
    axes.set_xlabel("share of the makespan in which no stage acts (%)")
    axes.set_title(f"bubble {percent(sum(left) / 100 / places)}", loc="left", fontsize=9.5, color=INK)
    figure.legend(loc="outside upper left", ncols=2, fontsize=8.5, frameon=False, labelcolor=MUTED)
    return figure
