"""A run folder that was changed, by accident or with care, is an error that says so."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsim import load_data, load_experiment, load_run
from archsim.data.specification import DataSpecification
from archsim.errors import InputError
from archsim.results import Run, compare_runs
from archsim.results.save import record_digest

from .synthetic import synthetic_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    synthetic_run().save(tmp_path / "run")
    return tmp_path / "run"


def edit(folder: Path, change: Callable[[dict[str, Any]], object], *, sign: bool) -> None:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    change(record)
    if sign:
        record["digest"] = record_digest(record)
    (folder / "run.json").write_text(json.dumps(record))


def test_an_edited_number_is_seen(folder: Path) -> None:
    edit(folder, lambda record: record["metrics"].update(energy_pj=1.0), sign=False)
    with pytest.raises(InputError, match=r"run\.json is not what was saved"):
        load_run(folder)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (("makespan_ps",), "makespan_ps"),
        (("stage_busy_ps", 0), "stage_busy_ps[0]"),
        (("units", 0, 2), "units[0].active_ps"),
        (("idle_ps", 0, 2), "idle_ps.("),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_counts_and_times_below_zero_under_a_right_digest_are_errors(
    place: tuple[Any, ...], name: str, folder: Path
) -> None:
    def change(record: Any) -> None:
        record = record["observations"]
        for key in place[:-1]:
            record = record[key]
        record[place[-1]] = -1

    edit(folder, change, sign=True)
    with pytest.raises(InputError, match=re.escape(f"observations.{name}") + ".* is -1, 0 or more expected"):
        load_run(folder)


def test_layout_and_order_of_keys_are_no_content(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(dict(reversed(record.items())), indent=7))
    assert load_run(folder) == synthetic_run()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where something stands in a record: every key, and the first member of every list."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for key in list(value)[:40] for place in places(value[key], (*path, key))]
    elif isinstance(value, list) and value:
        found += places(value[0], (*path, 0))
    return found


@pytest.mark.parametrize("odd", [None, "x", -1.5, True, [], {}, [["a"]], {"a": {}}, 10**400], ids=str)
def test_odd_values_under_a_right_digest_are_errors_or_a_run_that_can_be_used(odd: object, folder: Path) -> None:
    whole = (folder / "run.json").read_text()
    seen = False
    for place in random.Random(str(odd)).sample(places(json.loads(whole)), 12):
        (folder / "run.json").write_text(whole)

        def change(record: Any, place: tuple[Any, ...] = place) -> None:
            for key in place[:-1]:
                record = record[key]
            record[place[-1]] = odd

        edit(folder, change, sign=place != ("digest",))
        try:
            run = load_run(folder)
        except InputError:
            seen = True
        else:
            assert isinstance(run, Run)
            compare_runs({"run": run})
    assert seen


def test_numbers_that_are_none_are_refused(folder: Path) -> None:
    edit(folder, lambda record: record.update(definitions=float("nan")), sign=False)
    with pytest.raises(InputError, match="NaN is no number"):
        load_run(folder)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nested(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize("make", [os.mkfifo, zeros, nested, Path.mkdir])
@pytest.mark.parametrize("name", ["run.json", "experiment.yaml", "learning.csv", "timeline.parquet", "weights.npz"])
def test_what_is_no_regular_file_is_not_waited_for(name: str, make: Callable[[Path], None], folder: Path) -> None:
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(InputError):
        load_run(folder)


@pytest.mark.parametrize("make", [os.mkfifo, zeros])
@pytest.mark.parametrize("name", ["mine.npz", "images.gz", "images.xz", "images"])
def test_data_and_documents_are_regular_files_as_well(name: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / name)
    specification = (
        DataSpecification(name="npz", path=str(tmp_path / name))
        if name == "mine.npz"
        else DataSpecification(name="mnist", path=str(tmp_path), train_files=(name, name))
    )
    with pytest.raises(InputError):
        load_data(specification)
    make(tmp_path / "experiment.yaml")
    with pytest.raises(InputError, match="not a file"):
        load_experiment(tmp_path / "experiment.yaml")


def test_compressed_data_are_read_as_before(tmp_path: Path) -> None:
    from archsim.data.files import content

    (tmp_path / "a.gz").write_bytes(gzip.compress(b"abc"))
    assert content(tmp_path / "a.gz") == b"abc"


@pytest.mark.parametrize("name", ["file:foo", "s3:foo", "~", "http:", "a b", "-o"])
def test_a_folder_may_have_a_name_that_is_an_address_elsewhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    run = synthetic_run()
    run.save(Path(name))
    assert load_run(Path(name)) == run
    assert [path.name for path in tmp_path.iterdir()] == [name]
    loaded = load_run(name)
    loaded.slices.write(Path(name) / "again.parquet")
    assert loaded.slices.count == run.slices.count
    assert len(np.load(Path(name) / "weights.npz").files) == len(run.weights)
