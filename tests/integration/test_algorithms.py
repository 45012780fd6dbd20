"""Training algorithms in experiments: named, spelled out, mistaken, from another package, and on living devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from archsim import InputError, load_experiment
from archsim.analog.specification.algorithms import ChoppedTransferSettings
from archsim.document import load_preset
from archsim.plugins import registry

from .experiments import WORKLOADS, digits

WORKLOAD = WORKLOADS / "mlp_digits.yaml"
#: Analog SGD that learns with half the rate, and moves nothing.
PACKAGE = '''
from typing import Literal

from archsim.analog.algorithms.analog_sgd import AnalogSGD
from archsim.analog.specification import AnalogSGDSettings
from archsim.specification import Specification


class CautiousSettings(Specification):
    """Analog SGD with less of everything."""

    kind: Literal["cautious"] = "cautious"
    share: float = 0.5


class Cautious(AnalogSGD):
    """Analog SGD with a share of the learning rate."""

    Settings = CautiousSettings

    def __init__(self, settings, tile):
        super().__init__(AnalogSGDSettings(), tile)
        self._share = settings.share

    def update(self, x, d, learning_rate, first_vector):
        return super().update(x, d, self._share * learning_rate, first_vector)


def very_cautious():
    """A tenth of the learning rate."""
    return CautiousSettings(share=0.1)
'''
ENTRY_POINTS = """\
[archsim.algorithm_kinds]
cautious = cautious_training:Cautious

[archsim.algorithms]
very-cautious = cautious_training:very_cautious
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package with a kind of algorithm, as an installer leaves it."""
    (tmp_path / "cautious_training.py").write_text(PACKAGE, encoding="utf-8")
    metadata = tmp_path / "cautious_training-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cautious-training\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._points.cache_clear()
    yield
    registry._points.cache_clear()


@pytest.mark.usefixtures("package")
def test_an_algorithm_from_another_package_trains_a_network() -> None:
    # Biases learn in the digital unit, whatever the algorithm does.
    unbiased = [f"network.layers.{i}.bias=false" for i in (0, 2, 4)]
    cautious = digits(*unbiased, "training.algorithm=very-cautious", "training.learning_rate=0.5")
    plain = digits(*unbiased, "training.learning_rate=0.05")
    for layer, weights in plain.weights.items():
        np.testing.assert_array_equal(cautious.weights[layer], weights)
    assert cautious.metrics["makespan_ps"] == plain.metrics["makespan_ps"]
    assert load_preset("archsim.algorithms", "very-cautious").kind == "cautious"
    spelled = load_experiment(WORKLOAD, ["training.algorithm={kind: cautious, share: 0.2}"])
    assert spelled.training.algorithm.share == 0.2
    with pytest.raises(InputError, match=r"training\.algorithm\.share"):
        load_experiment(WORKLOAD, ["training.algorithm={kind: cautious, share: much}"])


def test_a_preset_is_the_ground_that_other_keys_are_laid_over() -> None:
    made = load_experiment(WORKLOAD, ["training.algorithm=c-ttv2", "training.algorithm.update.desired_bl=7"])
    algorithm = made.training.algorithm
    assert isinstance(algorithm, ChoppedTransferSettings)
    assert algorithm.update is not None
    assert algorithm.update.desired_bl == 7
    assert algorithm.fast_lr == load_preset("archsim.algorithms", "c-ttv2").fast_lr


def test_another_kind_takes_the_place_of_the_one_before() -> None:
    made = load_experiment(WORKLOAD, ["training.algorithm=c-ttv2", "training.algorithm={kind: tiki-taka, gamma: 0.5}"])
    assert (made.training.algorithm.kind, made.training.algorithm.gamma) == ("tiki-taka", 0.5)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.algorithm=tiki-tako", "did you mean 'tiki-taka'"),
        ("training.algorithm={kind: agat}", "there is no such kind"),
        ("training.algorithm={preset: agad, fast_rl: 1}", "did you mean 'fast_lr'"),
        ("training.algorithm={kind: dynamic-transfer, in_chop_prob: 0}", "in_chop_prob must lie above 0"),
        ("training.algorithm={kind: tiki-taka, fast_device: {preset: soft-bounds, dw_min: 0}}", "above 0"),
        ("network.layers.0.algorithm=agda", "did you mean 'agad'"),
    ],
)
def test_mistakes_are_explained(override: str, words: str) -> None:
    with pytest.raises(InputError) as found:
        load_experiment(WORKLOAD, [override])
    assert words in str(found.value)
    assert "algorithm" in str(found.value)


def test_a_layer_may_have_an_algorithm_of_its_own() -> None:
    mixed = digits("network.layers.0.algorithm=ttv2", "chip=rpu-512")
    updates = mixed.cost[(mixed.cost.phase == "U") & (mixed.cost.component == "adc")]
    assert set(updates.layer) == {"fc1"}


def test_devices_live_once_a_mini_batch_and_refreshing_takes_time() -> None:
    still, living = (digits(f"chip.device={{preset: soft-bounds, diffusion: {d}}}") for d in (0.0, 0.01))
    assert still.metrics["makespan_ps"] == living.metrics["makespan_ps"]
    assert not np.array_equal(still.weights["fc1"], living.weights["fc1"])
    pair = "chip.device={kind: one-sided, device: {preset: soft-bounds, w_min: 0}, refresh_every: %d}"
    without, refreshed = (digits("chip=rpu-512", pair % every) for every in (0, 6))
    reads = refreshed.cost[(refreshed.cost.phase == "U") & (refreshed.cost.component == "dac")]["count"].sum()
    # 24 mini-batches, refreshed four times: all input lines of both arrays of each layer.
    assert reads == 4 * 2 * (64 + 64 + 32)
    assert refreshed.metrics["makespan_ps"] > without.metrics["makespan_ps"]


@pytest.mark.parametrize("mode", ["timing", "numerics"])
def test_algorithms_run_without_numbers_and_without_a_clock(mode: str) -> None:
    run = digits("training.algorithm=residual-learning", "chip=rpu-512", mode=mode)
    assert run.metrics["mini_batches"] == 24


def test_the_textbook_pipeline_takes_no_time_for_transfers() -> None:
    plain, moved = digits("chip=unit"), digits("chip=unit", "training.algorithm=agad")
    assert plain.metrics["makespan_ps"] == moved.metrics["makespan_ps"]
