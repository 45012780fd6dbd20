"""The cells of a file that holds a schedule: which stage does what, and where that is written.

A row is a line; its cells stand between commas, or between blanks where it has no comma. A cell is an action as
`Action` writes it, ``F0`` or ``U7*8``; where rows are places, its stage stands before it, ``2:F0`` or ``2F0``. Empty
cells, empty lines and lines that begin with ``#`` say nothing. What `torch.distributed.pipelining` shows in its errors
is read, too: a column for each rank under ``Rank 0 Rank 1 ...``, a line for each step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archsim.errors import InputError, Place
from archsim.schedule.actions import Action

__all__ = ["FIELD", "Cell", "mistake", "read_rows"]

#: The key that names the file.
FIELD = "schedule.path"
_ALLOWED = "actions such as F0, B0 or U7*8, with the stage before them where rows are places, such as 2:F0"
_CELL = re.compile(r"(?:([0-9]{1,9}):?)?([A-Za-z_]+)(?:([0-9]{1,9})(?:\*([0-9]{1,9}))?)?")
#: What ends a line, as editors and readers of CSV count lines.
_LINE_END = re.compile(r"\r\n|\n|\r")
#: How torch writes actions that go side by side, none of which are such a group again.
_SIDE_BY_SIDE = re.compile(r"\((.*)\)OVERLAP_F_B")
_RANKS = re.compile(r"\s*Rank 0(\s+Rank [0-9]+)*\s*")


@dataclass(frozen=True, slots=True)
class Cell:
    """One action in a file.

    Attributes
    ----------
    stage : int or None
        The stage, where the cell says it.
    symbol : str
        What is done.
    micro_batch : int or None
        With which micro-batch, of several the last one; None where the cell names none.
    count : int
        With how many.
    row, number : int
        Which row it stands in, counted from 0, and which cell of that it is, counted from 1.
    text : str
        How it is written.
    place : Place
        Where it stands in the file.
    """

    stage: int | None
    symbol: str
    micro_batch: int | None
    count: int
    row: int
    number: int
    text: str
    place: Place

    @property
    def action(self) -> Action:
        """The action of a cell that names a micro-batch."""
        if self.micro_batch is None:
            raise mistake(self, "an action is done with a micro-batch", f"write {self.symbol}0, {self.symbol}1, ...")
        return Action(self.symbol, self.micro_batch, self.count)


def mistake(cell: Cell, problem: str, remedy: str, allowed: str | None = None) -> InputError:
    """Return the error for a cell that cannot be."""
    problem = f"row {cell.row + 1}, cell {cell.number}: {problem}"
    return InputError(problem, field=FIELD, value=cell.text, allowed=allowed, remedy=remedy, place=cell.place)


def read_rows(content: str, file: str) -> list[list[Cell]]:
    """Return the cells of each row of a file.

    Parameters
    ----------
    content : str
        What the file holds.
    file : str
        Its name, for errors.

    Raises
    ------
    InputError
        If a cell is no action, or there is none.
    """
    lines = [(number, line) for number, line in enumerate(_LINE_END.split(content), 1) if _says_something(line)]
    if lines and _RANKS.fullmatch(lines[0][1]):
        rows = _by_rank(lines, file)
    else:
        rows = [_row(_pieces(line), index, Place(file, number)) for index, (number, line) in enumerate(lines)]
    if not any(rows):
        raise InputError(
            "the file holds no action",
            field=FIELD,
            value=file,
            allowed="a line for each stage, such as F0 F1 B0 U0 B1 U1",
            remedy="write one with 'archsim schedule EXPERIMENT -o FILE'",
        )
    return rows


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _pieces(line: str) -> Iterator[tuple[int, str]]:
    """Yield where each piece of a line starts, and the piece."""
    if "," not in line:
        yield from ((found.start(), found[0]) for found in re.finditer(r"\S+", line))
        return
    start = 0
    for piece in line.split(","):
        yield start + len(piece) - len(piece.lstrip()), _unquoted(piece.strip())
        start += len(piece) + 1


def _unquoted(piece: str) -> str:
    """Return a cell without the quotes around it, which do not go over several cells, since no action has a comma."""
    quoted = len(piece) > 1 and piece[0] == piece[-1] == '"'
    return piece[1:-1].strip() if quoted else piece


def _row(pieces: Iterator[tuple[int, str]], row: int, line: Place) -> list[Cell]:
    found: list[Cell] = []
    for number, (start, text) in enumerate(pieces, 1):
        if text:
            found += _cells(text, row, number, Place(line.file, line.line, start + 1))
    return found


def _by_rank(lines: Sequence[tuple[int, str]], file: str) -> list[list[Cell]]:
    """Return the rows of what has a column for each rank and a line for each step."""
    starts = [found.start() for found in re.finditer(r"Rank", lines[0][1])]
    rows: list[list[Cell]] = [[] for _ in starts]
    for step, (number, line) in enumerate(lines[1:], 1):
        line = line.partition("<--")[0]
        for row, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
            if text := line[start:end].strip():
                rows[row] += _cells(text, row, step, Place(file, number, start + 1))
    return rows


def _cells(text: str, row: int, number: int, place: Place) -> Iterator[Cell]:
    """Yield the action of a cell, or those that it lets go side by side."""
    if several := _SIDE_BY_SIDE.fullmatch(text):
        for one in several[1].split(";"):
            yield _cell(one.strip(), row, number, place)
    else:
        yield _cell(text, row, number, place)


def _cell(text: str, row: int, number: int, place: Place) -> Cell:
    """Return an action that stands in a cell."""
    found = _CELL.fullmatch(text)
    if found is None:
        raise InputError(
            f"row {row + 1}, cell {number}: this is no action",
            field=FIELD,
            value=text,
            allowed=_ALLOWED,
            remedy="separate actions by blanks, or by commas, and write their numbers right behind them",
            place=place,
        )
    stage, symbol, micro_batch, count = found.groups()
    return Cell(
        None if stage is None else int(stage),
        symbol,
        None if micro_batch is None else int(micro_batch),
        int(count or 1),
        row,
        number,
        text,
        place,
    )
