"""The report in a real browser: complete, silent, alone, readable on a phone and in the dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest

from archsim.report import write_run
from tests.browser.chromium import Chromium
from tests.integration.experiments import digits

DESKTOP, PHONE = (1280, 900), (390, 844)
DRAWINGS = [
    "Stage timeline",
    "Busy and idle time by stage",
    "Bubble by cause",
    "Staleness and micro-batches in flight",
    "Histogram of staleness",
    "Accuracy and loss",
    "Energy by component and phase",
    "Utilisation",
]

#: Elements that reach beyond the window and are not inside something that scrolls by itself.
SPILLING = """
[...document.querySelectorAll("body *")].filter(element => {
  if (element.getBoundingClientRect().right <= innerWidth + 0.5) return false;
  for (let above = element.parentElement; above; above = above.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(above).overflowX)) return false;
  return true;
}).map(element => element.outerHTML.slice(0, 80))
"""
#: Least contrast of any text that is seen with what lies behind it, by WCAG 2, and where.
FAINTEST = """
(() => {
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const light = c => c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = rgba(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let faintest = [21, ""];
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    if (!element.checkVisibility()) continue;
    const pair = [rgba(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < faintest[0]) faintest = [contrast, element.outerHTML.slice(0, 80)];
  }
  return faintest;
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser that has opened the report of a short run."""
    program = shutil.which("chromium")
    if program is None:
        reason = "chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("report")
    write_run(digits("training.max_mini_batches=8"), folder / "run")
    with Chromium(program, folder / "profile") as browser:
        browser.look(*DESKTOP, "light")
        browser.open((folder / "run" / "report.html").as_uri())
        yield browser


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    found: tuple[int, int] = request.param
    return found


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def reports(page: Chromium, *methods: str) -> list[dict[str, Any]]:
    return [event["params"] for event in page.events if event.get("method") in methods]


def test_every_figure_is_drawn(page: Chromium, size: tuple[int, int], scheme: str) -> None:
    page.look(*size, scheme)
    drawings = page.value(
        """[...document.querySelectorAll("svg")].map(svg => {
          const box = svg.getBoundingClientRect(), ink = svg.getBBox();
          return [svg.getAttribute("aria-label"), box.width, box.height, ink.width, ink.height];
        })"""
    )
    assert [name for name, *_ in drawings] == DRAWINGS
    for name, *sizes in drawings:
        assert min(sizes) > 100, name


@pytest.mark.parametrize("opened", [False, True], ids=["closed", "opened"])
def test_nothing_reaches_beyond_the_window(page: Chromium, size: tuple[int, int], opened: bool) -> None:
    page.look(*size, "light")
    page.value(f'document.querySelectorAll("details").forEach(part => part.open = {str(opened).lower()})')
    assert page.value("innerWidth") == size[0]
    assert page.value("document.scrollingElement.scrollWidth") <= size[0]
    assert page.value(SPILLING) == []


def test_light_and_dark_differ_on_the_screen(page: Chromium, size: tuple[int, int], tmp_path: Path) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        page.look(*size, scheme)
        page.screenshot(tmp_path / f"{scheme}.png")
        picture = matplotlib.image.imread(tmp_path / f"{scheme}.png")[:, :, :3]
        assert picture.shape[1] == size[0]
        brightness[scheme] = (float(picture[5, 5].mean()), float(picture.mean()))  # the page's corner, and all of it
        assert page.value("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert min(brightness["light"]) > 0.8
    assert max(brightness["dark"]) < 0.2


def test_text_can_be_read(page: Chromium, scheme: str) -> None:
    page.look(*DESKTOP, scheme)
    contrast, where = page.value(FAINTEST)
    assert 4.5 <= contrast < 21, where


def test_drawings_take_the_colours_of_the_page(page: Chromium, scheme: str) -> None:
    page.look(*DESKTOP, scheme)
    page_ink, *inks = page.value(
        """[getComputedStyle(document.body).color,
           ...[...document.querySelectorAll("svg")].map(svg => getComputedStyle(svg.querySelector("text")).fill)]"""
    )
    muted = page.value(
        """(() => {
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.color = "var(--muted)";
          const colour = getComputedStyle(probe).color;
          probe.remove();
          return colour;
        })()"""
    )
    assert page_ink != muted
    assert len(inks) == len(DRAWINGS)
    assert set(inks) <= {page_ink, muted}


def test_no_request_leaves_the_page_and_nothing_is_reported(page: Chromium) -> None:
    assert page.value("document.title").startswith("mlp_digits")
    requested = {found["request"]["url"] for found in reports(page, "Network.requestWillBeSent")}
    assert {url for url in requested if not url.startswith("data:")} == {page.value("location.href")}
    assert page.value("performance.getEntriesByType('resource').map(entry => entry.name)") == []
    assert reports(page, "Log.entryAdded", "Runtime.exceptionThrown") == []
    assert reports(page, "Runtime.consoleAPICalled") == []


def test_an_error_would_be_noticed(page: Chromium) -> None:
    """The browser does report what the test before looks for: a picture from elsewhere is refused, loudly."""
    seen = len(page.events)
    page.value(
        """new Promise(done => {
          const picture = new Image();
          picture.onerror = done;
          picture.src = "http://localhost:9/picture.png";
        }).then(() => 1)"""
    )
    page.wait_for("Log.entryAdded")
    del page.events[seen:]
