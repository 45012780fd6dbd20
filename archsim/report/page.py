"""The report of one run: a single HTML file that needs nothing else and asks for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from archsim.report import content, figures
from archsim.report.bounds import bound_note, bound_rows
from archsim.report.inline import inline_svg
from archsim.report.rendering import render_page
from archsim.results import Run

__all__ = ["Drawing", "figures_of", "render_report"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with its words, as the page shows it."""

    title: str
    caption: str
    wide: bool
    svg: str


@dataclass(frozen=True, slots=True)
class _Recipe:
    draw: Callable[[Run], Figure | None]
    title: str
    caption: str
    wide: bool = False


_RECIPES: dict[str, _Recipe] = {
    "timeline": _Recipe(
        figures.stage_timeline,
        "Stage timeline",
        "Numbers, where they fit, are micro-batches. A long run shows its start and a part from its middle. "
        "Stages that share a place stand together.",
        wide=True,
    ),
    "idle": _Recipe(
        figures.idle_by_stage,
        "Busy and idle time by stage",
        "Every stage's busy time and idle time by cause add up to the makespan.",
    ),
    "bubble": _Recipe(
        figures.bubble_by_cause,
        "Bubble by cause",
        "The time in which no stage of a place acts, by what is waited for; the shares add up to the bubble. A flush "
        "is the wait for a mini-batch that every place begins only when it has done all of those before.",
    ),
    "staleness": _Recipe(
        figures.staleness_by_stage,
        "Staleness and micro-batches in flight",
        "Staleness: updates of a stage between a micro-batch's F and its B there, as observed.",
    ),
    "staleness_histogram": _Recipe(
        figures.staleness_histogram,
        "Histogram of staleness",
        "Share of the micro-batches of each stage by the number of its updates while they were on their way. All "
        "layers of a stage are alike.",
    ),
    "discrepancy": _Recipe(
        figures.weight_discrepancy,
        "Weights of backward and forward",
        "How far the weights that the backward of a micro-batch met were from those that its forward had met: the "
        "Frobenius norm of the difference, as a share of that of the forward's weights.",
    ),
    "learning": _Recipe(
        figures.learning_curves,
        "Accuracy and loss",
        "Test accuracy is evaluated through the noisy crossbars at no cost in time or energy.",
        wide=True,
    ),
    "energy": _Recipe(
        figures.energy_by_component,
        "Energy by component and phase",
        "Dynamic energy in colours by phase, leakage in greys by power state.",
    ),
    "utilisation": _Recipe(
        figures.utilisation,
        "Utilisation",
        "Busy time of the units that were used at all, as a share of the makespan.",
    ),
}


def figures_of(run: Run) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of a run's report that have data, by their names."""
    for name, recipe in _RECIPES.items():
        figure = recipe.draw(run)
        if figure is not None:
            yield name, figure


def render_report(run: Run) -> str:
    """Return the report of a run as one self-contained HTML page."""
    phases, energy_rows = content.energy_rows(run)
    return render_page(
        "report.html",
        {
            "name": str(run.settings["name"]),
            "description": str(run.settings.get("description") or ""),
            "facts": content.facts(run),
            "main_cards": content.main_cards(run),
            "side_cards": content.side_cards(run),
            "bottleneck": run.bottleneck,
            "bounds": bound_rows(run),
            "bound_note": bound_note(run),
            "warnings": run.warnings,
            "placeholders": run.placeholders,
            "drawings": {key: _drawing(run, key, recipe) for key, recipe in _RECIPES.items()},
            "has_trace": run.slices.count > 0,
            "phases": phases,
            "energy_rows": energy_rows,
            "metric_rows": content.metric_rows(run),
            "used": [record for record in run.constants if record.used],
            "unused": [record for record in run.constants if not record.used],
            "provenance": content.provenance_rows(run),
            "document": run.document,
            "constant_value": content.constant_value,
            "version": run.provenance.archsim,
        },
    )


def _drawing(run: Run, key: str, recipe: _Recipe) -> Drawing | None:
    figure = recipe.draw(run)
    if figure is None:
        return None
    return Drawing(recipe.title, recipe.caption, recipe.wide, inline_svg(figure, key, recipe.title))
