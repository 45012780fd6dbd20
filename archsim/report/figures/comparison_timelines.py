"""The stages of several runs in time, one run above the other, on one time axis."""

from __future__ import annotations

import textwrap

from matplotlib.figure import SubFigure

from archsim.report.causes import cause_kind, cause_styles
from archsim.report.figures.stage_rows import stage_rows
from archsim.report.figures.timeline import draw_stages, idle_kinds, legend_handles, stage_slices, windows
from archsim.report.style import INK, MUTED, plain_text
from archsim.results import Run, RunCollection

__all__ = ["draw_timelines", "timeline_height"]

_MOST_RUNS = 8
_LEGEND_HEIGHT = 0.75


def _shown(runs: RunCollection) -> dict[str, Run]:
    return dict(list(_there(runs).items())[:_MOST_RUNS])


def _there(runs: RunCollection) -> dict[str, Run]:
    return {name: run for name, run in runs.first_runs.items() if run.observations.stages and run.slices.count}


def _row_height(run: Run) -> float:
    stages = len(run.observations.stages)
    return 0.42 + min(0.2, 2.4 / stages) * stages


def timeline_height(runs: RunCollection) -> float:
    """Return the height in inches that the timelines of some runs take; 0 where none has one."""
    shown = _shown(runs)
    return sum(map(_row_height, shown.values())) + _LEGEND_HEIGHT if shown else 0.0


def draw_timelines(figure: SubFigure, runs: RunCollection) -> None:
    """Draw the start of the first run of each point, all over the same simulated time."""
    shown = _shown(runs)
    window = (0, max(windows(run)[0][1] for run in shown.values()))
    kinds = list(dict.fromkeys(kind for run in shown.values() for kind in idle_kinds(run)))
    styles = cause_styles(kinds)
    panels = figure.subplots(
        len(shown), 1, sharex=True, squeeze=False, height_ratios=[_row_height(run) for run in shown.values()]
    )[:, 0]
    seen: set[str] = set()
    for panel, (name, run) in zip(panels, shown.items(), strict=True):
        part = stage_slices(run, window)
        lasting = part[part["end_ps"] > part["start_ps"]]
        seen |= set(lasting["action"]) | {cause_kind(cause) for cause in lasting["cause"].unique() if cause}
        draw_stages(panel, part, stage_rows(run), window, styles)
        panel.set_title(plain_text(name), loc="left", fontsize=9, color=INK)
    left_out = list(_there(runs))[len(shown) :]
    if left_out:
        text = plain_text(f"timelines of the first {len(shown)}; left out: {', '.join(left_out)}")
        figure.suptitle("\n".join(textwrap.wrap(text, 120)), fontsize=8, color=MUTED)
    for panel in panels[:-1]:
        panel.set_xlabel("")
        panel.tick_params(labelbottom=False)
    handles = legend_handles(seen, styles)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 6),
        fontsize=8,
        frameon=False,
        labelcolor=MUTED,
    )
