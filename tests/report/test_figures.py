"""Figures show what the tables hold."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from archsim.errors import InputError
from archsim.report import comparison, save_figure
from archsim.report.figures import (
    energy_by_component,
    idle_by_stage,
    learning_curves,
    stage_timeline,
    staleness_by_stage,
    staleness_histogram,
    utilisation,
    weight_discrepancy,
)
from archsim.report.figures.accuracy_axis import accuracy_axis
from archsim.report.figures.energy import energy_table
from archsim.report.figures.idle import stage_idle
from archsim.report.figures.timeline import windows
from archsim.report.style import svg_text
from archsim.results import Run, RunCollection, discrepancy_table, staleness_table
from tests.results.synthetic import synthetic_run

ALL = [energy_by_component, idle_by_stage, learning_curves, stage_timeline, staleness_by_stage, utilisation]


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic_run(micro_batches=80)


@pytest.mark.parametrize("draw", ALL)
def test_equal_runs_give_equal_drawings(draw, run: Run) -> None:
    first, second = draw(run), draw(run)
    assert isinstance(first, Figure)
    settings = dict(mpl.rcParams)
    assert svg_text(first) == svg_text(second)
    assert dict(mpl.rcParams) == settings


def test_a_run_without_a_clock_draws_its_learning_only() -> None:
    run = synthetic_run(numerics=True)
    drawn = {draw.__name__ for draw in ALL if draw(run) is not None}
    assert drawn == {"learning_curves", "staleness_by_stage"}
    figure = learning_curves(run)
    assert figure is not None
    assert len(figure.axes) == 2  # accuracy and loss, against samples only


def test_energy_of_the_figure_is_the_energy_of_the_run(run: Run) -> None:
    table = energy_table(run.cost)
    assert math.fsum(table.to_numpy().ravel()) == pytest.approx(run.metrics["energy_pj"], rel=1e-12)
    assert table.sum(axis=1).is_monotonic_decreasing
    assert table.loc["tile", "active"] > 0
    figure = energy_by_component(run)
    assert figure is not None
    factor = {"energy (µJ)": 1e6, "energy (nJ)": 1e3}[figure.axes[0].get_xlabel()]
    drawn = math.fsum(bar.get_width() for bar in figure.axes[0].patches) * factor
    assert drawn == pytest.approx(run.metrics["energy_pj"], rel=1e-9)


def test_bars_of_every_stage_reach_the_makespan(run: Run) -> None:
    figure = idle_by_stage(run)
    assert figure is not None
    reach: dict[float, float] = {}
    for bar in figure.axes[0].patches:
        reach[bar.get_y()] = reach.get(bar.get_y(), 0.0) + bar.get_width()
    assert list(reach.values()) == pytest.approx([100.0] * 3)
    total = sum(time for causes in stage_idle(run).values() for time in causes.values())
    assert total == sum(run.metrics["idle"].values())


def test_a_short_run_is_shown_whole_and_a_long_one_in_parts(run: Run) -> None:
    short = synthetic_run(micro_batches=4)
    makespan = short.observations.makespan_ps
    assert windows(short) == [(0, makespan)]
    (start, width), (middle, end) = windows(run)
    assert start == 0
    assert end - middle == width
    assert run.observations.makespan_ps // 2 <= middle < end <= run.observations.makespan_ps
    assert middle in set(run.timeline.loc[run.timeline["action"] == "F", "start_ps"])


def test_stages_of_one_place_stand_together_and_tell_it() -> None:
    run = synthetic_run(4, 6)
    apart = ["stage 0", "stage 1", "stage 2", "stage 3"]
    for draw in (stage_timeline, idle_by_stage):
        assert [text.get_text() for text in draw(run).axes[0].get_yticklabels()] == apart
    shared = replace(run, observations=replace(run.observations, places=(0, 1, 0, 1)))
    labels = ["place 0: stage 0", "place 0: stage 2", "place 1: stage 1", "place 1: stage 3"]
    for draw in (stage_timeline, idle_by_stage):
        axes = draw(shared).axes[0]
        assert [text.get_text() for text in axes.get_yticklabels()] == labels
        assert [line.get_ydata()[0] for line in axes.lines] == [1.5]
    idle = {name: sum(causes.values()) for name, causes in stage_idle(run).items()}
    assert list(stage_idle(shared)) == ["stage 0", "stage 2", "stage 1", "stage 3"]
    # The bars follow their labels.
    busy = idle_by_stage(shared).axes[0].containers[0]
    makespan = run.observations.makespan_ps
    for bar, name in zip(busy, stage_idle(shared), strict=True):
        assert bar.get_width() == pytest.approx(100 * (makespan - idle[name]) / makespan)


def test_the_timeline_shows_every_slice_of_a_short_run() -> None:
    run = synthetic_run(micro_batches=4)
    figure = stage_timeline(run)
    assert figure is not None
    slices = run.timeline[run.timeline["unit"].isin(run.observations.stages)]
    drawn = sum(len(c.get_paths()) for c in figure.axes[0].collections if isinstance(c, PolyCollection))
    assert drawn == len(slices)


def test_curves_go_through_the_evaluations(run: Run) -> None:
    figure = learning_curves(run)
    assert figure is not None
    assert len(figure.axes) == 6
    for axes, names in zip(figure.axes, [("test_accuracy",)] * 3 + [("train_loss", "test_loss")] * 3, strict=True):
        assert [line.get_ydata().tolist() for line in axes.lines] == [run.learning[name].tolist() for name in names]
    assert figure.axes[0].lines[0].get_xdata().tolist() == run.learning["samples"].tolist()


def test_perplexities_have_a_row_and_stand_beside_each_other() -> None:
    run = synthetic_run(sequences=True)
    told = run.learning["test_perplexity"].tolist()
    figure = learning_curves(run)
    assert figure is not None
    assert [axes.lines[0].get_ydata().tolist() for axes in figure.axes[3:6]] == [told] * 3
    bars = comparison(RunCollection.of_runs({"a": run, "b": run})).axes
    assert bars[4].get_title(loc="left") == "perplexity (test)"
    assert [bar.get_width() for bar in bars[4].patches] == [run.metrics["perplexity"]] * 2
    assert [axes.lines[0].get_ydata().tolist() for axes in bars[5:7]] == [told] * 2


def test_utilisation_is_the_metric(run: Run) -> None:
    figure = utilisation(run)
    assert figure is not None
    widths = [bar.get_width() for bar in figure.axes[0].patches if bar.get_width() != 100]
    assert widths == pytest.approx([100 * run.metrics["utilisation"]["tile"]])


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_figures_are_saved_alike(suffix: str, run: Run, tmp_path: Path) -> None:
    runs = RunCollection.of_runs({"with clock": run, "without": synthetic_run(numerics=True)})
    for name in ("a", "b"):
        save_figure(comparison(runs), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_any_name_is_shown_as_it_is_written(run: Run, tmp_path: Path) -> None:
    names = {"_first": "_first", "$\\frac{$": "$\\frac{$", "a\x1b[31m\u202eb": "a\\u001b[31m\\u202eb"}
    figure = comparison(RunCollection.of_runs(dict.fromkeys(names, run)))
    save_figure(figure, tmp_path / "figure.svg")
    texts = [(text.text or "").strip() for text in ElementTree.parse(tmp_path / "figure.svg").iter()]
    # On the axis, in the legend, above the timeline.
    assert [texts.count(shown) for shown in names.values()] == [3, 3, 3]


def test_another_format_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format"):
        save_figure(comparison(RunCollection.of_runs({"a": run})), tmp_path / "figure.docx")


def test_a_comparison_shows_each_number_of_each_run(run: Run) -> None:
    figure = comparison(RunCollection.of_runs({"a": run, "b": run, "c": synthetic_run(numerics=True)}))
    bars, curves, timelines = figure.axes[:4], figure.axes[4:6], figure.axes[6:]
    assert [len(axes.patches) for axes in bars] == [3] * 4
    assert [bar.get_width() for bar in bars[3].patches] == pytest.approx([93.75] * 3)
    assert [text.get_text() for text in bars[0].texts][2] == "—"
    learning = run.learning
    for axes, x in zip(curves, (learning["time_ps"], learning["energy_pj"]), strict=True):
        assert len(axes.lines) == 2
        for line in axes.lines:
            drawn = np.asarray(line.get_xdata())
            np.testing.assert_allclose(line.get_ydata(), learning["test_accuracy"])
            np.testing.assert_allclose(drawn / drawn[-1], x / x.iloc[-1])
    assert [axes.get_title(loc="left") for axes in timelines] == ["a", "b"]
    assert timelines[0].get_xlim() == timelines[1].get_xlim()


def test_error_bars_are_the_spread_over_seeds() -> None:
    accuracies = (0.9, 0.94, 0.95)
    runs = {seed: with_accuracy(accuracy) for seed, accuracy in enumerate(accuracies)}
    panel = comparison(RunCollection({"a": runs})).axes[3]
    (bar,) = panel.collections[0].get_segments()
    mean, spread = 100 * statistics.mean(accuracies), 100 * statistics.stdev(accuracies)
    assert [point[0] for point in bar] == pytest.approx([mean - spread, mean + spread])
    assert panel.texts[0].get_text() == f"{mean:.4g} ± {spread:.2g}"


def test_panels_without_data_are_left_out() -> None:
    """A timing run learns nothing, and a run without a clock takes no time."""
    timing = replace_metrics(synthetic_run(), accuracy=None, loss=None)
    timing = replace(timing, learning=timing.learning.iloc[:0])
    assert [
        axes.get_title(loc="left").split(" (")[0] for axes in comparison(RunCollection.of_runs({"a": timing})).axes
    ] == [
        "time per sample",
        "energy per sample",
        "power",
        "a",
    ]
    numerics = comparison(RunCollection.of_runs({"a": synthetic_run(numerics=True)}))
    assert [axes.get_title(loc="left") for axes in numerics.axes] == ["test accuracy (%)", ""]
    assert numerics.axes[1].get_xlabel() == "trained samples"


def with_accuracy(accuracy: float) -> Run:
    return replace_metrics(synthetic_run(), accuracy=accuracy)


def replace_metrics(run: Run, **metrics: float | None) -> Run:
    return replace(run, metrics={**run.metrics, **metrics})


@pytest.mark.parametrize("draw", ALL)
def test_many_stages_fit_a_figure(draw) -> None:
    figure = draw(synthetic_run(stages=40, micro_batches=60))
    assert figure is not None
    assert figure.get_size_inches()[1] < 17


def test_numbers_of_sixteen_stages_do_not_overlap() -> None:
    figure = staleness_by_stage(synthetic_run(stages=16, micro_batches=64))
    assert figure is not None
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 16
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_accuracies_close_to_one_stand_apart_and_a_poor_one_is_still_shown() -> None:
    axes = Figure().subplots()
    accuracy_axis(axes, [0.1, 0.93, 0.96])
    lowest, highest = axes.get_ylim()
    assert lowest <= 0.1 < 0.96 <= highest
    places = axes.transAxes.inverted().transform(axes.transData.transform([(0, 0.93), (0, 0.96)]))
    assert places[1, 1] - places[0, 1] > 0.1


@pytest.mark.parametrize("accuracy", [0.0, 0.9999, 1.0])
def test_an_accuracy_axis_has_a_height_for_any_accuracy(accuracy: float) -> None:
    axes = Figure().subplots()
    accuracy_axis(axes, [accuracy])
    lowest, highest = axes.get_ylim()
    assert lowest < highest


def stale_run() -> Run:
    """Return a run with two stages of which one is late, and weights that were compared."""
    rows = [(0, "a", until, late, count) for until in ("backward", "update") for late, count in ((0, 1), (1, 7))]
    rows += [(1, layer, until, 0, 8) for layer in ("b", "c") for until in ("backward", "update")]
    points = {"b": [(0, 0.0, 0.0), (4, 0.5, 0.25)], "c": [(0, 0.0, math.nan), (4, 0.1, 0.05)]}
    return replace(synthetic_run(), staleness=staleness_table(rows), discrepancy=discrepancy_table(points))


def test_the_histogram_of_staleness_has_a_panel_unless_both_are_alike() -> None:
    run = stale_run()
    one = staleness_histogram(run)
    assert one is not None
    (axes,) = one.axes
    shares = axes.collections[0].get_array()
    assert np.ma.filled(shares, 0).reshape(2, 2).tolist() == [[0.125, 0.875], [1.0, 0.0]]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["stage 0: a", "stage 1: b, c"]
    assert {text.get_text() for text in axes.texts} == {"12%", "88%", "100%"}
    late = run.staleness.copy()
    late.loc[late["until"] == "update", "updates"] += 1
    two = staleness_histogram(replace(run, staleness=late))
    assert two is not None
    assert len(two.axes) == 2
    assert staleness_histogram(synthetic_run()) is None


def test_discrepancies_are_drawn_as_shares_of_what_forwards_met() -> None:
    figure = weight_discrepancy(stale_run())
    assert figure is not None
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["b"].get_xdata().tolist() == [0, 4]
    assert lines["b"].get_ydata().tolist() == [0, 25]
    assert lines["c"].get_ydata().tolist() == [5]
    assert weight_discrepancy(synthetic_run()) is None
