"""The plane of a sweep: the axes that there are, the points that nothing beats, and a page that holds them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from archsim.report import design_space, render_sweep, save_figure
from archsim.report.figures.design_space import undominated
from archsim.report.figures.point_numbers import joined_numbers

COSTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


def table(**columns: list[float]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    empty = dict.fromkeys(
        ("accuracy", "energy_per_sample_pj", "time_per_sample_ps", "area_um2", "power_w"), [np.nan] * n
    )
    found = pd.DataFrame(empty | columns)
    for name in empty:
        found[f"{name}_std"] = 0.1 * found[name]
    found.insert(0, "point", [f"bits={i}" for i in range(n)])
    return found.assign(bits=[str(i % 2) for i in range(n)], n=1, failed=0, failure=None)


@given(COSTS)
def test_a_point_is_on_the_front_unless_another_one_beats_it(points: list[tuple[int, int]]) -> None:
    x, y = (np.array(values, dtype=np.float64) for values in zip(*points, strict=True))
    found = undominated(x, y)
    assert found.any()
    for i, j in itertools.product(range(len(points)), repeat=2):
        beats = x[j] <= x[i] and y[j] <= y[i] and (x[j], y[j]) != (x[i], y[i])
        assert not (beats and found[i])
    for i in np.flatnonzero(~found):
        assert any(x[j] <= x[i] and y[j] <= y[i] and (x[j], y[j]) != (x[i], y[i]) for j in range(len(points)))


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        (
            {"accuracy": [0.5, 0.9], "energy_per_sample_pj": [1e3, 2e3]},
            ("energy per sample (nJ)", "test accuracy (logarithmic in the error)"),
        ),
        (
            {"accuracy": [0.5, 0.9], "time_per_sample_ps": [1e3, 2e3]},
            ("time per sample (ns)", "test accuracy (logarithmic in the error)"),
        ),
        (
            {"energy_per_sample_pj": [1e3, 2e3], "time_per_sample_ps": [1.0, 2.0]},
            ("time per sample (ps)", "energy per sample (nJ)"),
        ),
    ],
)
def test_the_axes_are_those_that_there_are(columns: dict[str, list[float]], labels: tuple[str, str]) -> None:
    figure = design_space(table(**columns), ["bits"])
    assert figure is not None
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels


def test_a_single_quantity_makes_no_plane() -> None:
    points = table(accuracy=[0.5, 0.9])
    assert design_space(points, ["bits"]) is None
    assert "<svg" not in render_sweep(points, ["bits"], name="x", facts={})


def test_the_page_holds_figure_points_and_failures() -> None:
    points = table(accuracy=[0.5, 0.9, np.nan], energy_per_sample_pj=[1e3, 2e3, np.nan])
    points["failed"] = [0, 0, 1]
    points["failure"] = [None, None, "too <large>"]
    page = render_sweep(
        points, ["bits"], name="mine & yours", facts={"seeds": "1..2"}, warnings=["(bits=0): lost <all>"]
    )
    assert page.count("<svg") == 1
    assert "mine &amp; yours" in page
    assert "too &lt;large&gt;" in page
    assert "90.00 ± 9.00 %" in page
    assert "(bits=0): lost &lt;all&gt;" in page


def test_points_bear_the_numbers_of_their_rows_and_equal_times_have_no_unit_of_spread() -> None:
    points = table(accuracy=[0.9, np.nan, 0.5], time_per_sample_ps=[1e3, 2e3, 2e3])
    points["time_per_sample_ps_std"] = 0.0
    figure = design_space(points, ["bits"])
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "3"]
    page = render_sweep(points, ["bits"], name="x", facts={})
    assert "1 ns ± 0<" in page
    assert "± 0 ps" not in page


@pytest.mark.parametrize(
    ("accuracy", "energy", "texts"),
    [
        ([0.9] * 3, [1e3] * 3, ["1..3"]),
        ([0.9, 0.95, 0.9], [1e3, 2e3, 1e3], ["1, 3", "2"]),
        ([0.9, 0.95, 0.97], [1e3, 2e3, 3e3], ["1", "2", "3"]),
    ],
)
def test_points_in_one_place_share_a_label(accuracy: list[float], energy: list[float], texts: list[str]) -> None:
    figure = design_space(table(accuracy=accuracy, energy_per_sample_pj=energy), ["bits"])
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == texts


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=12))
def test_labels_bear_every_number_once_and_do_not_overlap(points: list[tuple[int, int]]) -> None:
    energies, times = ([1e3 + value for value in values] for values in zip(*points, strict=True))
    figure = design_space(table(energy_per_sample_pj=energies, time_per_sample_ps=times), ["bits"])
    assert figure is not None
    figure.draw_without_rendering()
    labels = figure.axes[0].texts
    numbers = [part.split("..") for label in labels for part in label.get_text().split(", ")]
    found = sorted(number for ends in numbers for number in range(int(ends[0]), int(ends[-1]) + 1))
    assert found == list(range(1, len(points) + 1))
    for one, other in itertools.combinations([label.get_window_extent() for label in labels], 2):
        assert not one.overlaps(other)


def test_many_numbers_are_written_in_few_characters() -> None:
    assert joined_numbers([1, 3, 4, 5, 6, 9, 10]) == "1, 3..6, 9, 10"
    assert joined_numbers(range(1, 30, 2)) == "1, 3, 5, 7, 9, 11, …"


def test_a_figure_is_saved_at_a_path_given_as_text(tmp_path: Path) -> None:
    save_figure(Figure(), str(tmp_path / "figure.svg"))
    assert (tmp_path / "figure.svg").read_text().startswith("<?xml")
