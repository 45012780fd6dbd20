"""Devices and arrays that are there are counted: in energy, leakage and area."""

from __future__ import annotations

import pytest

from archsim import Run

from .experiments import digits

SHORT = ("training.max_mini_batches=4", "run.evaluate_every=4")
VECTOR = "chip.device={kind: vector, devices: [{kind: soft-bounds}, {kind: soft-bounds}, {kind: soft-bounds}]}"
SINGLE = VECTOR.replace("kind: vector,", "kind: vector, update_policy: single-sequential,")
#: What is set, and devices behind a weight that are built, met by a read, and reached by a gradient.
CASES = {
    "one device": ((), 1, 1, 1),
    "vector": ((VECTOR,), 3, 3, 3),
    "vector, one at a time": ((SINGLE,), 3, 3, 1),
    "one-sided pair": (("chip.device={kind: one-sided}",), 2, 2, 2),
    "reference cell": (("chip.device={kind: reference-cell}",), 2, 2, 1),
    "two arrays": (("training.algorithm={kind: tiki-taka, transfer_every: 0}",), 2, 1, 1),
    "two arrays read together": (("training.algorithm={kind: tiki-taka, transfer_every: 0, gamma: 0.5}",), 2, 2, 1),
    "four arrays": (("training.algorithm={kind: tiki-taka, transfer_every: 0, n_devices: 4, gamma: 0.5}",), 4, 4, 1),
    "two arrays of pairs": (
        ("chip.device={kind: one-sided}", "training.algorithm={kind: tiki-taka, transfer_every: 0, gamma: 0.5}"),
        4,
        4,
        2,
    ),
    "a single device before pairs": (
        (
            "chip.device={kind: one-sided}",
            "training.algorithm={kind: tiki-taka, transfer_every: 0, fast_device: {kind: soft-bounds}}",
        ),
        3,
        2,
        1,
    ),
    "no analog update": (("training.algorithm=digital-sgd", VECTOR), 1, 1, 1),
}


def counted(run: Run, operation: str, phase: str) -> int:
    cost = run.cost
    return int(cost[(cost.operation == operation) & (cost.phase == phase)]["count"].sum())


@pytest.mark.parametrize("mode", ["timing", "coupled"])
@pytest.mark.parametrize("case", list(CASES))
def test_each_device_is_read_written_and_built(case: str, mode: str) -> None:
    overrides, built, read, written = CASES[case]
    run = digits("data.samples=48" if mode == "timing" else "data.test_samples=12", *SHORT, *overrides, mode=mode)
    vectors = 48
    cells, transposed = 64 * 64 + 64 * 32 + 32 * 10, 64 * 32 + 32 * 10
    reads = run.metrics["reads_per_mvm"]
    assert isinstance(reads, dict)
    forward = sum(n * reads[layer] for layer, n in {"fc1": 64 * 64, "fc2": 64 * 32, "fc3": 32 * 10}.items())
    assert counted(run, "cell_read", "F") == pytest.approx(forward * vectors * read, rel=1e-12)
    assert counted(run, "cell_read", "B") == transposed * vectors * read
    pulsed = 0 if case == "no analog update" else vectors
    assert counted(run, "cell_write", "U") == cells * pulsed * written
    # Lines and converters are shared by the devices at a crossing.
    assert counted(run, "write_row", "U") == (64 + 64 + 32) * pulsed
    area = run.area.set_index("component")
    assert area.loc["array", "count"] == 3 * built
    assert area.loc["adc", "count"] == 3 * 1024
    leaking = run.cost[(run.cost.component == "array") & (run.cost.operation == "leakage")]["count"].sum()
    assert leaking == 3 * built * run.metrics["makespan_ps"]


def test_transfers_count_the_devices_of_the_lines_they_move() -> None:
    """One line of 64, 32 or 10 outputs every two vectors: from one device to a pair."""
    algorithm = "{kind: tiki-taka, units_in_mbatch: false, transfer_every: 2, fast_device: {kind: soft-bounds}}"
    overrides = ("chip.device={kind: one-sided}", f"training.algorithm={algorithm}")
    runs = [
        digits("data.samples=48", *SHORT, *overrides, mode="timing"),
        digits("data.test_samples=12", *SHORT, *overrides),
    ]
    for run in runs:
        lines = 48 // 2 * (64 + 32 + 10)
        assert counted(run, "cell_read", "U") == lines
        gradients = (64 * 64 + 64 * 32 + 32 * 10) * 48
        assert counted(run, "cell_write", "U") == gradients + 2 * lines


def test_a_refresh_reads_each_device_of_a_pair_once() -> None:
    pair = "chip.device={kind: one-sided, refresh_every: 1}"
    run = digits("data.samples=48", *SHORT, pair, mode="timing")
    # Four mini-batches; both arrays, line by line.
    assert counted(run, "cell_read", "U") == 4 * 2 * (64 * 64 + 64 * 32 + 32 * 10)


def test_figures_of_pairs_are_shared_by_their_devices() -> None:
    """A pair on figures of pairs costs what one device costs on figures of one."""
    one = digits("data.samples=48", *SHORT, mode="timing")
    pair = digits("data.samples=48", *SHORT, "chip.device={kind: one-sided}", "chip.tile.cell_devices=2", mode="timing")
    assert pair.metrics["area_um2"] == pytest.approx(one.metrics["area_um2"], rel=1e-12)
    assert pair.metrics["leakage_pj"] == pytest.approx(one.metrics["leakage_pj"], rel=1e-12)
    assert pair.metrics["energy_pj"] == pytest.approx(one.metrics["energy_pj"], rel=1e-12)


def test_unused_tiles_are_built_like_those_in_use() -> None:
    run = digits("data.samples=48", *SHORT, "chip.tiles=7", "chip.device={kind: one-sided}", mode="timing")
    assert run.area.set_index("component").loc["array", "count"] == 14
