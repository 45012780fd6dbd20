"""Loading a run folder, without loss and with a clear word about what is wrong."""

from __future__ import annotations

import json
import shlex
import zipfile
import zlib
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from archsim.chip.specification import Chip
from archsim.errors import InputError
from archsim.files import digest_of, open_regular, read_regular
from archsim.results.area import AREA_COLUMNS
from archsim.results.constants import ConstantRecord
from archsim.results.learning import LATER_COLUMNS, LEARNING_COLUMNS
from archsim.results.lock import LOCK_FILE
from archsim.results.metrics import METRICS
from archsim.results.observations import Observations
from archsim.results.optional_tables import OPTIONAL_TABLES
from archsim.results.pricing import COST_COLUMNS
from archsim.results.provenance import Provenance
from archsim.results.record import observations_from_json, tally_from_json
from archsim.results.run import Run
from archsim.results.save import (
    AREA_FILE,
    CHECKED_FILES,
    COST_FILE,
    DOCUMENT_FILE,
    FORMAT,
    LEARNING_FILE,
    MOST_OF_RUN_FILE,
    RUN_FILE,
    TIMELINE_FILE,
    WEIGHTS_FILE,
    record_digest,
)
from archsim.results.slices import SlicesOnDisk
from archsim.results.tables import read_csv
from archsim.results.tally import Tally
from archsim.results.typecheck import check_not_negative, check_type

__all__ = ["load_run"]

Content = TypeVar("Content")
_Number = int | float | None
#: What a metric can be.
_Numbers = _Number | list[_Number] | dict[str, _Number]


def load_run(directory: str | Path) -> Run:
    """Return the run of a run folder, equal to the one that was saved; of an interrupted run, the results so far.

    Metrics and columns of the learning curve that an older archsim did not write are None, or missing values.

    Raises
    ------
    InputError
        If there is no such folder, it holds no run, or one of its files is missing or damaged.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise InputError("there is no such folder", value=str(folder), remedy="give the folder of a finished run")
    if not (folder / RUN_FILE).is_file() and (folder / LOCK_FILE).is_file():
        document = shlex.quote(str(folder / DOCUMENT_FILE))
        raise InputError(
            "the run in this folder is not finished, and there are no results yet",
            value=str(folder),
            remedy=f"wait for it, or go on with it: archsim run {document} -o {shlex.quote(str(folder))} --resume",
        )
    if not (folder / RUN_FILE).is_file():
        raise InputError(
            f"this folder holds no run: it has no {RUN_FILE}",
            value=str(folder),
            remedy=_runs_below(folder) or "give a folder that 'archsim run' wrote",
        )
    record = _read(folder, RUN_FILE, _read_json)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{RUN_FILE} is not of the format {FORMAT} that this archsim reads", value=str(folder))
    if record.get("digest") != _read(folder, RUN_FILE, lambda path: record_digest(record)):
        raise InputError(
            f"the run folder is damaged: {RUN_FILE} is not what was saved",
            value=str(folder),
            remedy=f"run its {DOCUMENT_FILE} again",
        )
    _check_files(folder, record)

    def parse(path: Path) -> Run:
        return _run_of(record, folder)

    return _read(folder, RUN_FILE, parse)


def _runs_below(folder: Path) -> str | None:
    """Say how to get at the runs of a folder of several; None if it is no such folder."""
    found = next(iter(sorted(folder.glob(f"*/{RUN_FILE}")) or sorted(folder.glob(f"*/*/{RUN_FILE}"))), None)
    if found is None:
        return None
    return (
        f"it holds several runs: give one of them, such as {found.parent}, or archsim.explore.load_collection for all"
    )


def _run_of(record: dict[str, Any], folder: Path) -> Run:
    run = Run(
        document=_read(folder, DOCUMENT_FILE, lambda path: path.read_text(encoding="utf-8")),
        chip=Chip.model_validate(record["chip"]),
        observations=observations_from_json(record["observations"]),
        # What a run did not measure because there was no such metric is unknown.
        metrics=dict.fromkeys(metric.id for metric in METRICS) | record["metrics"],
        learning=_read(folder, LEARNING_FILE, lambda path: read_csv(path, LEARNING_COLUMNS, LATER_COLUMNS)),
        tallies=tuple(tally_from_json(tally) for tally in record["tallies"]),
        cost=_read(folder, COST_FILE, lambda path: read_csv(path, COST_COLUMNS)),
        area=_read(folder, AREA_FILE, lambda path: read_csv(path, AREA_COLUMNS)),
        slices=_read(folder, TIMELINE_FILE, SlicesOnDisk),
        constants=tuple(ConstantRecord(**constant) for constant in record["constants"]),
        provenance=Provenance(**record["provenance"]),
        warnings=tuple(record["warnings"]),
        weights=_read(folder, WEIGHTS_FILE, _read_weights),
        **_optional_tables(folder, record["sha256"]),
    )
    expected = {
        "observations": Observations,
        "metrics": dict[str, _Numbers],
        "tallies": tuple[Tally | None, ...],
        "constants": tuple[ConstantRecord, ...],
        "provenance": Provenance,
        "warnings": tuple[str, ...],
    }
    for name, kind in expected.items():
        check_type(getattr(run, name), kind, name)
    # What a loss is counted from, whoever registers it decides.
    check_not_negative(run.observations, "observations", signed=("loss", "test_loss"))
    check_not_negative(run.tallies, "tallies")
    return run


def _optional_tables(folder: Path, digests: Container[str]) -> dict[str, pd.DataFrame]:
    """Read the tables that a folder has, of those that not every run has."""

    def reader(columns: Mapping[str, str]) -> Callable[[Path], pd.DataFrame]:
        return lambda path: read_csv(path, columns)

    return {
        optional.attribute: _read(folder, optional.file, reader(optional.columns))
        for optional in OPTIONAL_TABLES
        if optional.file in digests
    }


def _read_json(path: Path) -> Any:
    return json.loads(read_regular(path, MOST_OF_RUN_FILE), parse_constant=_no_number)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _read_weights(path: Path) -> dict[str, Any]:
    with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _check_files(folder: Path, record: dict[str, Any]) -> None:
    found = record.get("sha256")
    digests = found if isinstance(found, dict) else {}
    for name in (*CHECKED_FILES, *(optional.file for optional in OPTIONAL_TABLES if optional.file in digests)):
        if not (folder / name).is_file():
            raise InputError(f"the run folder is incomplete: it has no {name}", value=str(folder))
        if digests.get(name) != _read(folder, name, digest_of):
            raise InputError(
                f"the run folder is damaged: {name} is not what was saved",
                value=str(folder),
                remedy=f"run its {DOCUMENT_FILE} again" if name != DOCUMENT_FILE else "simulate the experiment again",
            )


def _read(folder: Path, name: str, read: Callable[[Path], Content]) -> Content:
    try:
        return read(folder / name)
    except (
        *(OSError, ValueError, TypeError, KeyError, AttributeError, EOFError),
        *(RecursionError, OverflowError, MemoryError, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise InputError(
            f"the run folder is damaged: {name} cannot be read ({type(error).__name__}: {error})", value=str(folder)
        ) from error
