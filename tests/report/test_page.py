"""The report is one file that needs nothing else, says what matters, and believes no text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.report import render_report, write_report, write_run
from archsim.results import Run, load_run
from tests.results.synthetic import synthetic_run

_VOID = {"meta", "link", "br", "img", "hr"}


class Page(HTMLParser):
    """Collects elements, their nesting, and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open):
            self.text += data


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic_run()


@pytest.fixture(scope="module")
def text(run: Run) -> str:
    return render_report(run)


def test_no_request_leaves_the_page(text: str) -> None:
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "img", "object", "embed")
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            target = attributes.get(name)
            assert target is None or target == "data:," or target.startswith("#"), (tag, target)
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in text
    assert all(match.startswith("#") for match in re.findall(r"url\(([^)]*)\)", text))


def test_time_energy_and_accuracy_come_first(run: Run, text: str) -> None:
    page = Page(text)
    first = [run.metrics["makespan_ps"] / 1e6, run.metrics["energy_pj"] / 1e6, 100 * run.metrics["accuracy"]]
    places = [page.text.index(f"{number:.4g}") for number in first]
    figures = page.text.index("Pipeline")
    assert places == sorted(places)
    assert places[-1] < page.text.index(f"{1e3 * run.metrics['power_w']:.4g}") < figures


def test_it_holds_figures_definitions_constants_and_origin(run: Run, text: str) -> None:
    page = Page(text)
    drawings = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert drawings == [
        "Stage timeline",
        "Busy and idle time by stage",
        "Bubble by cause",
        "Staleness and micro-batches in flight",
        "Accuracy and loss",
        "Energy by component and phase",
        "Utilisation",
    ]
    for name in run.metrics:
        assert name in page.text
    for record in run.constants:
        assert record.name in page.text
        assert record.source in page.text
    assert f"{len(run.placeholders)} of {sum(r.used for r in run.constants)} constants are guesses" in page.text
    assert run.warnings[0] in page.text
    assert "noise 1" in page.text
    assert run.document.strip() in page.text


def test_identifiers_are_unique_and_references_resolve(text: str) -> None:
    identifiers = re.findall(r'\bid="([^"]*)"', text)
    assert len(identifiers) == len(set(identifiers))
    references = {*re.findall(r"url\(#([^)]*)\)", text), *re.findall(r'href="#([^"]*)"', text)}
    assert references <= set(identifiers)


def test_equal_runs_give_equal_reports(run: Run, text: str) -> None:
    assert render_report(run) == text


def test_colours_follow_the_page(text: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert "prefers-color-scheme: dark" in text
    assert all("var(--" in drawing for drawing in drawings)
    assert not any("#1c2733" in drawing for drawing in drawings)


def test_text_of_a_user_is_shown_and_not_obeyed(run: Run) -> None:
    nasty = "<script>alert(1)</script> & \"quoted\" $x^2$ 'x'"
    evil = replace(
        run,
        document=run.document.replace("name: synthetic", "name: '" + nasty.replace("'", "''") + "'"),
        warnings=(nasty,),
    )
    page = Page(render_report(evil))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(nasty) >= 3


def test_control_characters_of_a_user_are_spelt_out(run: Run) -> None:
    page = render_report(replace(run, warnings=("a\x1b[31m\x00\u202eb",)))
    assert "a\\u001b[31m\\u0000\\u202eb" in page
    assert not {"\x1b", "\x00", "\u202e"} & set(page)


@pytest.mark.parametrize("kind", ["numerics", "timing", "without slices"])
def test_a_run_that_lacks_something_has_a_report(kind: str, run: Run) -> None:
    lacking = synthetic_run(numerics=kind == "numerics", store=kind == "coupled")
    if kind == "timing":
        lacking = replace(
            run,
            learning=run.learning.iloc[:0],
            tallies=(),
            metrics={**run.metrics, "accuracy": None, "loss": None},
            weights={},
        )
    page = Page(render_report(lacking))
    drawings = {attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"}
    assert ("Stage timeline" in drawings) == (kind == "timing")
    assert ("Accuracy and loss" in drawings) == (kind != "timing")
    assert ("Energy by component and phase" in drawings) == (kind != "numerics")
    assert "nan" not in page.text.replace("dynamic", "").split("Origin")[0]


def test_a_run_folder_holds_everything(run: Run, tmp_path: Path) -> None:
    write_run(run, tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "area.csv",
        "cost.csv",
        "experiment.yaml",
        "learning.csv",
        "report.html",
        "run.json",
        "timeline.parquet",
        "trace.json.gz",
        "weights.npz",
    ]
    loaded = load_run(tmp_path / "run")
    assert loaded == run
    with pytest.raises(InputError, match="exists already"):
        write_run(run, tmp_path / "run")
    old = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    write_report(loaded, tmp_path / "run")
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8") == old
    write_run(run, tmp_path / "run", force=True)
    assert load_run(tmp_path / "run") == run


def test_totals_and_shares_come_before_phases(text: str) -> None:
    table = text[text.index("<th>Component</th>") :]
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", table[: table.index("</thead>")])
    assert heads[:3] == ["Component", "total", "share"]
    assert heads[3:6] == ["forward", "backward", "update"]
    row = table[table.index('<th scope="row">tile</th>') :]
    cells = re.findall(r"<td[^>]*>(?:<strong>)?([^<]*)", row[: row.index("</tr>")])
    assert cells[0].endswith("J")
    assert cells[1].endswith(" %")


def test_a_model_of_sequences_is_judged_by_its_perplexity() -> None:
    run = synthetic_run(sequences=True)
    assert f"perplexity {run.metrics['perplexity']:.4g}, training loss" in Page(render_report(run)).text
