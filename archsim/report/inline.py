"""A figure inside a page: no fixed size, no fixed font, the page's colours, names that do not clash."""

from __future__ import annotations

import re
from html import escape

from matplotlib.figure import Figure

from archsim.report.style import CARD, GRID, INK, MUTED, svg_text

__all__ = ["inline_svg"]

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)", CARD: "var(--card)"}


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a figure as an ``<svg>`` element that takes its colours from the page's variables.

    Parameters
    ----------
    figure : Figure
        The figure.
    name : str
        Unique in the page; it is put before all identifiers of the figure.
    description : str
        What the figure shows, for readers who do not see it.
    """
    text = svg_text(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"\d+\.\d{3,}", _shorter, path[0]).replace("\n", ""), text)
    text = re.sub(r"font-family: [^;\"]*; ?", "", text)
    text = text.replace('id="', f'id="{name}-').replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    label = f'<svg role="img" aria-label="{escape(description)}"'
    return text.replace("<svg", label, 1)


def _shorter(number: re.Match[str]) -> str:
    # A hundredth of a point is finer than any screen; the drawing's own digits double its size.
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
