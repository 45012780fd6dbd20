"""What the studies have in common: rows that survive a kill, claims with a verdict, figures and tables."""

from __future__ import annotations

import argparse
import csv
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from archsim._core import ISA

__all__ = ["MACHINE", "Claim", "Rows", "claims_table", "figure", "markdown", "options", "write"]

#: What the numbers were made on.
MACHINE = f"{platform.machine()}, instruction set {ISA}"

#: Where the page of a study lies in its folder.
PAGE = "README.md"

#: By what a page of a trial is known.
TRIAL = "trial of the code"

#: The command that makes a study, as its page names it.
COMMAND = re.compile(r"python reports/\w+/remake\.py")


class Rows:
    """Rows of a CSV file, one for each run; each is kept as soon as it is there.

    The file is replaced as a whole, so that a run that is killed leaves it as it was before or after a row.

    Parameters
    ----------
    path : Path
        The file; rows that it holds already count as done.
    key : sequence of str
        The columns by which a run is known.
    """

    def __init__(self, path: Path, key: Sequence[str]) -> None:
        self.path = path
        self._key = tuple(key)
        self._rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="") as file:
                self._rows = list(csv.DictReader(file))

    def has(self, run: Mapping[str, object]) -> bool:
        """Return whether a run is there already."""
        wanted = [str(run[name]) for name in self._key]
        return any([row[name] for name in self._key] == wanted for row in self._rows)

    def add(self, *rows: Mapping[str, object]) -> None:
        """Keep rows."""
        self._rows += [{name: str(value) for name, value in row.items()} for row in rows]
        beside = self.path.with_suffix(".tmp")
        with beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        os.replace(beside, self.path)

    def frame(self) -> pd.DataFrame:
        """Return all rows that are there, with numbers as numbers."""
        return pd.read_csv(self.path) if self.path.exists() else pd.DataFrame()


@dataclass(frozen=True)
class Claim:
    """What was published, what came out here, and whether the one says the other."""

    claim: str
    published: str
    measured: str
    holds: bool | None


def claims_table(claims: Sequence[Claim]) -> str:
    """Return claims as a table."""
    words = {True: "yes", False: "**no**", None: "no verdict"}
    rows = [
        {"claim": c.claim, "published": c.published, "measured": c.measured, "holds": words[c.holds]} for c in claims
    ]
    return markdown(pd.DataFrame(rows))


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure to draw on, and save it: the same drawing gives the same file."""
    with rc_context({"svg.hashsalt": path.parent.name, "font.size": 9}):
        drawn = Figure(figsize=(width, height), layout="constrained")
        yield drawn
        FigureCanvasSVG(drawn).print_svg(str(path), metadata={"Date": None})


def options(
    description: str, parts: Sequence[str], folder: Path, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """Read the command line that all studies understand.

    Parameters
    ----------
    description : str
        What the study does.
    parts : sequence of str
        What it consists of.
    folder : Path
        Where results lie unless told otherwise.
    arguments : sequence of str or None
        The command line; None for the process's own.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = ", ".join(repr(part) if " " in part else part for part in parts)
    parser.add_argument(
        "--only", nargs="+", metavar="PART", choices=parts, default=list(parts), help=f"run these parts only: {named}"
    )
    parser.add_argument("--out", type=Path, default=folder, help="folder for results; what it holds is not run again")
    parser.add_argument("--fresh", action="store_true", help="forget the rows in that folder first")
    parser.add_argument(
        "--tiny", action="store_true", help="a size at which the script can be tried out, in another --out folder"
    )
    found = parser.parse_args(arguments)
    if found.tiny and found.out.resolve() == folder.resolve():
        parser.error("--tiny is a trial of the code, which the study's own folder does not keep: give --out FOLDER")
    there = found.out / PAGE
    if (
        there.exists()
        and (TRIAL in there.read_text(encoding="utf-8")) != found.tiny
        and (found.tiny or not found.fresh)
    ):
        holds = "results of the study" if found.tiny else f"rows of a {TRIAL}: forget them with --fresh"
        parser.error(f"{found.out} holds {holds}, or give another --out FOLDER")
    found.out.mkdir(parents=True, exist_ok=True)
    if found.fresh:
        for name in found.out.glob("*.csv"):
            name.unlink()
    return found


def write(asked: argparse.Namespace, page: Callable[[], str]) -> None:
    """Write the page of a study; one of a trial says so below its title and behind the command that made it.

    Parameters
    ----------
    asked : argparse.Namespace
        What `options` read.
    page : callable
        Returns the text, whose first line is the title.
    """
    text = page()
    if asked.tiny:
        title, _, rest = text.partition("\n")
        rest = COMMAND.sub(r"\g<0> --tiny", rest)
        warning = f"**Made with `--tiny`: a {TRIAL}, not a result.** Numbers and verdicts here mean nothing."
        text = f"{title}\n\n{warning}\n{rest}"
    (asked.out / PAGE).write_text(text, encoding="utf-8")
