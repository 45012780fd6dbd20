"""Very large numbers: what can be done is done at once, all else is refused with its bound."""

from __future__ import annotations

from typing import Any

import pytest

import archsim
from archsim.errors import InputError
from archsim.simulation import Interrupted


def document(**sections: Any) -> dict[str, Any]:
    """Return a small timing run."""
    base: dict[str, Any] = {
        "network": "mlp-64-64-32-10",
        "chip": {"preset": "rpu-512"},
        "data": {"samples": 8},
        "training": {"learning_rate": 0.1, "mini_batch": 4},
        "run": {"mode": "timing"},
    }
    return base | sections


def test_unused_tiles_are_one_number_and_leak() -> None:
    few = archsim.simulate(document(chip={"preset": "rpu-512", "tiles": 4}))
    many = archsim.simulate(document(chip={"preset": "rpu-512", "tiles": 2**20}))
    assert many.metrics["makespan_ps"] == few.metrics["makespan_ps"]
    assert len(many.observations.units) < 20
    tiles = [unit for unit in many.observations.units if unit.component == "tile"]
    assert sum(unit.units for unit in tiles) == 2**20
    gated = many.cost[(many.cost.component == "tile") & (many.cost.phase == "gated")]
    unused, makespan = 2**20 - 3, many.metrics["makespan_ps"]
    assert gated["count"].tolist() == [unused * makespan]
    # 0.102 mW each, its array apart.
    assert gated.leakage_pj.tolist() == [pytest.approx(1.02e-4 * unused * makespan)]


@pytest.mark.parametrize("tiles", [2**20 + 4, 10**12, 10**20])
def test_more_tiles_than_can_be_told_apart_are_refused(tiles: int) -> None:
    with pytest.raises(InputError, match="1048576") as refused:
        archsim.simulate(document(chip={"preset": "rpu-512", "tiles": tiles}))
    assert refused.value.field == "chip.tiles"


def test_a_network_of_too_many_crossbars_is_refused_before_it_is_cut() -> None:
    network = {"input_shape": [10**12], "layers": [{"name": "wide", "kind": "linear", "features": 10}]}
    with pytest.raises(InputError, match="up to 1048576 crossbars"):
        archsim.simulate(document(network=network))


@pytest.mark.parametrize("mode", ["timing", "numerics"])
def test_a_run_of_more_samples_than_random_numbers_is_refused(mode: str) -> None:
    training = {"learning_rate": 0.1, "mini_batch": 4, "epochs": 10**18}
    with pytest.raises(InputError, match="2\\^43") as refused:
        archsim.simulate(
            document(data={"samples": 8} if mode == "timing" else {}, training=training, run={"mode": mode})
        )
    assert refused.value.field == "training.epochs"


def test_very_many_epochs_begin_at_once() -> None:
    """The evaluations of 10^9 epochs are due in their turn; none is listed before."""
    training = {"learning_rate": 0.1, "mini_batch": 8, "epochs": 10**9}
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Interrupted):
        archsim.simulate(document(data={}, training=training, run={"mode": "numerics"}), interrupted=stop)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tile.integration_time", "9e18 ps"),
        ("adc.step_time", "1e15 ps"),
        ("nmpu.clock", "1e-7 Hz"),
        ("host.clock", "1e-300 Hz"),
    ],
)
def test_times_beyond_what_tables_hold_are_refused_when_they_arise(field: str, value: str) -> None:
    section, key = field.split(".")
    with pytest.raises(InputError, match="simulated time exceeds") as refused:
        archsim.simulate(document(chip={"preset": "rpu-512", section: {key: value}}))
    assert refused.value.field == f"chip.{field}"


def test_times_of_all_units_add_up_within_the_tables() -> None:
    """A run may end just before the bound: sums over units stay whole numbers of 63 bits."""
    most = 2**63 // 4
    chip = {"preset": "rpu-512", "tiles": 4, "tile": {"integration_time": f"{most // 100} ps"}}
    training = {"learning_rate": 0.1, "mini_batch": 1, "max_mini_batches": 10}
    run = archsim.simulate(document(chip=chip, training=training))
    assert most // 100 * 10 < run.metrics["makespan_ps"] < most
    assert int(run.cost["count"].max()) < 2**63


def test_arrays_of_a_tile_count_one_by_one_towards_the_bound() -> None:
    """Two arrays behind each weight halve the longest run: the times of arrays stand in the tables, too."""
    most = 2**63 // 4
    chip = {"preset": "rpu-512", "tiles": 4, "tile": {"integration_time": f"{most // 1000} ps"}}
    data = {"samples": 400}

    def longest(mini_batches: int, algorithm: str) -> archsim.Run:
        training = {
            "learning_rate": 0.1,
            "mini_batch": 1,
            "max_mini_batches": mini_batches,
            "algorithm": algorithm,
        }
        return archsim.simulate(document(chip=chip, data=data, training=training))

    alone = longest(150, "analog-sgd")
    assert most // 2 < alone.metrics["makespan_ps"] < most
    assert int(alone.cost["count"].max()) < 2**63
    with pytest.raises(InputError, match="simulated time exceeds"):
        longest(100, "residual-learning")
    half = longest(50, "residual-learning")
    assert half.metrics["makespan_ps"] < most // 2
    assert int(half.cost["count"].max()) < 2**63
