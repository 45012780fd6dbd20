"""How busy the used units of each component are."""

from __future__ import annotations

from matplotlib.figure import Figure

from archsim.report.style import ACCENT, GRID, INK, plain_axes
from archsim.results import Run

__all__ = ["utilisation"]


def utilisation(run: Run) -> Figure | None:
    """Return bars of utilisation by component, or None for a run without a clock."""
    makespan = run.observations.makespan_ps
    busy: dict[str, list[int]] = {}
    for unit in run.observations.units:
        if unit.active_ps and unit.component != "array":
            busy.setdefault(unit.component, []).append(unit.active_ps)
    if not busy or not makespan:
        return None
    shares = {name: 100 * sum(times) / (len(times) * makespan) for name, times in busy.items()}
    names = sorted(shares, key=lambda name: (-shares[name], name))
    figure = Figure(figsize=(4.6, 0.75 + 0.34 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(names)), [100] * len(names), height=0.5, color=GRID)
    axes.barh(range(len(names)), [shares[name] for name in names], height=0.5, color=ACCENT)
    for row, name in enumerate(names):
        axes.annotate(
            f"{shares[name]:.3g} %",
            (100, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=8.5,
            annotation_clip=False,
        )
    plain_axes(axes)
    labels = [f"{name.replace('_', ' ')} ({len(busy[name])} used)" for name in names]
    axes.set_yticks(range(len(names)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_xlabel("busy share of the makespan (%)")
    return figure
