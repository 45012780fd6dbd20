"""The tables that only some runs have: in which file each stands, as which attribute of a run, with which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.results.buffers import BUFFER_COLUMNS
from archsim.results.discrepancy import DISCREPANCY_COLUMNS
from archsim.results.inference import INFERENCE_COLUMNS
from archsim.results.staleness import STALENESS_COLUMNS

__all__ = ["OPTIONAL_TABLES", "OptionalTable"]


@dataclass(frozen=True, slots=True)
class OptionalTable:
    """A table of a run that is written where it has rows.

    Attributes
    ----------
    file : str
        Its file in the folder of a run.
    attribute : str
        Its name as an attribute of a `Run`.
    columns : mapping of str to str
        Names and types of its columns.
    """

    file: str
    attribute: str
    columns: Mapping[str, str]


OPTIONAL_TABLES = (
    OptionalTable("inference.csv", "inference", INFERENCE_COLUMNS),
    OptionalTable("buffers.csv", "buffers", BUFFER_COLUMNS),
    OptionalTable("staleness.csv", "staleness", STALENESS_COLUMNS),
    OptionalTable("discrepancy.csv", "discrepancy", DISCREPANCY_COLUMNS),
)
