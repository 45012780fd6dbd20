"""A run is priced, saved, loaded and re-priced without loss."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.chip.specification import Chip
from archsim.errors import InputError
from archsim.files import digest_of
from archsim.results import Run, load_run
from archsim.results.save import FORMAT, record_digest

from .synthetic import reram, synthetic_run, total_energy_pj

FILES = ["area.csv", "cost.csv", "experiment.yaml", "learning.csv", "run.json", "timeline.parquet", "weights.npz"]


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic_run()


def dearer(chip: Chip, adc_pj: str = "2 pJ") -> Chip:
    """The same chip with other prices."""
    content = chip.model_dump(mode="json")
    content["name"] = "dearer"
    content["adc"]["energy"]["fixed"] = {"value": adc_pj, "source": "test", "status": "user"}
    content["tile"]["leakage"]["active"] = {"value": "3 mW", "source": "test", "status": "user"}
    content["tile"]["area"] = {"value": "9 um^2", "source": "test", "status": "user"}
    return Chip.model_validate(content)


def test_cost_rows_sum_to_the_energies(run: Run) -> None:
    dynamic, leakage = math.fsum(run.cost["dynamic_pj"]), math.fsum(run.cost["leakage_pj"])
    assert run.metrics["leakage_pj"] == leakage
    assert run.metrics["energy_pj"] == dynamic + leakage
    counted = run.cost[run.cost["operation"] != "leakage"]
    assert int(counted["count"].sum()) == sum(run.observations.counts.values())


@pytest.mark.parametrize("case", ["coupled", "numerics", "without slices", "one stage"])
def test_saving_and_loading_gives_an_equal_run(case: str, tmp_path: Path) -> None:
    saved = {
        "coupled": lambda: synthetic_run(),
        "numerics": lambda: synthetic_run(numerics=True),
        "without slices": lambda: synthetic_run(store=False),
        "one stage": lambda: synthetic_run(stages=1, micro_batches=2),
    }[case]()
    saved.save(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == FILES
    loaded = load_run(tmp_path / "run")
    assert loaded == saved
    assert (loaded.timeline.dtypes.astype(str) == saved.timeline.dtypes.astype(str)).all()
    assert type(loaded.metrics["samples"]) is int
    loaded.save(tmp_path / "again")
    # An empty timeline comes back without the names that its categories could have had.
    for name in (
        FILES if len(saved.timeline) else ["area.csv", "cost.csv", "experiment.yaml", "learning.csv", "weights.npz"]
    ):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name


def test_runs_that_differ_are_not_equal(run: Run) -> None:
    other = synthetic_run()
    assert run == other
    other.weights["fc1"][0, 0] += 1
    assert run != other
    assert run != synthetic_run(micro_batches=38)
    assert run != synthetic_run(store=False)
    assert run != "a run"


def test_equal_runs_write_equal_tables(tmp_path: Path) -> None:
    for name in ("a", "b"):
        synthetic_run().save(tmp_path / name)
    for file in ("learning.csv", "cost.csv", "area.csv", "timeline.parquet", "weights.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_tables_are_read_without_archsim(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    learning = pd.read_csv(tmp_path / "run" / "learning.csv")
    at, found = ["mini_batch", "samples", "time_ps", "energy_pj"], ["test_accuracy", "test_loss", "test_perplexity"]
    assert list(learning.columns) == [*at, "train_loss", *found, "updates", "pulses"]
    assert learning["energy_pj"].tolist() == pytest.approx(run.learning["energy_pj"].tolist(), rel=1e-15)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["metrics"]["makespan_ps"] == run.observations.makespan_ps
    assert record["definitions"]["power_w"]["unit"] == "W"
    assert record["placeholders"] == [constant.name for constant in run.placeholders]
    assert record["provenance"]["seeds"] == {"device": 1, "noise": 1, "data": 1}
    work = pd.read_parquet(tmp_path / "run" / "timeline.parquet")
    work = work[work.action.isin(["F", "B"]) & work.unit.astype(str).str.startswith("stage")]
    at = work.set_index(["action", "stage", "micro_batch"]).sort_index()
    assert at.loc[("B", 0, 5)].start_ps >= at.loc[("B", 1, 5)].end_ps
    with np.load(tmp_path / "run" / "weights.npz") as weights:
        assert weights["fc2"].dtype == np.float32


def test_a_folder_of_an_older_layout_has_what_it_did_not_write_as_unknown(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    columns, metrics = ("updates", "pulses"), ("updates_to_target", "weight_discrepancy", "energy_to_target_pj")
    path = tmp_path / "run" / "learning.csv"
    pd.read_csv(path, dtype=str).drop(columns=list(columns)).to_csv(path, index=False)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    for metric in metrics:
        del record["metrics"][metric]
    for name in ("updates_to_target", "pulses_to_target", "handovers", "stage_buffer_bytes"):
        del record["observations"][name]
    record["sha256"]["learning.csv"] = digest_of(path)
    record["digest"] = record_digest(record)
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    older = load_run(tmp_path / "run")
    assert older.learning[list(columns)].isna().all(axis=None)
    assert older.learning.dtypes.equals(run.learning.dtypes)
    same = [name for name in run.learning.columns if name not in columns]
    pd.testing.assert_frame_equal(older.learning[same], run.learning[same])
    assert {name: older.metrics[name] for name in metrics} == dict.fromkeys(metrics)
    assert older.metrics.keys() == run.metrics.keys()
    older.save(tmp_path / "again")
    assert load_run(tmp_path / "again").metrics == older.metrics
    pd.read_csv(path, dtype=str).drop(columns=["samples"]).to_csv(path, index=False)
    record["sha256"]["learning.csv"] = digest_of(path)
    record["digest"] = record_digest({name: value for name, value in record.items() if name != "digest"})
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="columns"):
        load_run(tmp_path / "run")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(run: Run, name: str, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    with pytest.raises(InputError, match=name):
        load_run(tmp_path / "run")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(run: Run, name: str, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    path = tmp_path / "run" / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=name):
        load_run(tmp_path / "run")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_any_strange_record_is_an_input_error(text: object, tmp_path: Path) -> None:
    record = {"format": FORMAT, "sha256": text, "metrics": text}
    (tmp_path / "run.json").write_text(json.dumps(record | {"digest": record_digest(record)}))
    with pytest.raises(InputError):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps(text))
    with pytest.raises(InputError, match=r"run\.json"):
        load_run(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no run"):
        load_run(tmp_path)


def test_repricing_for_the_same_chip_changes_nothing(run: Run) -> None:
    again = run.reprice(reram())
    assert again.metrics == run.metrics
    assert again.cost.equals(run.cost)
    assert again.learning.equals(run.learning)
    assert again.settings == run.settings


@pytest.mark.parametrize("adc", [0.0, 0.1, 1e3 / 3])
def test_repricing_equals_a_fresh_run(adc: float) -> None:
    chip = dearer(reram(), f"{adc!r} pJ")
    old = synthetic_run(micro_batches=8)
    repriced, fresh = old.reprice(chip), synthetic_run(micro_batches=8, chip=chip)
    assert repriced.metrics == fresh.metrics
    assert repriced.cost.equals(fresh.cost)
    assert repriced.learning.equals(fresh.learning)
    assert repriced.constants == fresh.constants
    assert repriced.settings == fresh.settings
    assert repriced.metrics["energy_pj"] == pytest.approx(total_energy_pj(old, chip), rel=1e-15)
    assert Chip.model_validate(repriced.settings["chip"]) == chip


def test_a_chip_with_other_times_is_refused(run: Run) -> None:
    content = reram().model_dump(mode="json")
    content["tile"]["update_fixed_time"]["value"] = "600 ns"
    content["adc"]["bits"] = 6
    with pytest.raises(InputError, match=r"chip\.adc\.bits.*chip\.tile\.update_fixed_time"):
        run.reprice(Chip.model_validate(content))


def test_a_run_without_a_clock_stays_without_energy(run: Run) -> None:
    numerics = synthetic_run(numerics=True).reprice(dearer(reram()))
    assert numerics.metrics["energy_pj"] is None
    assert numerics.learning["energy_pj"].isna().all()
    assert not any(constant.used for constant in numerics.constants)


def test_constants_carry_value_unit_and_source(run: Run) -> None:
    records = {record.name: record for record in run.constants}
    update = records["tile.update_fixed_time"]
    assert (update.value, update.unit, update.status, update.used) == (512.0, "ns", "published", True)
    assert "Marinella" in update.source
    assert {record.status for record in run.placeholders} == {"placeholder"}
    assert records["host.byte"] in run.placeholders
    assert not records["buffer.read_byte"].used  # the synthetic run moves nothing through a buffer
