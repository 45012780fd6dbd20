"""A schedule over time: what each stage does, what it stores, its bubble and its staleness. Nothing has run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from archsim.explanation import bubble_text, percent
from archsim.report.causes import cause_kind, cause_styles
from archsim.report.figures.timeline import legend_handles
from archsim.report.scales import time_scale, write_value
from archsim.report.style import ACCENT, ACTION_COLOURS, CARD, GRID, INK, MUTED, OTHER_COLOUR, label_colour, plain_axes
from archsim.schedule.action_times import ActionTimes

__all__ = ["schedule_figure"]

#: Micro-batches of which all is shown, and those that are shown of more.
_SHOWN = 24
_STAGES = 16
_IDLE_ALPHA = 0.65
#: The least width of a box with a number, as a share of the panel's: around the digits, and for each.
_AROUND_PART, _DIGIT_PART = 0.003, 0.0065
#: Fonts of these numbers; the widths are those of the largest one.
_FONT_POINTS = (7.0, 6.0, 5.0)
#: Times of zero length are drawn so wide, as a share of the panel's width.
_MARK_PART = 0.0025


def schedule_figure(times: ActionTimes, mini_batches: int, said: str) -> Figure:
    """Return a schedule drawn over time in picoseconds: its actions and, below, the micro-batches that stages store.

    Beside the actions stands the idle share of each place, beside the memory the staleness of each stage.

    Parameters
    ----------
    times : ActionTimes
        The schedule laid over time; perhaps its first mini-batches only.
    mini_batches : int
        How many the schedule has in all.
    said : str
        Where the times of the stages come from.
    """
    shape, end = times.schedule.shape, _window(times)
    rows = sorted(range(shape.stages), key=lambda stage: (times.places[stage], stage))
    height = min(0.36, 8.0 / len(rows))
    trains = times.schedule.trains
    figure = Figure(figsize=(10.5, 2.0 + 2 * height * len(rows)), layout="constrained")
    panels = figure.subplots(2, 2, width_ratios=(6.2, 1), squeeze=False)
    gantt, idle, memory, stale = panels[0, 0], panels[0, 1], panels[1, 0], panels[1, 1]
    seen = _draw_actions(gantt, times, rows, end)
    _draw_idle_shares(idle, times, rows)
    _draw_stored(memory, times, rows, end)
    if trains:
        _draw_staleness(stale, times, rows)
    else:
        stale.set_visible(False)
    styles = cause_styles(seen)
    causes = times.bubble_by_cause()
    shares: dict[str, float] = {}
    for cause, share in zip(causes["cause"], causes["share"], strict=True):
        shares[cause_kind(cause)] = shares.get(cause_kind(cause), 0.0) + share
    part = (
        ""
        if shape.mini_batches == mini_batches
        else f"; makespan and bubble of the first {shape.mini_batches} mini-batches"
    )
    figure.suptitle(
        f"{times.schedule.kind}: stages: {shape.stages}, mini-batches: {mini_batches}, "
        f"micro-batches in each: {shape.micro_batches}{part}\n"
        f"makespan {write_value(times.makespan, 'ps')}; {bubble_text(times.bubble_fraction, shares)}\n"
        f"{said}{_hatched(times, rows)}"
        + (f"; shown is the time to {write_value(end, 'ps')}" if end < times.makespan else ""),
        x=0.01,
        ha="left",
        fontsize=9.5,
        color=INK,
    )
    handles = legend_handles({*seen, *times.schedule.kinds}, styles)
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=min(6, len(handles)),
        fontsize=8.5,
        frameon=False,
        labelcolor=MUTED,
    )
    return figure


def _hatched(times: ActionTimes, rows: Sequence[int]) -> str:
    """Say what the hatch of idle time covers where stages share places."""
    shared = len({*times.places}) < len(rows)
    return "; hatched: the whole place is idle, so all of its stages are" if shared else ""


def _window(times: ActionTimes) -> int:
    """Return the time up to which a schedule is drawn: all of it, or until its first micro-batches are done."""
    shape = times.schedule.shape
    shown = max(_SHOWN, 2 * shape.stages)
    if shape.total <= shown * 3 // 2:
        return times.makespan
    return max(end for (_, action), end in zip(times.actions, times.ends, strict=True) if action.micro_batch < shown)


def _draw_actions(axes: Axes, times: ActionTimes, rows: Sequence[int], end: int) -> list[str]:
    """Draw the actions, and hatch the time in which a place does nothing; return the kinds of causes of that."""
    factor, unit = time_scale([end])
    row_of = {stage: row for row, stage in enumerate(rows)}
    bars: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for (stage, action), begin, until in zip(times.actions, times.begins, times.ends, strict=True):
        if begin > end or (begin == end and until > end):
            continue
        row, mark = row_of[stage], _MARK_PART * end
        if until == begin:
            bars.setdefault((row, action.kind), []).append((max(0.0, begin - mark / 2) / factor, mark / factor))
            continue
        last = min(until, end) - begin
        bars.setdefault((row, action.kind), []).append((begin / factor, last / factor))
        if len(rows) <= _STAGES and (points := _font_points(action.micro_batch, last / end)):
            at = ((begin + last / 2) / factor, row)
            axes.text(
                *at, str(action.micro_batch), color=label_colour(action.kind), fontsize=points, ha="center", va="center"
            )
    # What takes no time is drawn last, over what it stands between.
    for (row, kind), own in sorted(bars.items(), key=lambda item: -item[1][0][1]):
        colour = ACTION_COLOURS.get(kind, OTHER_COLOUR)
        axes.broken_barh(own, (row - 0.41, 0.82), facecolor=colour, edgecolor=CARD, linewidth=0.5)
    idle = times.idle()
    kinds = list(dict.fromkeys(idle["cause"].map(cause_kind)))
    styles = cause_styles(kinds)
    for place, begin, until, cause in idle.itertuples(index=False):
        if begin < end:
            fill, hatch = styles[cause_kind(cause)]
            for stage in (stage for stage in rows if times.places[stage] == place):
                axes.broken_barh(
                    [(begin / factor, (min(until, end) - begin) / factor)],
                    (row_of[stage] - 0.34, 0.68),
                    facecolor="none",
                    edgecolor=fill,
                    hatch=hatch,
                    linewidth=0,
                    alpha=_IDLE_ALPHA,
                )
    _stage_axis(axes, times, rows)
    axes.set_xlim(0, end / factor)
    axes.set_xlabel(f"time ({unit})")
    return kinds


def _draw_idle_shares(axes: Axes, times: ActionTimes, rows: Sequence[int]) -> None:
    idle = times.idle()
    shares = (idle["end"] - idle["begin"]).groupby(idle["place"]).sum() / times.makespan
    own = [float(shares.get(times.places[stage], 0.0)) for stage in rows]
    _bars(axes, own, [percent(share) for share in own], "idle share", 1.0)


def _draw_staleness(axes: Axes, times: ActionTimes, rows: Sequence[int]) -> None:
    own = [times.staleness(stage) for stage in rows]
    _bars(axes, own, [f"{number:.3g}" for number in own], "staleness\n(mean updates)", max(*own, 1.0))


def _bars(axes: Axes, values: Sequence[float], texts: Sequence[str], label: str, whole: float) -> None:
    axes.barh(range(len(values)), [whole] * len(values), height=0.5, color=GRID)
    axes.barh(range(len(values)), values, height=0.5, color=ACCENT)
    if len(values) <= _STAGES:
        for row, text in enumerate(texts):
            axes.annotate(
                text,
                (whole, row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                color=INK,
                fontsize=7.5,
                annotation_clip=False,
            )
    plain_axes(axes)
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_xlim(0, whole * 1.45)
    axes.set_xlabel(label, loc="left")


def _draw_stored(axes: Axes, times: ActionTimes, rows: Sequence[int], end: int) -> None:
    """Draw how many micro-batches each stage stores at a time, the darker the more."""
    factor, unit = time_scale([end])
    found = {stage: times.stored(stage) for stage in rows}
    most = max(max(levels) for _, levels in found.values())
    shades = LinearSegmentedColormap.from_list("stored", [CARD, "#cfe2f1", ACCENT, "#12456b"])
    for row, stage in enumerate(rows):
        since, levels = np.array(found[stage][0]), np.array(found[stage][1])
        # Of what changes at one moment, the last level holds; what has not changed then goes on.
        lasting = np.append(since[1:] > since[:-1], since[-1] < times.makespan)
        since, levels = since[lasting], levels[lasting]
        changed = np.append(True, levels[1:] != levels[:-1])
        since, levels = since[changed], levels[changed]
        until = np.append(since[1:], times.makespan)
        shown = (since < end) & (levels > 0)
        for begin, last, level in zip(since[shown], until[shown], levels[shown], strict=True):
            width = min(int(last), end) - int(begin)
            axes.broken_barh(
                [(begin / factor, width / factor)], (row - 0.41, 0.82), facecolor=shades(level / most), linewidth=0
            )
            if len(rows) <= _STAGES and (points := _font_points(level, width / end)):
                colour = "#ffffff" if level > most / 2 else "#17202a"
                at = ((begin + width / 2) / factor, row)
                axes.text(*at, str(level), color=colour, fontsize=points, ha="center", va="center")
    _stage_axis(axes, times, rows)
    axes.set_xlim(0, end / factor)
    axes.set_xlabel(f"time ({unit}); numbers: micro-batches stored, from F to {times.schedule.releasing}")


def _font_points(number: int, part: float) -> float | None:
    """Return the largest font in which a number fits into a box that is so wide, as a share of its panel, if any."""
    needed = _AROUND_PART + _DIGIT_PART * len(str(number))
    return next((points for points in _FONT_POINTS if part > needed * points / _FONT_POINTS[0]), None)


def _stage_axis(axes: Axes, times: ActionTimes, rows: Sequence[int]) -> None:
    shared = len({*times.places}) < len(rows)
    labels = [f"place {times.places[stage]}: stage {stage}" if shared else f"stage {stage}" for stage in rows]
    plain_axes(axes)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    step = 1 if len(rows) <= _STAGES else -(-len(rows) // 8)
    axes.set_yticks(range(0, len(rows), step), labels[::step])
    if shared:
        for row in range(1, len(rows)):
            if times.places[rows[row]] != times.places[rows[row - 1]]:
                axes.axhline(row - 0.5, color=MUTED, linewidth=0.6)
