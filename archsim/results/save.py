"""Saving a run: one folder, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.errors import InputError
from archsim.files import digest_of
from archsim.results.folder import Writer, check_target, to_disk, write_folder
from archsim.results.lock import LOCK_FILE
from archsim.results.metrics import METRICS
from archsim.results.optional_tables import OPTIONAL_TABLES
from archsim.results.record import observations_to_json, tally_to_json
from archsim.results.tables import write_csv

if TYPE_CHECKING:
    from archsim.results.run import Run

__all__ = [
    "AREA_FILE",
    "CHECKED_FILES",
    "COST_FILE",
    "DOCUMENT_FILE",
    "FORMAT",
    "LEARNING_FILE",
    "MOST_OF_RUN_FILE",
    "RUN_FILE",
    "TIMELINE_FILE",
    "WEIGHTS_FILE",
    "check_run_directory",
    "record_digest",
    "save_into",
    "save_run",
]

#: The file that makes a folder a run folder.
RUN_FILE = "run.json"
#: Version of its layout.
FORMAT = 3
#: Bytes of it that are read.
MOST_OF_RUN_FILE = 2**30

DOCUMENT_FILE = "experiment.yaml"
AREA_FILE = "area.csv"
LEARNING_FILE = "learning.csv"
COST_FILE = "cost.csv"
TIMELINE_FILE = "timeline.parquet"
WEIGHTS_FILE = "weights.npz"
#: Where the files of a run that has its folder already are written before they are put in their places.
_STAGED = ".results.partial"

#: The files that every run has and whose content `RUN_FILE` vouches for.
CHECKED_FILES = (DOCUMENT_FILE, LEARNING_FILE, COST_FILE, AREA_FILE, TIMELINE_FILE, WEIGHTS_FILE)


def check_run_directory(directory: Path, *, force: bool = False) -> None:
    """Raise the error that `save_run` would raise for an existing folder: ask before a long simulation."""
    if (directory / LOCK_FILE).is_file():
        raise InputError(
            "a run of the command line is at work in this folder, or was interrupted there",
            value=str(directory),
            remedy="give another folder",
        )
    check_target(directory, marker=RUN_FILE, force=force)


def save_run(run: Run, directory: Path, *, force: bool = False, extra: Sequence[Writer] = ()) -> None:
    """Save a run as a folder, whole or not at all.

    Parameters
    ----------
    run : Run
        The run.
    directory : Path
        The folder to make.
    force : bool
        Whether an existing run folder is replaced (after the new one is complete).
    extra : sequence of callable
        Each is called with the folder under construction and writes further files into it; so the
        report joins in without the results knowing it.

    Raises
    ------
    InputError
        If the folder exists and may not be replaced, or cannot be made.
    """

    def data(folder: Path) -> None:
        _write_data(run, folder, complete=True)

    check_run_directory(directory, force=force)
    write_folder(directory, (data, *extra), marker=RUN_FILE, force=force)


def save_into(run: Run, folder: Path, *, complete: bool, extra: Sequence[Writer] = ()) -> None:
    """Put the files of a run into a folder that is there already, with `RUN_FILE` last.

    A kill at any moment leaves the folder without `RUN_FILE`, or with one that vouches for the rest.

    Parameters
    ----------
    run : Run
        The run.
    folder : Path
        The folder; files of the same names are replaced, others stay.
    complete : bool
        Whether the run has come to its end, or these are its results so far.
    extra : sequence of callable
        As for `save_run`.

    Raises
    ------
    OSError
        If something cannot be written.
    Exception
        Of any kind, if the run holds what has no place in a file; all other files are in the folder then.
    """
    staged = folder / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    try:
        staged.mkdir()
        failure = _write_what_can_be(run, staged, complete=complete, extra=extra)
        written = sorted(staged.iterdir(), key=lambda path: path.name == RUN_FILE)
        for path in written:
            to_disk(path)
        (folder / RUN_FILE).unlink(missing_ok=True)
        to_disk(folder)
        for path in written:
            if path.name == RUN_FILE:
                to_disk(folder)
            path.replace(folder / path.name)
        to_disk(folder)
        if failure is not None:
            raise failure
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write_what_can_be(run: Run, folder: Path, *, complete: bool, extra: Sequence[Writer]) -> Exception | None:
    """Write all files into a folder; return what went wrong with the first that cannot be written.

    Where the disk is what fails, nothing is of use, and the error is raised.
    """

    def data(folder: Path) -> None:
        _write_data(run, folder, complete=complete)

    failure: Exception | None = None
    for write in (data, *extra):
        try:
            write(folder)
        except OSError:
            raise
        except Exception as error:  # Whatever it is, hours of simulation may be in the other files.
            failure = failure or error
    return failure


def _write_weights(weights: Mapping[str, np.ndarray], path: Path) -> None:
    # As `numpy.savez` does, whose own parameters are names that a layer could not have.
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in weights.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _write_data(run: Run, folder: Path, *, complete: bool) -> None:
    (folder / DOCUMENT_FILE).write_text(run.document, encoding="utf-8")
    write_csv(run.learning, folder / LEARNING_FILE)
    write_csv(run.cost, folder / COST_FILE)
    write_csv(run.area, folder / AREA_FILE)
    run.slices.write(folder / TIMELINE_FILE)
    _write_weights(run.weights, folder / WEIGHTS_FILE)
    checked: tuple[str, ...] = CHECKED_FILES
    for optional in OPTIONAL_TABLES:
        table = getattr(run, optional.attribute)
        if len(table):
            write_csv(table, folder / optional.file)
            checked = (*checked, optional.file)
    record: dict[str, Any] = {
        "format": FORMAT,
        "complete": complete,
        "metrics": dict(run.metrics),
        "definitions": {metric.id: {"unit": metric.unit, "definition": metric.definition} for metric in METRICS},
        "bottleneck": run.bottleneck,
        "warnings": list(run.warnings),
        "placeholders": [record.name for record in run.placeholders],
        "provenance": asdict(run.provenance),
        "constants": [asdict(constant) for constant in run.constants],
        "chip": run.chip.model_dump(mode="json"),
        "observations": observations_to_json(run.observations),
        "tallies": [tally_to_json(tally) for tally in run.tallies],
        "sha256": {name: digest_of(folder / name) for name in checked},
    }
    record["digest"] = record_digest(record)
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
    (folder / RUN_FILE).write_text(text + "\n", encoding="utf-8")


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what `RUN_FILE` says, but for the digest itself, however it is laid out."""
    content = {name: value for name, value in record.items() if name != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
