"""Where the energy goes: by component and phase, leakage beside it."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archsim.report.scales import energy_scale, write_value
from archsim.report.style import ACTION_COLOURS, CARD, INK, LEAKAGE_COLOURS, MUTED, OTHER_COLOUR, plain_axes
from archsim.results import Run

__all__ = ["PHASE_TEXTS", "energy_by_component", "energy_table"]

#: What the phases of a cost table are called; power states are phases of leakage.
PHASE_TEXTS: dict[str, str] = {
    "F": "forward",
    "B": "backward",
    "U": "update",
    "T": "transfer",
    "P": "programming",
    "C": "copies",
    "active": "leakage, active",
    "idle": "leakage, idle",
    "gated": "leakage, gated",
}


def energy_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Return the energy in picojoules by component (rows, largest first) and phase (columns).

    The power states ``active``, ``idle`` and ``gated`` are phases of leakage. Rows and columns
    without energy are left out.
    """
    energy = cost.assign(energy_pj=cost["dynamic_pj"] + cost["leakage_pj"])
    table = energy.pivot_table(index="component", columns="phase", values="energy_pj", aggfunc="sum", fill_value=0.0)
    known = [phase for phase in PHASE_TEXTS if phase in table.columns]
    table = table[[*known, *(phase for phase in table.columns if phase not in PHASE_TEXTS)]]
    table = table.loc[table.sum(axis=1) > 0, table.sum(axis=0) > 0]
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def energy_by_component(run: Run) -> Figure | None:
    """Return stacked bars of energy, or None if the run has none."""
    table = energy_table(run.cost)
    if table.empty:
        return None
    totals = table.sum(axis=1)
    factor, unit = energy_scale(totals)
    figure = Figure(figsize=(4.6, 1.3 + 0.34 * len(table)), layout="constrained")
    axes = figure.subplots()
    left = pd.Series(0.0, index=table.index)
    for phase in table.columns:
        colour = ACTION_COLOURS.get(phase, LEAKAGE_COLOURS.get(phase, OTHER_COLOUR))
        width = table[phase] / factor
        axes.barh(
            range(len(table)),
            width,
            left=left,
            height=0.66,
            color=colour,
            edgecolor=CARD,
            linewidth=0.7,
            label=PHASE_TEXTS.get(phase, str(phase)),
        )
        left = left + width
    for row, total in enumerate(totals):
        axes.annotate(
            write_value(float(total), "pJ"),
            (total / factor, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=8.5,
        )
    plain_axes(axes, grid="x")
    axes.set_yticks(range(len(table)), [name.replace("_", " ") for name in table.index])
    axes.invert_yaxis()
    axes.set_xlim(0, totals.max() / factor * 1.25)
    axes.set_xlabel(f"energy ({unit})")
    figure.legend(loc="outside upper left", ncols=3, fontsize=8.5, frameon=False, labelcolor=MUTED)
    return figure
