"""What a run tells of numbers that its reader should not believe."""

import pytest

import archsim
from tests.integration.experiments import digits


def about(run, *words):
    """The warnings that hold all of these words."""
    return [text for text in run.warnings if all(word in text for word in words)]


SOFT = {"preset": "soft-bounds", "w_max": 2, "w_min": -2}


def simulate(*overrides, **sections):
    document = {
        "network": "mlp-64-64-32-10",
        "chip": {"preset": "reram-1024"},
        "training": {"learning_rate": 0.1, "mini_batch": 10, "max_mini_batches": 13},
        "run": {"mode": "numerics"},
    }
    return archsim.simulate(archsim.load_experiment(document | sections, overrides))


def test_a_run_as_it_should_be_has_no_warnings():
    run = simulate()
    assert run.warnings == ()
    assert set(run.metrics["trains_full"].values()) == {0.0}
    assert max(run.metrics["outputs_lost"].values()) < 0.5
    assert max(run.metrics["cells_at_bounds"].values()) < 0.2
    assert set(run.metrics["errors_clipped"]) == {"fc2", "fc3"}, "no gradient is read for the network's input"


def test_trains_that_are_always_full_are_told_with_the_steps_asked_and_given():
    for dw_min, full in ((2e-3, False), (1e-6, True)):
        run = simulate(chip={"preset": "reram-1024", "device": SOFT | {"dw_min": dw_min}})
        assert bool(about(run, "trains of updates are full", "asked for a step of", "given one of")) is full
        assert (run.metrics["trains_full"]["fc3"] > 0.9) is full


def test_full_trains_of_transfers_are_told():
    transfer = {"preset": "tiki-taka", "units_in_mbatch": False, "transfer_lr": 1e5, "fast_lr": 1}
    run = simulate("training.algorithm=" + str(transfer).replace("'", ""))
    assert about(run, "trains of transfers are full")
    assert run.metrics["transfer_trains_full"]["fc2"] > 0.5


def test_outputs_below_a_step_of_the_adc_are_told():
    run = simulate("chip.adc.bits=4")
    assert about(run, "outputs", "below half a step of the ADC")
    assert min(run.metrics["outputs_lost"].values()) > 0.75


def test_outputs_at_the_bound_of_the_adc_are_told():
    run = simulate("chip.io.out_bound=0.05", "chip.io.bound_management=none")
    assert about(run, "outputs are clipped to the bound of the ADC")
    assert min(run.metrics["outputs_clipped"].values()) > 0.2


def test_initial_weights_beyond_the_cells_are_told():
    narrow = {"preset": "soft-bounds", "w_max": 0.02, "w_min": -0.02, "dw_min": 1e-4}
    run = simulate(chip={"preset": "reram-1024", "device": narrow})
    assert about(run, "initial weights were clipped", "weight_scaling_omega")
    assert not about(simulate(), "initial weights")


AGAD = {"preset": "agad-reram", "in_chop_prob": 0.1}


@pytest.mark.parametrize("mode", ["timing", "numerics"])
def test_a_layer_that_no_transfer_has_reached_is_told(mode):
    """With ten passes between turns nothing is written in the first eleven: 704 vectors for 64 input lines."""
    overrides = ("training.mini_batch=10", f"training.algorithm={AGAD}".replace("'", ""), f"run.mode={mode}")
    run = simulate(*overrides, "training.max_mini_batches=70")
    (text,) = about(run, "'fc1'", "never written")
    assert "100% of the cells" in text
    assert "the first is due after 705 vectors" in text
    assert "after 768" in text
    assert "the run has 700" in text
    assert not about(run, "'fc3'"), "its 32 lines are read twice as often"
    if mode == "timing":
        assert not about(simulate(*overrides, "training.max_mini_batches=77"), "'fc1'")


def test_a_run_that_trains_nothing_is_told_of_no_transfer():
    assert not about(simulate("training.algorithm=tiki-taka", "schedule.kind=inference"), "transfer")


def test_transfers_that_never_come_are_told():
    run = simulate("training.algorithm={preset: ttv2, transfer_every: 0}", "training.max_mini_batches=2")
    assert len(about(run, "none is ever due", "100% of the cells")) == 3


@pytest.mark.parametrize("mode", ["timing", "numerics"])
def test_spreads_that_look_like_per_cent_are_told(mode):
    device = SOFT | {"dw_min": 0.002, "w_max_dtod": 30, "dw_min_std": 5, "write_noise_std": 50}
    run = simulate(f"run.mode={mode}", "training.max_mini_batches=1", chip={"preset": "reram-1024", "device": device})
    texts = about(run, "per cent")
    assert len(texts) == 1
    assert "chip.device.w_max_dtod is 30" in texts[0]
    assert "write 0.3" in texts[0]


def test_what_was_counted_comes_through_a_coupled_run_and_its_saved_results(tmp_path):
    coupled, untimed = digits(mode="coupled"), digits(mode="numerics")
    assert coupled.metrics["outputs_lost"] == untimed.metrics["outputs_lost"]
    coupled.save(tmp_path / "run")
    assert archsim.load_run(tmp_path / "run").metrics["outputs_lost"] == coupled.metrics["outputs_lost"]
