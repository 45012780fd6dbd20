"""Where text goes, and how tables look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from archsim.errors import printable

__all__ = ["SafeConsole", "out", "plain_table"]

_WIDTH = 150


class SafeConsole(Console):
    """A console that shows control characters in the texts of documents and results, and obeys none of them."""

    def render_str(self, text: str, **settings: Any) -> Text:
        """Return a text as it is shown; see `rich.console.Console.render_str`."""
        return super().render_str(printable(text), **settings)


def out() -> Console:
    """Return the console of the standard output; a file or a pipe gets wide lines and no colours."""
    console = SafeConsole(highlight=False, markup=False)
    return console if console.is_terminal else SafeConsole(highlight=False, markup=False, width=_WIDTH)


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int) -> Table:
    """Return a table without vertical lines.

    Parameters
    ----------
    headers : sequence of str
        Column titles.
    rows : sequence of sequences of str
        Cells.
    numbers_from : int
        The first column that holds numbers, which stand right.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(headers):
        table.add_column(header, justify="right" if i >= numbers_from else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
