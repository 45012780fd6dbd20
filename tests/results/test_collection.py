"""Collections of runs: their tables, what differs between them, and differences in pairs of equal seeds."""

from __future__ import annotations

import pickle
import statistics
from dataclasses import replace

import pytest
from scipy import stats

import archsim
from archsim.results import RunCollection, compare_runs, contrasts, equal_weights, paired_differences

SHORT = ("training.max_mini_batches=6", "data.test_samples=60", "schedule.micro_batches=5")


@pytest.fixture(scope="module")
def schedules() -> RunCollection:
    kinds = ("sequential", "gpipe", "asynchronous")
    return RunCollection({kind: numerics(f"schedule.kind={kind}") for kind in kinds})


def numerics(*overrides: str) -> dict[int, archsim.Run]:
    runs = archsim.simulate("mlp_digits", [*SHORT, *overrides], mode="numerics", seeds="1..3")
    (by_seed,) = runs.points.values()
    return dict(by_seed)


def test_simulate_makes_a_run_for_each_seed(schedules: RunCollection) -> None:
    (run,) = archsim.simulate("mlp_digits", [*SHORT, "schedule.kind=gpipe"], mode="numerics", seeds=[2])
    assert run == replace(schedules["gpipe"][2], provenance=run.provenance)
    single = archsim.simulate("mlp_digits", [*SHORT, "schedule.kind=gpipe", "run.seed=2"], mode="numerics")
    assert single.metrics == run.metrics
    assert single.settings["run"]["mode"] == "numerics"


def test_overrides_are_laid_over_a_checked_experiment_too() -> None:
    experiment = archsim.load_experiment("mlp_digits", SHORT)
    run = archsim.simulate(experiment, ["training.max_mini_batches=2"], mode="numerics")
    assert run.metrics["mini_batches"] == 2


def test_a_workspace_is_for_one_run(tmp_path) -> None:
    with pytest.raises(archsim.InputError, match="one run"):
        archsim.simulate("mlp_digits", SHORT, seeds=[1, 2], workspace=tmp_path)  # type: ignore[call-overload]


def test_means_and_sample_standard_deviations(schedules: RunCollection) -> None:
    table = schedules.summary().set_index("run")
    assert table["n"].tolist() == [3, 3, 3]
    for point, runs in schedules.points.items():
        losses = [run.metrics["loss"] for run in runs.values()]
        assert table.loc[point, "loss"] == pytest.approx(statistics.mean(losses))
        assert table.loc[point, "loss_std"] == pytest.approx(statistics.stdev(losses))
    assert table["samples_per_update_std"].tolist() == [0, 0, 0]
    assert compare_runs({"one": schedules["gpipe"][1]})["loss_std"].isna().all()


def test_numbers_that_a_mode_lacks_are_missing_not_zero(schedules: RunCollection) -> None:
    table = schedules.frame()
    assert table[["makespan_ps", "energy_pj", "power_w", "time_per_sample_ps"]].isna().all().all()


def test_differences_are_those_of_pairs(schedules: RunCollection) -> None:
    table = paired_differences(schedules, "loss").set_index("run")
    assert table.loc["gpipe", ["mean", "std"]].tolist() == [0, 0]
    differences = [
        schedules["asynchronous"][seed].metrics["loss"] - schedules["sequential"][seed].metrics["loss"]
        for seed in (1, 2, 3)
    ]
    assert table.loc["asynchronous", "mean"] == pytest.approx(statistics.mean(differences))
    assert table.loc["asynchronous", "std"] == pytest.approx(statistics.stdev(differences))


def test_sentences_say_how_schedules_differ(schedules: RunCollection) -> None:
    assert equal_weights(schedules) == [("sequential", "gpipe")]
    text = "\n".join(contrasts(schedules))
    assert "sequential and gpipe: an update after every mini-batch of 10 samples, no staleness." in text
    assert "asynchronous: an update after every micro-batch of 2 samples, staleness 0 to" in text
    assert "sequential and gpipe end in equal weights, bit for bit." in text
    assert "asynchronous: accuracy differs from sequential by" in text
    assert "gpipe: accuracy differs" not in text
    assert "learning progress" not in text


def test_sentences_say_that_a_sample_moves_weights_further(schedules: RunCollection) -> None:
    applied = numerics("schedule.kind=asynchronous", "training.average_over=applied")
    runs = RunCollection({"sequential": schedules["sequential"], "applied": applied})
    assert runs.summary()["progress_per_sample"].tolist() == [1, 5]
    text = "\n".join(contrasts(runs))
    assert "applied: a sample moves the weights 5 times as far as under sequential" in text


def test_sentences_say_that_gradients_are_normalised() -> None:
    runs = RunCollection({kind: numerics(f"schedule.kind={kind}", "training.algorithm=agad") for kind in ("gpipe",)})
    two = RunCollection({"gpipe": runs["gpipe"], "again": runs["gpipe"]})
    assert "normalises gradients" in "\n".join(contrasts(two))


def test_sentences_say_that_runs_are_unlike(schedules: RunCollection) -> None:
    other = numerics("schedule.kind=sequential", "network.layers.0.features=32", "data.samples=500")
    text = "\n".join(contrasts(RunCollection({"a": schedules["sequential"], "b": other})))
    assert "different networks" in text
    assert "network.layers.0.features" in text
    assert "different data" in text


def test_a_collection_is_short_to_look_at_and_crosses_processes(schedules: RunCollection) -> None:
    assert len(repr(schedules)) < 300
    assert "gpipe accuracy" in repr(schedules)
    assert "<table" in schedules._repr_html_()
    again = pickle.loads(pickle.dumps(schedules))
    assert again.frame().equals(schedules.frame())


def test_points_of_a_grid_are_compared_where_one_key_differs() -> None:
    points = {
        f"{kind}, bits={bits}": numerics(f"schedule.kind={kind}", f"chip.adc.bits={bits}")
        for kind in ("sequential", "asynchronous")
        for bits in (6, 8)
    }
    text = "\n".join(contrasts(RunCollection(points)))
    assert "asynchronous, bits=8: accuracy differs from sequential, bits=8 by" in text
    assert "asynchronous, bits=6: accuracy differs from sequential, bits=6 by" in text
    assert "sequential, bits=6 and sequential, bits=8: an update" in text


def test_the_interval_of_a_difference_is_that_of_a_paired_t_test(schedules: RunCollection) -> None:
    differences = [
        schedules["asynchronous"][seed].metrics["accuracy"] - schedules["sequential"][seed].metrics["accuracy"]
        for seed in (1, 2, 3)
    ]
    ends = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    text = "\n".join(contrasts(schedules))
    assert f"95 % confidence: {100 * ends.low:+.2f} to {100 * ends.high:+.2f}" in text
    assert ("which includes 0" in text) == (ends.low <= 0 <= ends.high)


def test_runs_without_accuracy_are_named() -> None:
    runs = archsim.simulate("mlp_digits", SHORT, mode="timing", seeds=[1, 2])
    assert repr(runs) == "<RunCollection: 2 runs; mlp_digits (n = 2)>"


@pytest.mark.parametrize("seeds", [3, 3.5])
def test_one_number_is_no_list_of_seeds(seeds: object) -> None:
    with pytest.raises(archsim.InputError, match="seeds are several") as refused:
        archsim.simulate("mlp_digits", SHORT, seeds=seeds)  # type: ignore[call-overload]
    assert f"[{seeds}]" in str(refused.value)


@pytest.mark.parametrize("overrides", ["training.epochs=3", {"training.epochs": 3}])
def test_overrides_are_a_list(overrides: object) -> None:
    with pytest.raises(archsim.InputError, match="overrides are a list") as refused:
        archsim.simulate("mlp_digits", overrides)  # type: ignore[call-overload]
    assert refused.value.field == "overrides"


def test_a_folder_of_several_runs_is_no_run_and_names_one(tmp_path, schedules: RunCollection) -> None:
    schedules["gpipe"][1].save(tmp_path / "gpipe" / "seed-1")
    with pytest.raises(archsim.InputError, match="no run") as refused:
        archsim.load_run(tmp_path)
    assert str(tmp_path / "gpipe" / "seed-1") in str(refused.value)


def test_a_run_is_priced_for_a_chip_only(schedules: RunCollection) -> None:
    with pytest.raises(archsim.InputError, match="priced for a chip"):
        schedules["gpipe"][1].reprice("rpu-512")  # type: ignore[arg-type]
