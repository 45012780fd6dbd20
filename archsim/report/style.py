"""How every figure looks: colours that colour-blind readers tell apart, quiet axes, readable type."""

from __future__ import annotations

from contextlib import AbstractContextManager
from io import BytesIO, StringIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archsim.errors import InputError, printable
from archsim.report.colours import ACTION_COLOURS, OTHER_COLOUR, label_colour

__all__ = [
    "ACCENT",
    "ACTION_COLOURS",
    "CARD",
    "CAUSE_STYLES",
    "FORMATS",
    "GRID",
    "INK",
    "LEAKAGE_COLOURS",
    "MUTED",
    "OTHER_COLOUR",
    "SERIES",
    "ShownFigure",
    "label_colour",
    "plain_axes",
    "plain_text",
    "save_figure",
    "svg_text",
]

# A page with a dark mode replaces exactly these four colours by its own (see `archsim.report.page`).
INK = "#1c2733"
MUTED = "#5c6b7a"
GRID = "#dde3ea"
CARD = "#fefefe"

ACCENT = "#2f86c5"
SERIES: tuple[str, ...] = ("#2f86c5", "#e69f00", "#1b9e77", "#cc79a7", "#d55e00", "#8a6fb0", "#56b4e9", "#7a8794")
LEAKAGE_COLOURS: dict[str, str] = {"active": "#7a8794", "idle": "#a9b4bf", "gated": "#d0d7de"}

#: Fill and hatch of each kind of idle cause: the same in every figure of every report.
CAUSE_STYLES: dict[str, tuple[str, str]] = {
    "waiting for input": ("#8497a9", "////"),
    "waiting for gradient": ("#b3956f", "\\\\\\\\"),
    "waiting for space": ("#b5707c", "xxxx"),
    "waiting for unit": ("#a489b8", "||||"),
    "waiting for demand": ("#6fa0a5", "----"),
    "waiting for its own forward": ("#a89a52", "++++"),
    "waiting for its own backward": ("#7fa37a", "oo"),
    "flush": ("#b07a5a", "xx"),
    "fill": ("#8d98a3", "..."),
    "drain": ("#8d98a3", "//"),
}

#: Formats of figures, with what would make equal figures differ.
FORMATS: dict[str, str] = {"svg": "Date", "pdf": "CreationDate", "png": "Software"}

_FONT_POINTS = 9


class ShownFigure(Figure):
    """A figure that a notebook shows as an image, also where it has not loaded matplotlib's own support."""

    def _repr_png_(self) -> bytes:
        image = BytesIO()
        with _settings():
            self.savefig(image, format="png", dpi=120, facecolor="white")
        return image.getvalue()


def plain_text(text: str) -> str:
    """Return a text that matplotlib draws as it is written: dollar signs, too, and control characters spelt out."""
    text = printable(text).replace("$", r"\$")
    # What begins with an underscore is left out of legends.
    return f" {text}" if text.startswith("_") else text


def plain_axes(axes: Axes, *, grid: str | None = None) -> None:
    """Leave only what helps reading: no box, quiet ticks, grid lines along one axis (``x`` or ``y``)."""
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.patch.set_visible(False)
    axes.tick_params(colors=MUTED, labelsize=_FONT_POINTS, length=0)
    axes.xaxis.label.set(color=MUTED, fontsize=_FONT_POINTS)
    axes.yaxis.label.set(color=MUTED, fontsize=_FONT_POINTS)
    axes.title.set(color=INK, fontsize=_FONT_POINTS + 0.5)
    if grid is not None:
        axes.grid(axis="x" if grid == "x" else "y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)


def svg_text(figure: Figure) -> str:
    """Return a figure as the text of an SVG document without background, equal for equal figures."""
    text = StringIO()
    with _settings():
        figure.savefig(text, format="svg", facecolor="none", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def save_figure(figure: Figure, path: str | Path) -> None:
    """Save a figure as .svg, .pdf or .png, by the ending of the name; equal files for equal figures.

    Raises
    ------
    InputError
        If the ending is another one.
    """
    path = Path(path)
    ending = path.suffix.removeprefix(".")
    if ending not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise InputError("figures are not saved in this format", value=path.name, allowed=known)
    with _settings():
        figure.savefig(path, dpi=200, facecolor="white", metadata={FORMATS[ending]: None})


def _settings() -> AbstractContextManager[None]:
    # Text stays text: the page's own font, selectable, small files.
    return mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "archsim", "hatch.linewidth": 0.5})
