"""Transfers as actions of their own: the same numbers and counts as with the update, in time that can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.results import Run
from archsim.simulation import simulate
from tests.engine.checkpoint.test_checkpoint import assert_equal_runs, in_pieces

WORKLOAD = Path(__file__).resolve().parents[2] / "workloads" / "mlp_digits.yaml"
SMALL = ("training.max_mini_batches=9", "training.mini_batch=8", "data.test_samples=60", "run.evaluate_every=3")
#: Algorithms with transfers, and what lets all of them fall due at the end of an update of a mini-batch.
DUE_AT_ENDS = {
    "tiki-taka": ["training.algorithm.transfer_every=2"],
    "tiki-taka-v2": ["training.algorithm.n_devices=3"],
    "ttv2": ["training.algorithm.units_in_mbatch=true"],
    "c-ttv2": ["training.algorithm.units_in_mbatch=true", "training.algorithm.in_chop_prob=0.5"],
    "agad": ["training.algorithm.units_in_mbatch=true", "training.algorithm.in_chop_prob=0.5"],
    "residual-learning": ["training.algorithm.transfer_every=16"],
    "rlv2": ["training.algorithm.transfer_every=8"],
    "stochastic-hamiltonian-descent": ["training.algorithm.transfer_every=8"],
    "mixed-precision": [],
}
AGEING = ["chip.device={preset: reram-es, lifetime: 50, diffusion: 0.01}"]
REFRESHED = ["chip.device={kind: one-sided, refresh_every: 1, units_in_mbatch: true, refresh_upper_thres: 0.1}"]
CUT = ["chip.tile={rows: 40, columns: 20}", "chip.tiles=64"]


def run(algorithm: str, transfers: str | None, mode: str, more: Sequence[str] = ()) -> Run:
    chosen = [f"training.algorithm={algorithm}", *DUE_AT_ENDS.get(algorithm, [])]
    apart = [] if transfers is None else [f"schedule.transfers={transfers}"]
    return simulate(archsim.load_experiment(WORKLOAD, [*SMALL, *chosen, *apart, *more], mode))


def assert_equal_learning(one: Run, other: Run) -> None:
    assert one.metrics["pulses"] == other.metrics["pulses"]
    columns = ["mini_batch", "train_loss", "test_accuracy"]
    assert len(one.learning) == 3
    assert one.learning[columns].equals(other.learning[columns])
    for name, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name], err_msg=name)


def operations(seen: Run) -> dict[tuple[str, str, str], int]:
    """Return how often each component did what for a layer, in updates and transfers together."""
    table = seen.cost[seen.cost.phase.isin(["U", "T"]) & (seen.cost["count"] > 0)]
    sums = table.groupby(["component", "operation", "layer"])["count"].sum()
    return {key: int(count) for key, count in sums.items()}


@pytest.mark.parametrize("algorithm", DUE_AT_ENDS)
def test_weights_are_those_of_the_fused_path_bit_by_bit(algorithm: str) -> None:
    more = ["schedule.kind=sequential", "schedule.micro_batches=2", *CUT]
    fused, apart = (run(algorithm, transfers, "numerics", more) for transfers in ("fused", "separate"))
    assert_equal_learning(fused, apart)


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("update", ["immediate", "deferred"])
@pytest.mark.parametrize("device", [AGEING, REFRESHED], ids=["ageing", "refreshed"])
def test_they_are_with_every_order_and_with_what_happens_between_mini_batches(
    kind: str, update: str, device: list[str]
) -> None:
    more = [f"schedule.kind={kind}", f"schedule.update={update}", "schedule.micro_batches=4", "schedule.stages=3"]
    fused, apart = (run("tiki-taka", transfers, "numerics", [*more, *device]) for transfers in ("fused", "separate"))
    assert_equal_learning(fused, apart)


def test_they_are_where_a_schedule_places_updates_itself() -> None:
    more = ["schedule.kind=zb-h1", "schedule.micro_batches=4", "schedule.stages=3", *AGEING]
    fused, apart = (run("ttv2", transfers, "coupled", more) for transfers in ("fused", "separate"))
    assert_equal_learning(fused, apart)


@pytest.mark.parametrize("kind", ["sequential", "synchronous"])
def test_an_evaluation_sees_them_where_layers_end_at_times_of_their_own(kind: str) -> None:
    """A layer may be in the middle of its transfers when the updates of its stage have ended."""
    more = [f"schedule.kind={kind}", "schedule.stages=1", "schedule.overlap=layers", "run.evaluate_every=1", *CUT]
    more += ["training.max_mini_batches=3"]
    fused, apart = (run("mixed-precision", transfers, "coupled", more) for transfers in ("fused", "separate"))
    assert_equal_learning(fused, apart)


@pytest.mark.parametrize("algorithm", ["tiki-taka", "ttv2", "residual-learning"])
@pytest.mark.parametrize("mode", ["coupled", "timing"])
def test_a_run_in_time_counts_and_takes_what_the_fused_one_does(algorithm: str, mode: str) -> None:
    more = ["schedule.kind=sequential", "schedule.micro_batches=2", "schedule.stages=3", *CUT]
    fused, apart = (run(algorithm, transfers, mode, more) for transfers in ("fused", "separate"))
    assert operations(fused) == operations(apart)
    assert {"U", "T"} <= set(apart.cost.phase)
    assert "T" not in set(fused.cost.phase)
    assert fused.metrics["makespan_ps"] == apart.metrics["makespan_ps"]
    assert fused.metrics["energy_pj"] == pytest.approx(apart.metrics["energy_pj"], rel=1e-12)
    assert fused.metrics["macs"] == apart.metrics["macs"]
    if mode == "coupled":
        assert_equal_learning(fused, apart)
    table = apart.timeline
    lengths = table.end_ps - table.start_ps
    assert (lengths.groupby(table.unit, observed=True).sum() == apart.metrics["makespan_ps"]).all()
    moving = set(table[table.action == "T"].unit.astype(str).str.split().str[0])
    # Only an algorithm with digital state passes the buffer's port.
    assert moving == {"stage", "tile", "nmpu"} | ({"buffer"} if algorithm == "ttv2" else set())


def test_where_digital_work_remains_with_the_update_the_buffer_no_longer_streams_beside_it() -> None:
    more = ["schedule.kind=sequential"]
    fused, apart = (run("mixed-precision", transfers, "timing", more) for transfers in ("fused", "separate"))
    assert operations(fused) == operations(apart)
    assert fused.metrics["makespan_ps"] < apart.metrics["makespan_ps"]


def test_a_timing_run_counts_on_average_what_a_coupled_one_does() -> None:
    more = ["schedule.kind=sequential"]
    expected, seen = (operations(run("ttv2", "separate", mode, more)) for mode in ("timing", "coupled"))
    for (component, operation, layer), count in expected.items():
        if component != "array":  # What pulses meet depends on the numbers.
            assert seen[component, operation, layer] == pytest.approx(count, rel=0.1), (component, operation, layer)


def test_an_abstract_stage_takes_no_time_for_them() -> None:
    more = ["chip=unit", "schedule.kind=sequential"]
    fused, apart = (run("tiki-taka", transfers, "coupled", more) for transfers in ("fused", "separate"))
    assert fused.metrics["makespan_ps"] == apart.metrics["makespan_ps"]
    assert_equal_learning(fused, apart)


@pytest.mark.parametrize("mode", ["coupled", "timing", "numerics"])
def test_a_run_goes_on_between_an_update_and_its_transfers(mode: str, tmp_path: Path) -> None:
    chosen = ["training.algorithm=ttv2", *DUE_AT_ENDS["ttv2"], "schedule.transfers=separate", *AGEING]
    more = ["schedule.kind=synchronous", "schedule.micro_batches=4", "schedule.stages=2", "run.checkpoint_every=3"]
    what = archsim.load_experiment(WORKLOAD, [*SMALL, *chosen, *more], mode)
    resumed, stops = in_pieces(what, tmp_path, seed=3, most=5 if mode == "numerics" else 60)
    assert stops >= 9
    assert_equal_runs(resumed, simulate(what))


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        (["training.algorithm=ttv2", "schedule.micro_batches=1"], "units_in_mbatch: true, or to 8 vectors"),
        (["training.algorithm=tiki-taka", "training.algorithm.transfer_every=0.3"], "whole mini-batches"),
        (["training.algorithm=rlv2", "training.algorithm.transfer_every=9"], "to 16 vectors, or another multiple of 8"),
        (
            ["training.algorithm=rlv2", "training.algorithm.transfer_every=4", "schedule.micro_batches=2"],
            "or set schedule.update to 'immediate'",
        ),
    ],
)
def test_what_falls_due_within_an_update_is_refused_with_what_would_do(more: list[str], remedy: str) -> None:
    what = archsim.load_experiment(
        WORKLOAD, [*SMALL, "schedule.kind=synchronous", "schedule.transfers=separate", *more], "timing"
    )
    with pytest.raises(InputError, match="fall due") as found:
        simulate(what)
    assert found.value.field == "schedule.transfers"
    assert remedy in str(found.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["training.algorithm=analog-sgd"], "no transfers that could be actions of their own"),
        (["schedule.kind=inference"], "has no updates"),
    ],
)
def test_where_there_are_none_it_is_refused(more: list[str], message: str) -> None:
    what = archsim.load_experiment(WORKLOAD, [*SMALL, "schedule.transfers=separate", *more], "timing")
    with pytest.raises(InputError, match=message):
        simulate(what)
