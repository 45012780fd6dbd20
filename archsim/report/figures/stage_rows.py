"""The rows of a figure with a row for each stage: those of one place stand together and tell it."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes

from archsim.report.style import MUTED
from archsim.results import Run

__all__ = ["StageRows", "stage_rows"]


@dataclass(frozen=True, slots=True)
class StageRows:
    """Rows for the stages of a run, from the top.

    Attributes
    ----------
    names : tuple of str
        The stages, by place where one holds several.
    labels : tuple of str
        What stands beside each row.
    borders : tuple of int
        The rows at which another place begins, but for the first; empty where each stage has a place of its own.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    borders: tuple[int, ...]

    def separate(self, axes: Axes) -> None:
        """Draw a line between the rows of two places."""
        for row in self.borders:
            axes.axhline(row - 0.5, color=MUTED, linewidth=0.6)


def stage_rows(run: Run) -> StageRows:
    """Return the rows for the stages of a run: in their order, or by place where stages share one."""
    stages, places = run.observations.stages, run.observations.places
    if len(places) != len(stages) or len({*places}) == len(stages):
        return StageRows(stages, stages, ())
    order = sorted(range(len(stages)), key=lambda stage: (places[stage], stage))
    borders = [row for row in range(1, len(order)) if places[order[row]] != places[order[row - 1]]]
    labels = tuple(f"place {places[stage]}: {stages[stage]}" for stage in order)
    return StageRows(tuple(stages[stage] for stage in order), labels, tuple(borders))
