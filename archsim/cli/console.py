"""Where text goes, and how tables look."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["out", "plain_table"]

_WIDTH = 150


def out() -> Console:
    """Return the console of the standard output; a file or a pipe gets wide lines and no colours."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=_WIDTH)


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
