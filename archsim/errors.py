"""What can go wrong for a user, each with its remedy.

Every error that a user can cause is an :class:`ArchsimError`; the command line prints its text and
leaves with its exit code. A bare traceback is always a defect of archsim itself.
"""

from __future__ import annotations

import copyreg
import difflib
import pickle
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ArchsimError",
    "Deadlock",
    "DoesNotFit",
    "InputError",
    "InputErrors",
    "Place",
    "PluginError",
    "Shortage",
    "did_you_mean",
    "printable",
]


#: Control and format characters (escape sequences, changes of direction), halves of surrogates.
_OBEYED = frozenset({"Cc", "Cf", "Cs"})


class ArchsimError(Exception):
    """Base of all errors that archsim raises on purpose."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes the same error in another process, whatever its `__init__` takes."""
        state = {name: _portable(value) for name, value in self.__dict__.items()}
        return copyreg.__newobj__, (type(self), *map(_portable, self.args)), state  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a user's document something stands (lines and columns count from 1)."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.file]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


class InputError(ArchsimError):
    """Wrong input: says where, what was found, what is allowed and how to mend it.

    Parameters
    ----------
    problem : str
        One sentence that says what is wrong.
    field : str, optional
        Dotted name of the field, for example ``training.learning_rate``.
    value : object, optional
        The value that was found.
    allowed : str, optional
        What would be accepted.
    remedy : str, optional
        What to do about it.
    place : Place, optional
        File, line and column.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        field: str | None = None,
        value: object = None,
        allowed: str | None = None,
        remedy: str | None = None,
        place: Place | None = None,
    ) -> None:
        self.problem = problem
        self.field = field
        self.value = value
        self.allowed = allowed
        self.remedy = remedy
        self.place = place
        super().__init__(str(self))

    def below(self, section: str) -> InputError:
        """Return this error as that of a key in a section, whose dotted name goes before the field."""
        field = f"{section}.{self.field}" if self.field else section
        return InputError(
            self.problem,
            field=field,
            value=self.value,
            allowed=self.allowed,
            remedy=self.remedy,
            place=self.place,
        )

    def __str__(self) -> str:
        head = self.problem
        if self.field:
            head = f"{self.field}: {head}"
        if self.place:
            head = f"{self.place}: {head}"
        lines = [head]
        if self.value is not None:
            lines.append(f"  found:   {_short(self.value)}")
        if self.allowed:
            lines.append(f"  allowed: {self.allowed}")
        if self.remedy:
            lines.append(f"  remedy:  {self.remedy}")
        return "\n".join(lines)


class InputErrors(InputError):
    """Several mistakes in one input, found together and told together.

    Parameters
    ----------
    errors : sequence of InputError
        The mistakes, in the order of the document.
    there_are_more : bool
        Whether these are only the first of them.
    """

    def __init__(self, errors: Sequence[InputError], *, there_are_more: bool = False) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{'the first ' if there_are_more else ''}{len(self.errors)} mistakes")

    def __str__(self) -> str:
        return "\n".join([f"{self.problem}:", *(str(error) for error in self.errors)])


@dataclass(frozen=True, slots=True)
class Shortage:
    """One resource that does not suffice."""

    resource: str
    demand: str
    supply: str
    remedy: str


class DoesNotFit(InputError):
    """The network does not fit the chip: demand, supply and what would make it fit."""

    def __init__(self, problem: str, shortages: Sequence[Shortage], *, field: str | None = None) -> None:
        self.shortages = tuple(shortages)
        super().__init__(problem, field=field)

    def __str__(self) -> str:
        header = ("resource", "demand", "supply", "what would make it fit")
        rows = [header, *((s.resource, s.demand, s.supply, s.remedy) for s in self.shortages)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
        table = ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([super().__str__(), *table])


class Deadlock(ArchsimError):
    """Unfinished actions remain and no event is left: the text spells out who waits for whom."""


class PluginError(ArchsimError):
    """The code of a part from outside failed: which part, what it raised (the cause of this error), and where.

    Parameters
    ----------
    part : str
        What it is called: ``operator 'my-operator'``.
    error : Exception
        What it raised.
    place : str
        The file, the line and the function.
    """

    def __init__(self, part: str, error: Exception, place: str) -> None:
        self.part = part
        self.place = place
        super().__init__(
            f"{part} failed: {type(error).__name__}: {error}\n"
            f"  at:      {place}\n"
            "  remedy:  mend it there; 'archsim --debug COMMAND' shows the whole traceback"
        )


def printable(text: str) -> str:
    """Return a text in which control characters, which a terminal would obey, are spelt out; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(
        f"\\u{ord(letter):04x}" if unicodedata.category(letter) in _OBEYED and letter not in "\n\t" else letter
        for letter in text
    )


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word closest to a misspelt one, or None."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


class _Shown:
    """Stands for a value that cannot leave its process: how it reads is all that is kept."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _portable(value: object) -> object:
    """Return a value if it can go to another process, else what it looks like."""
    try:
        pickle.dumps(value)
    except Exception:  # A user's object may fail in any way.
        return _Shown(repr(value))
    return value


def _short(value: object, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
