"""What a run without numbers expects of reads and pulse trains: as stated, and in the mean over the run."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim import Run
from archsim.analog.observed import ExpectedUpdate
from archsim.chip.timing import read_ps
from archsim.engine.numerics.expectations import Expectations, ExpectedReads
from archsim.engine.numerics.expected import Expected
from archsim.engine.steps import MatrixStep
from archsim.errors import InputError
from archsim.mapping.plan import Placement
from archsim.schedule import Action

SAMPLES = 200


def timing(chip: dict[str, Any], micro_batches: int = 10, algorithm: Any = "analog-sgd", **training: Any) -> Run:
    """Run three layers on three stages, a sample a micro-batch unless said otherwise."""
    return archsim.simulate(
        {
            "network": "mlp-64-64-32-10",
            "chip": chip,
            "data": {"samples": SAMPLES},
            "training": {"algorithm": algorithm, "learning_rate": 0.1, "mini_batch": 10, **training},
            "schedule": {"stages": 3, "micro_batches": micro_batches},
            "run": {"mode": "timing"},
        }
    )


def count(run: Run, component: str, operation: str, phase: str) -> int:
    rows = run.cost[(run.cost.component == component) & (run.cost.operation == operation) & (run.cost.phase == phase)]
    return int(rows["count"].sum())


@pytest.mark.parametrize("micro_batches", [1, 2, 10])
@pytest.mark.parametrize("reads", [1.05, 1.3, 2.5])
def test_the_mean_of_reads_is_what_was_asked(reads: float, micro_batches: int) -> None:
    run = timing({"preset": "reram-1024", "io": {"expected_reads": reads}}, micro_batches)
    assert run.metrics["reads_per_mvm"] == dict.fromkeys(("fc1", "fc2", "fc3"), reads)
    # 64, 32 and 10 outputs are converted at every read.
    assert count(run, "adc", "conversion", "F") == round(reads * SAMPLES) * (64 + 32 + 10)


def test_a_twentieth_more_reads_takes_a_twentieth_more_time_of_reads() -> None:
    chip = {"preset": "reram-1024"}
    once, more = timing(chip), timing({**chip, "io": {"expected_reads": 1.05}})

    def busy(run: Run) -> int:
        rows = run.timeline[(run.timeline.action == "F") & run.timeline.unit.str.startswith("tile")]
        return int((rows.end_ps - rows.start_ps).sum())

    assert busy(more) == Fraction(105, 100) * busy(once)


@pytest.mark.parametrize("slots", [0.7, 2.25, 5])
@pytest.mark.parametrize("micro_batches", [1, 10])
def test_the_mean_of_trains_is_what_was_asked(slots: float, micro_batches: int) -> None:
    run = timing({"preset": "rpu-512", "update": {"expected_bl": slots}}, micro_batches)
    assert run.metrics["bl_mean"] == dict.fromkeys(("fc1", "fc2", "fc3"), slots)


@given(st.fractions(0, 3), st.integers(1, 9), st.integers(1, 7), st.permutations(range(12)))
def test_a_vectors_share_follows_from_its_index_alone(
    rate: Fraction, every: int, vectors: int, order: list[int]
) -> None:
    """Micro-batch k is given the same in any order of execution; n vectors are given floor(rate floor(n / every))."""
    later = (ExpectedUpdate(transfer_slots=rate, every=every),)
    updates = {"fc": (ExpectedUpdate(slots=rate, outer_products=1, later=later),)}
    work = Expected(vectors, Expectations({"fc": ExpectedReads(rate + 1)}, updates))
    forward, update = (MatrixStep(phase, Placement("fc", "fc", 1, ()), 0) for phase in ("F", "U"))
    found = {k: (work.read(0, forward, 0, k), work.update(0, update, 0, Action("U", k))) for k in order}
    for n in range(1, 13):
        done = [found[k] for k in range(n)]
        assert sum(reads for reads, _ in done) == (n * vectors * (rate + 1)).__floor__()
        assert sum(update.slots for _, update in done) == (n * vectors * rate).__floor__()
        assert sum(update.transfer_slots for _, update in done) == (n * vectors // every * rate).__floor__()
    together = work.update(0, update, 0, Action("U", 11, 12))
    assert together.slots == (12 * vectors * rate).__floor__()


@pytest.mark.parametrize("mv_type", ["pos-neg-separate", "pos-neg-separate-digital-sum"])
def test_two_passes_take_twice_the_reads_in_both_directions(mv_type: str) -> None:
    one = timing({"preset": "reram-1024"})
    two = timing({"preset": "reram-1024", "io": {"mv_type": mv_type}})
    perfect = timing({"preset": "reram-1024", "io": {"mv_type": mv_type, "is_perfect": True}})
    backward = timing({"preset": "reram-1024", "backward_io": {"mv_type": mv_type}})
    for component, operation in (("adc", "conversion"), ("array", "cell_read")):
        for phase in ("F", "B"):
            assert count(two, component, operation, phase) == 2 * count(one, component, operation, phase)
        assert count(perfect, component, operation, "F") == count(one, component, operation, "F")
        assert count(backward, component, operation, "F") == count(one, component, operation, "F")
        assert count(backward, component, operation, "B") == 2 * count(one, component, operation, "B")


def test_two_passes_take_twice_the_time_of_a_read() -> None:
    document = {
        "network": {
            "input_shape": [64],
            "loss": "mean-squared-error",
            "layers": [{"name": "l", "kind": "linear", "features": 50, "bias": False}],
        },
        "data": {"samples": 20},
        "training": {"learning_rate": 0.1, "mini_batch": 5, "max_mini_batches": 4},
        "run": {"mode": "timing"},
    }
    one, two = (
        archsim.load_experiment(document | {"chip": {"preset": "reram-1024", "io": {"mv_type": mv_type}}})
        for mv_type in ("one-pass", "pos-neg-separate")
    )
    more = archsim.simulate(two).metrics["makespan_ps"] - archsim.simulate(one).metrics["makespan_ps"]
    assert more == 20 * read_ps(one.chip, 64, 50, 1)


@pytest.mark.parametrize("chip", [{"device": "ideal"}, {"update": {"pulse_type": "none-with-device"}}], ids=str)
@pytest.mark.parametrize("algorithm", ["analog-sgd", {"kind": "tiki-taka", "units_in_mbatch": False}], ids=str)
def test_there_are_no_trains_where_updates_are_exact(chip: dict[str, Any], algorithm: Any) -> None:
    run = timing({"preset": "rpu-512", **chip}, algorithm=algorithm)
    assert set(run.metrics["bl_mean"].values()) == {0}
    pulses = timing({"preset": "rpu-512", **chip, "tile": {"pulse_time": "1 ms"}}, algorithm=algorithm)
    assert pulses.metrics["makespan_ps"] == run.metrics["makespan_ps"]


def test_trains_of_an_exact_first_array_are_those_of_transfers_alone() -> None:
    algorithm = {
        "kind": "tiki-taka",
        "fast_device": "ideal",
        "transfer_every": 2,
        "units_in_mbatch": False,
        "transfer_update": {"desired_bl": 3, "update_bl_management": False},
    }
    short, long = (
        timing({"preset": "rpu-512", "tile": {"pulse_time": time}}, algorithm=algorithm, max_mini_batches=1)
        for time in ("0 ns", "1 us")
    )
    # The first stage moves a line after each second of ten vectors, and nothing is longer.
    assert long.metrics["makespan_ps"] - short.metrics["makespan_ps"] == pytest.approx(5 * 3 * 10**6, rel=0.01)


@pytest.mark.parametrize(
    ("update", "slots"),
    [
        ({"desired_bl": 2}, 2),
        ({"update_bl_management": False}, 31),
        ({"update_bl_management": False, "desired_bl": 3}, 3),
        ({"desired_bl": 1}, 1),
        ({}, 5),
        ({"expected_bl": 7}, 7),
    ],
    ids=str,
)
def test_a_presets_expectation_gives_way_to_what_is_written_over_it(update: dict[str, Any], slots: int) -> None:
    run = timing({"preset": "rpu-512", "update": update})
    assert set(run.metrics["bl_mean"].values()) == {slots}


def test_overrides_lower_an_expectation_too() -> None:
    document = {"network": "mlp-64-64-32-10", "chip": "rpu-512", "training": {"learning_rate": 0.1}}
    experiment = archsim.load_experiment(document, ["chip.update.desired_bl=2"])
    assert experiment.chip.update.expected_bl == 2
    assert archsim.load_experiment(document, ["chip.update.desired_bl=9"]).chip.update.expected_bl == 5


SINGLE = "bound management repeats forward reads only"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("chip.update.expected_bl", "500", "no train is longer"),
        ("chip.update.expected_bl", "31.5", "no train is longer"),
        ("chip.update", "{desired_bl: 2, expected_bl: 3}", "no train is longer"),
        ("chip.io", "{bound_management: none, expected_reads: 1.2}", "expect 1 read"),
        ("chip.io", "{is_perfect: true, expected_reads: 2}", "expect 1 read"),
        ("chip.backward_io", "{expected_reads: 2}", SINGLE),
        ("chip.backward_io", "{bound_management: iterative-worst-case}", SINGLE),
        ("chip.backward_io", "{max_bm_factor: 3}", SINGLE),
        ("training.algorithm", "{preset: ttv2-paper, transfer_io: {expected_reads: 2}}", SINGLE),
        ("training.algorithm", "{preset: ttv2-paper, transfer_io: {bm_test_negative_bound: false}}", SINGLE),
    ],
)
def test_expectations_that_cannot_be_are_refused(field: str, value: str, says: str) -> None:
    document = {"network": "mlp-64-64-32-10", "chip": "rpu-512", "training": {"learning_rate": 0.1}}
    with pytest.raises(InputError, match=says) as refused:
        archsim.load_experiment(document, [f"{field}={value}"])
    assert refused.value.exit_code == 2
    assert field in str(refused.value)
