"""Objects show themselves in a few words, and user's texts do nothing there."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

import archsim
from archsim.results import Run, RunCollection

HOSTILE = '<script>alert("x")</script>\x1b[31m' + "n" * 5000


class Shown(HTMLParser):
    """What a reader sees: the cells of rows, and the elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def run() -> Run:
    return archsim.simulate(
        archsim.load_experiment("mlp_digits", ["training.max_mini_batches=2", "data.test_samples=20"])
    )


def test_a_run_shows_what_it_is_judged_by(run: Run) -> None:
    text = repr(run)
    shown = dict(Shown(run._repr_html_()).rows)
    for found in (text, str(shown)):
        for word in ("asynchronous", "reram-1024", "coupled", shown["time"], shown["energy"]):
            assert word in found
    assert shown["accuracy"] == f"{run.metrics['accuracy']:.2%}"
    assert "mlp_digits" in text
    assert len(text) < 2000
    assert "\n" not in text


def test_a_run_without_numbers_shows_none() -> None:
    timing = archsim.simulate(archsim.load_experiment("pipeline_unit", ["training.max_mini_batches=2"]))
    assert "accuracy" not in repr(timing)
    assert "accuracy" not in dict(Shown(timing._repr_html_()).rows)


def test_warnings_stand_below_the_table(run: Run) -> None:
    warned = replace(run, warnings=tuple(f"a < b, {i}" for i in range(8)))
    shown = Shown(warned._repr_html_())
    assert dict(shown.rows)["warnings"] == "8"
    assert "a < b, 4" in shown.text
    assert "a < b, 5" not in shown.text
    assert "and 3 more" in shown.text


@pytest.mark.parametrize("name", ["reram-1024", "unit"])
def test_a_chip_and_an_experiment_are_short(name: str) -> None:
    experiment = archsim.load_experiment("mlp_digits", [f"chip={name}"])
    for thing in (experiment, experiment.chip):
        for text in (repr(thing), str(thing)):
            assert name in text
            assert len(text) < 2000
            assert "\n" not in text
        assert len(thing._repr_html_()) < 4000
    rows, columns = experiment.chip.tile.rows, experiment.chip.tile.columns
    assert f"{rows} x {columns}" in dict(Shown(experiment.chip._repr_html_()).rows)["tiles"]


def test_texts_of_users_are_only_texts(run: Run) -> None:
    chip = run.chip.model_copy(update={"name": HOSTILE, "description": HOSTILE})
    experiment = archsim.load_experiment("mlp_digits").model_copy(update={"name": HOSTILE, "chip": chip})
    document = archsim.resolved(experiment.model_copy(update={"name": HOSTILE.replace("\x1b", "")}))
    hostile = replace(run, chip=chip, warnings=(HOSTILE,), document=document)
    for thing in (chip, experiment, hostile):
        text, shown = repr(thing), Shown(thing._repr_html_())
        assert len(text) < 2000
        assert "\x1b" not in text
        assert "script" not in shown.elements
        assert "<script>" in shown.text
        assert "\x1b" not in shown.text
        assert len(shown.text) < 4000


def test_a_comparison_is_a_small_table(run: Run) -> None:
    names = [f"point {i}" for i in range(300)] + [HOSTILE]
    comparison = RunCollection({name: {1: run} for name in names[:2]})
    rows = Shown(comparison._repr_html_()).rows
    assert [row[0] for row in rows] == ["run", "point 0", "point 1"]
    assert f"{run.metrics['accuracy']:.4f}" in repr(comparison)
    many = RunCollection({name: {1: run} for name in reversed(names)})
    assert len(repr(many)) < 2000
    shown = Shown(many._repr_html_())
    assert len(shown.rows) <= 41
    assert "script" not in shown.elements
    assert "\x1b" not in repr(many) + shown.text
