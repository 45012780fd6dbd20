"""Forward-only runs: a pipeline without loss, gradients and updates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import Run
from archsim.data import DataSet
from archsim.errors import InputError
from archsim.schedule import StageCycles, dry_run, make_schedule
from archsim.schedule.specification import ScheduleSpecification

FORWARD = {"kind": "inference"}


def forward(
    mode: str = "timing", data: DataSet | None = None, stages: int = 3, samples: int = 20, **sections: Any
) -> Run:
    document: dict[str, Any] = {
        "network": "mlp-64-64-32-10",
        "chip": "unit",
        "data": {"samples": samples},
        "schedule": FORWARD | {"stages": stages},
        "run": {"mode": mode},
    }
    return archsim.simulate(document | sections, data=data)


@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 20])
def test_a_pipeline_of_m_stages_passes_k_samples_in_k_plus_m_minus_1_cycles(stages: int, samples: int) -> None:
    run = forward(stages=stages, samples=samples)
    assert run.metrics["makespan_ps"] == 1000 * (samples + stages - 1)
    assert run.metrics["latency_ps"] == 1000 * stages
    assert run.metrics["time_per_sample_ps"] == 1000 * (samples + stages - 1) / samples
    assert run.metrics["samples_per_s"] == pytest.approx(1e9 * samples / (samples + stages - 1))
    for name in ("staleness", "updates", "pulses", "bl_mean", "loss", "samples_per_update"):
        assert run.metrics[name] is None, name


def test_a_section_on_training_is_taken_out_by_null() -> None:
    experiment = archsim.load_experiment("mlp_digits", ["training=null", "schedule.kind=inference"])
    assert experiment.training is None
    with pytest.raises(archsim.InputError, match="'training' is missing, and a schedule of the kind 'gpipe' trains"):
        archsim.load_experiment("mlp_digits", ["training=null", "schedule.kind=gpipe"])


@pytest.mark.parametrize("stages", [1, 4])
def test_the_dry_run_agrees_with_the_closed_form(stages: int) -> None:
    schedule = make_schedule(ScheduleSpecification(kind="inference", micro_batches=3), stages, 5)
    profile = dry_run(schedule)
    assert schedule.closed_forms.makespan is not None
    expected = schedule.closed_forms.makespan(schedule, StageCycles())
    assert profile.makespan == expected == 15 + stages - 1
    assert profile.stored_max == profile.in_flight_max == (1,) * stages
    assert profile.actions == 15 * stages


@pytest.mark.parametrize(
    ("mini_batch", "micro_batches", "told"), [(16, 1, "10 divides 20"), (16, 8, "multiple of 16"), (5, 1, "")]
)
def test_samples_that_fill_no_mini_batch_are_told(mini_batch: int, micro_batches: int, told: str) -> None:
    training = {"learning_rate": 1, "mini_batch": mini_batch}
    schedule = FORWARD | {"stages": 1, "micro_batches": micro_batches}
    run = forward(training=training, schedule=schedule)
    assert run.observations.samples == 20 // mini_batch * mini_batch
    texts = [text for text in run.warnings if "4 of 20 samples are left out" in text]
    assert [told in text for text in texts] == ([True] if told else [])


@pytest.mark.parametrize(
    ("order", "told"), [("shuffled", "others in each: 4 of 20"), ("streams", "each epoch: 4 of 20")]
)
def test_training_tells_what_its_epochs_leave_out(order: str, told: str) -> None:
    sections: dict[str, Any] = {
        "network": network(),
        "chip": "unit",
        "data": {"order": order},
        "training": {"learning_rate": 0.1, "mini_batch": 8, "epochs": 1},
        "schedule": {"kind": "sequential"},
        "run": {"mode": "numerics"},
    }
    assert any(told in text for text in archsim.simulate(sections, data=classes(20)).warnings)
    sections["training"]["max_mini_batches"] = 1
    assert not any("left out" in text for text in archsim.simulate(sections, data=classes(20)).warnings)


def network() -> dict[str, Any]:
    return {
        "input_shape": [6],
        "layers": [
            {"name": "fc1", "kind": "linear", "features": 7},
            {"name": "act", "kind": "sigmoid"},
            {"name": "fc2", "kind": "linear", "features": 4},
        ],
    }


def classes(samples: int) -> DataSet:
    random = np.random.default_rng(5)
    x = random.uniform(-1, 1, (samples, 6)).astype(np.float32)
    return DataSet("uniform", x, random.integers(0, 4, samples), x, random.integers(0, 4, samples), 4)


def on_tiles(mode: str, **chip: Any) -> Run:
    """Pass 20 samples, two a micro-batch, over two stages of cut matrices."""
    settings = {"preset": "reram-1024", "tile": {"rows": 4, "columns": 4}, "io": {"bound_management": "none"}}
    return forward(
        mode,
        None if mode == "timing" else classes(20),
        2,
        network=network(),
        chip=settings | chip,
        training={"learning_rate": 1.0, "mini_batch": 2},
    )


def test_timing_and_coupled_agree_on_tiles() -> None:
    timing, coupled = on_tiles("timing"), on_tiles("coupled")
    assert timing.metrics["samples"] == coupled.metrics["samples"] == 20
    assert timing.metrics["makespan_ps"] == coupled.metrics["makespan_ps"]
    assert timing.observations.counts == coupled.observations.counts
    assert {key.phase for key in timing.observations.counts} == {"F"}
    assert timing.metrics["bubble_fraction"] < 0.5


def test_no_loss_is_computed() -> None:
    """Each converted number is scaled, and each sigmoid looked up; nothing else is asked of the digital unit."""
    counts = on_tiles("timing").observations.counts
    operations = {(*key[:2], key.layer): n for key, n in counts.items() if key.component == "nmpu"}
    # The matrices of 6 x 7 and of 7 x 4 have two parts along their inputs.
    assert operations == {
        ("nmpu", "multiply_add", "fc1"): 20 * 2 * 7,
        ("nmpu", "activation", "fc1"): 20 * 7,
        ("nmpu", "multiply_add", "fc2"): 20 * 2 * 4,
    }


def test_space_is_given_back_as_a_micro_batch_goes_on() -> None:
    """A buffer for one micro-batch a stage suffices and holds the pipeline back; no space is kept for errors."""
    # Of 2 samples a stage keeps 6 + 7 + 7, or 7 + 4 numbers, of a byte.
    small = on_tiles("timing", buffer={"capacity": "40 B"})
    large = on_tiles("timing", buffer={"capacity": None})
    assert small.metrics["makespan_ps"] > large.metrics["makespan_ps"]
    causes = set(small.metrics["idle"])
    assert any("buffer" in cause for cause in causes)
    with pytest.raises(InputError, match="store does not fit"):
        on_tiles("timing", buffer={"capacity": "39 B"})


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
def test_the_test_set_is_judged_as_an_evaluation_judges_it(mode: str, tmp_path: Path) -> None:
    """With exact converters both give the same share of right answers, of weights from elsewhere."""
    exact = {"preset": "reram-1024", "device": "ideal", "io": {"is_perfect": True}}
    document = {
        "network": "mlp-64-64-32-10",
        "chip": exact,
        "data": {"name": "digits"},
        "training": {"learning_rate": 0.5, "mini_batch": 10, "max_mini_batches": 60},
        "schedule": {"kind": "sequential"},
        "run": {"mode": "numerics"},
    }
    trained = archsim.simulate(document)
    np.savez(tmp_path / "weights.npz", **trained.weights)
    given = {"preset": "mlp-64-64-32-10", "weights": str(tmp_path / "weights.npz")}
    run = archsim.simulate(
        {
            "network": given,
            "chip": exact,
            "data": document["data"],
            "schedule": FORWARD | {"stages": 2},
            "run": {"mode": mode},
        }
    )
    assert 0.3 < run.metrics["accuracy"] == pytest.approx(trained.metrics["accuracy"], abs=1e-12)
    assert run.metrics["loss"] is None
    assert len(run.learning) == 1


def test_stages_are_balanced_by_forwards_alone() -> None:
    """The updates of this chip take long, the same for each layer; forwards take as long as their columns are many."""
    layers = [{"name": f"fc{i}", "kind": "linear", "features": size} for i, size in enumerate([60, 4, 4, 4])]
    chip = {"preset": "reram-1024", "tile": {"update_fixed_time": "1 ms"}, "adc": {"per_tile": 1}}
    document = {
        "network": {"input_shape": [4], "layers": layers},
        "chip": chip,
        "data": {"samples": 8},
        "training": {"learning_rate": 1.0},
        "run": {"mode": "timing"},
    }
    stages = {
        kind: archsim.simulate(document | {"schedule": {"kind": kind, "stages": 2}}).observations.stage_busy_ps
        for kind in ("inference", "sequential")
    }
    # One layer against three, and two against two.
    assert stages["inference"][0] > 2 * stages["inference"][1]
    assert stages["sequential"][0] < 1.2 * stages["sequential"][1]


def test_what_has_no_updates_takes_no_rule_for_them() -> None:
    with pytest.raises(InputError, match="has no updates") as refused:
        forward(schedule=FORWARD | {"update": "deferred"})
    assert refused.value.field == "schedule.update"


def test_training_is_needed_where_something_is_trained() -> None:
    with pytest.raises(InputError, match="'training' is missing") as refused:
        forward(schedule={"kind": "gpipe"})
    assert refused.value.field == "training"
