"""How stale the weights were that micro-batches met: the histogram of each stage as a row of shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from archsim.report.style import ACTION_COLOURS, INK, label_colour, plain_axes, plain_text
from archsim.results import Run

__all__ = ["staleness_histogram"]

#: The panels: what is counted to which action, its colour and its words.
_PANELS = (("backward", "B", "updates from F to B"), ("update", "U", "updates from F to U"))
#: Cells whose shares can be written in them: columns of all panels, and rows.
_MOST_COLUMNS, _MOST_ROWS = 9, 32
#: How much of its colour the smallest share has, so that it is seen.
_FAINTEST = 0.12
#: The longest name of a row.
_LONGEST = 26


def staleness_histogram(run: Run) -> Figure | None:
    """Return by stage which share of micro-batches was late by how many updates; None where nothing is updated.

    Where all stages have the same histogram to B and to U, one panel shows both.
    """
    table = run.staleness
    if table.empty:
        return None
    names = _names(table)
    shares = {until: _shares(table[table["until"] == until], len(names)) for until, *_ in _PANELS}
    panels: Sequence[tuple[str, str, str]] = _PANELS
    if np.array_equal(shares["backward"], shares["update"]):
        panels = (("backward", "B", "updates from F to B, and from F to U"),)
    row = min(0.34, 7.0 / len(names))
    figure = Figure(figsize=(5.4 if len(panels) > 1 else 4.6, 0.8 + row * len(names)), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    columns = sum(shares[until].shape[1] for until, *_ in panels)
    written = columns <= _MOST_COLUMNS and len(names) <= _MOST_ROWS
    for panel, (until, action, words) in zip(axes, panels, strict=True):
        _draw(panel, shares[until], action, written=written)
        panel.set_xlabel(words)
    step = max(1, -(-len(names) // 16))
    axes[0].set_yticks(range(0, len(names), step), names[::step])
    axes[0].invert_yaxis()
    return figure


def _names(table: pd.DataFrame) -> list[str]:
    """Return what each stage is called: its number, and its layers where there is room for their names."""
    layers = table.groupby("stage", sort=True)["layer"].unique()
    names = []
    for stage, found in layers.items():
        named = ", ".join(name for name in found if name)
        short = named if len(named) <= _LONGEST else f"{found[0]} … {found[-1]}"
        names.append(plain_text(f"stage {stage}: {short}" if 0 < len(short) <= _LONGEST else f"stage {stage}"))
    return names


def _shares(table: pd.DataFrame, stages: int) -> np.ndarray:
    """Return shares of micro-batches, [stages, updates]; all layers of a stage are alike."""
    counts = np.zeros((stages, int(table["updates"].max()) + 1 if len(table) else 1))
    counts[table["stage"], table["updates"]] = table["micro_batches"]
    shares: np.ndarray = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _draw(axes: Axes, shares: np.ndarray, action: str, *, written: bool) -> None:
    stages, columns = shares.shape
    colour = to_rgba(ACTION_COLOURS[action])
    # From nothing to the colour: on a page with a dark mode, too.
    colours = LinearSegmentedColormap.from_list(action, [(*colour[:3], _FAINTEST), colour])
    edges = np.arange(columns + 1) - 0.5, np.arange(stages + 1) - 0.5
    axes.pcolormesh(*edges, np.ma.masked_equal(shares, 0), cmap=colours, vmin=0, vmax=1)
    if written:
        for stage, updates in zip(*np.nonzero(shares), strict=True):
            share = shares[stage, updates]
            axes.annotate(
                _percent(share),
                (updates, stage),
                ha="center",
                va="center",
                color=label_colour(action) if share > 0.6 else INK,
                fontsize=8,
            )
    plain_axes(axes)
    axes.set_xlim(-0.5, max(columns, 3) - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _percent(share: float) -> str:
    """Write a share; what is not all or nothing is never written as such."""
    if share in (0, 1):
        return f"{share:.0%}"
    return "<1%" if share < 0.01 else ">99%" if share > 0.99 else f"{share:.0%}"
