"""Runs that start from given weights: what is written, what is refused, and runs that only deploy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import archsim
from archsim import Run
from archsim.cli.loading import load_fitting
from archsim.errors import InputError, InputErrors
from archsim.simulation import Interrupted

from .experiments import WORKLOADS

DOCUMENT = WORKLOADS / "mlp_digits.yaml"
SHORT = ("training.max_mini_batches=60", "run.evaluate_every=30", "chip.device=ideal")
DEPLOY = ("training.epochs=0", "inference.times=[1 s, 1 day]", "inference.repeats=2")
SOFT = "chip.device={preset: soft-bounds, w_max: 2, w_min: -2, dw_min: 0.002, w_max_dtod: 0, w_min_dtod: 0}"
Arrays = dict[str, NDArray[np.float32]]


def load(*overrides: str, mode: str = "numerics") -> archsim.Experiment:
    return archsim.load_experiment(DOCUMENT, [*SHORT, *overrides], mode)


def started(weights: Path, *overrides: str, mode: str = "numerics") -> Run:
    return archsim.simulate(load(f"network.weights={weights}", *overrides, mode=mode))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "old"
    archsim.simulate(load("training.algorithm=digital-sgd")).save(folder)
    return folder


@pytest.fixture
def arrays(old: Path) -> Arrays:
    with np.load(old / "weights.npz") as archive:
        return {name: archive[name] for name in archive.files}


def written(folder: Path, arrays: Arrays) -> Path:
    file = folder / "mine.npz"
    np.savez(file, **arrays)
    return file


@pytest.mark.parametrize("mode", ["numerics", "coupled"])
@pytest.mark.parametrize(
    "algorithm",
    ["analog-sgd", "digital-sgd", "hardware-aware", "ttv2", "mixed-precision", "{kind: tiki-taka, gamma: 0.5}"],
)
def test_weights_are_only_deployed(algorithm: str, mode: str, old: Path, arrays: Arrays) -> None:
    # The matrix that reads see is the given one, so auxiliary arrays hold zeros, as after programming.
    run = started(old, *DEPLOY, SOFT, f"training.algorithm={algorithm}", mode=mode)
    assert run.weights.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(run.weights[name], array, atol=1e-6)
    before = archsim.load_run(old)
    assert abs(run.metrics["accuracy"] - before.metrics["accuracy"]) < 0.03  # type: ignore[operator]
    assert run.metrics["loss"] is None
    assert run.observations.mini_batches == 0
    assert len(run.inference) == 4
    assert not [warning for warning in run.warnings if "clipped" in warning]


def test_a_file_and_a_folder_of_a_run_are_the_same_and_run_json_tells_which(old: Path, tmp_path: Path) -> None:
    run = started(old, *DEPLOY)
    again = started(old / "weights.npz", *DEPLOY)
    assert run.inference.equals(again.inference)
    run.save(tmp_path / "run")
    told = json.loads((tmp_path / "run" / "run.json").read_text())["provenance"]["weights"]
    assert told["file"] == str(old / "weights.npz")
    assert told["sha256"] == hashlib.sha256((old / "weights.npz").read_bytes()).hexdigest()
    assert told["layers"]["fc1"] | {"largest_weight": 0} == {
        "weights": 64 * 64,
        "clipped": 0,
        "largest_weight": 0,
        "largest_miss": 0.0,
    }
    assert archsim.load_run(tmp_path / "run") == run


def test_a_resolved_document_finds_the_same_file_from_anywhere(
    arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    written(tmp_path / "here", arrays)
    document = tmp_path / "here" / "experiment.yaml"
    document.write_text(
        "network: {preset: mlp-64-64-32-10, weights: mine.npz}\nchip: {preset: reram-1024, device: ideal}\n"
        "training: {learning_rate: 0.1, mini_batch: 10, epochs: 0}\nrun: {mode: numerics}\n"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = archsim.simulate(document)
    resolved = tmp_path / "elsewhere" / "resolved.yaml"
    resolved.write_text(run.document)
    again = archsim.simulate(resolved)
    assert again.metrics["accuracy"] == run.metrics["accuracy"]
    assert again.provenance.weights == run.provenance.weights


def test_training_goes_on_from_given_weights(old: Path) -> None:
    before = archsim.load_run(old)
    longer = started(old, "training.algorithm=digital-sgd")
    assert longer.learning["train_loss"].iloc[0] < before.learning["train_loss"].iloc[0]
    assert longer.metrics["accuracy"] > before.metrics["accuracy"]  # type: ignore[operator]


def test_a_run_from_given_weights_is_resumed_bit_by_bit_and_only_with_the_same_weights(
    old: Path, arrays: Arrays, tmp_path: Path
) -> None:
    file = written(tmp_path, arrays)
    experiment = load(f"network.weights={file}", "run.checkpoint_every=10")
    whole = archsim.simulate(experiment)
    asked = iter([False] * 100 + [True] * 10_000)
    with pytest.raises(Interrupted):
        archsim.simulate(experiment, workspace=tmp_path / "run", interrupted=lambda: next(asked))
    written(tmp_path, {name: 2 * array for name, array in arrays.items()})
    with pytest.raises(InputError, match="its weights have changed"):
        archsim.simulate(experiment, workspace=tmp_path / "run", resume=True)
    written(tmp_path, arrays)
    resumed = archsim.simulate(experiment, workspace=tmp_path / "run", resume=True)
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], array)


def test_weights_beyond_the_device_are_clipped_counted_and_told(arrays: Arrays, tmp_path: Path) -> None:
    weights = np.zeros((64, 64), np.float32)
    weights[0, :8] = 1.0  # 8 of 4096, by 0.4 beyond the bounds
    weights[1, :] = 0.5
    file = written(tmp_path, arrays | {"fc1": weights})
    device = "chip.device={kind: constant-step, w_max: 0.6, w_min: -0.6, w_max_dtod: 0, w_min_dtod: 0}"
    run = started(file, device, "training.epochs=0", "training.algorithm=analog-sgd")
    fit = run.provenance.weights["layers"]["fc1"]  # type: ignore[index]
    assert (fit["weights"], fit["clipped"]) == (4096, 8)
    assert fit["largest_miss"] == pytest.approx(0.4, abs=1e-6)
    assert fit["largest_weight"] == 1.0
    np.testing.assert_allclose(run.weights["fc1"], np.minimum(weights, 0.6), atol=1e-6)
    (warning,) = [warning for warning in run.warnings if "layer 'fc1'" in warning and "clipped" in warning]
    assert "0.20% of the given weights" in warning
    assert "0.4" in warning
    # A digital scale brings them within the bounds.
    scaled = started(file, device, "training.epochs=0", "network.layers.0.scaling.weight_scaling_omega=0.5")
    assert scaled.provenance.weights["layers"]["fc1"]["clipped"] == 0  # type: ignore[index]
    assert not [warning for warning in scaled.warnings if "'fc1'" in warning]
    np.testing.assert_allclose(scaled.weights["fc1"] * scaled.weights["fc1.scale"][:, None], weights, atol=1e-6)
    assert np.abs(scaled.weights["fc1"]).max() == pytest.approx(0.5)


def test_a_given_scale_is_kept_where_there_is_one_and_multiplied_in_where_there_is_none(
    arrays: Arrays, tmp_path: Path
) -> None:
    scale = np.linspace(0.5, 2.0, 64, dtype=np.float32)
    file = written(tmp_path, arrays | {"fc1.scale": scale})
    folded = started(file, "training.epochs=0")
    assert "fc1.scale" not in folded.weights
    np.testing.assert_allclose(folded.weights["fc1"], arrays["fc1"] * scale[:, None], rtol=1e-6)
    kept = started(file, "training.epochs=0", "network.layers.0.scaling.learn_out_scaling=true")
    np.testing.assert_array_equal(kept.weights["fc1.scale"], scale)
    np.testing.assert_array_equal(kept.weights["fc1"], arrays["fc1"])


def refused(file: Path, *overrides: str) -> InputError:
    with pytest.raises(InputError) as error:
        started(file, "training.epochs=0", *overrides)
    return error.value


def test_arrays_that_do_not_fit_are_named(arrays: Arrays, tmp_path: Path) -> None:
    wrong = {
        **{name: array for name, array in arrays.items() if name not in ("fc2", "fc3.bias")},
        "fc_2": arrays["fc2"],
        "fc1": arrays["fc1"][:, :3].T,
        "fc3": np.full_like(arrays["fc3"], np.nan),
    }
    error = refused(written(tmp_path, wrong))
    assert isinstance(error, InputErrors)
    texts = [str(one) for one in error.errors]
    assert len(texts) == 4
    assert "the file has no 'fc2', 'fc3.bias'" in texts[0]
    assert "did you mean 'fc2'?" in "".join(texts)
    assert "'fc1' has another shape than the layer" in "".join(texts)
    assert "'fc3' holds a number that is not finite" in "".join(texts)
    turned = refused(written(tmp_path, arrays | {"fc2": arrays["fc2"].T.copy()}))
    assert turned.remedy == "transpose it"
    assert turned.allowed == "[32, 64], outputs first"


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    assert "there is no such file of weights" in str(refused(tmp_path / "missing.npz"))
    assert "there is no such file of weights" in str(refused(tmp_path))
    (tmp_path / "text.npz").write_text("weights")
    error = refused(tmp_path / "text.npz")
    assert error.field == "network.weights"
    assert "no .npz file" in str(error)
    np.savez(tmp_path / "objects.npz", fc1=np.array([{}], dtype=object))
    assert refused(tmp_path / "objects.npz").field == "network.weights"


@pytest.mark.parametrize(("mode", "overrides"), [("numerics", []), ("timing", ["network.weights=/tmp/any.npz"])])
def test_without_an_epoch_there_must_be_weights_and_numbers(mode: str, overrides: list[str]) -> None:
    with pytest.raises(InputError, match="nothing to do but to evaluate given weights") as error:
        load("training.epochs=0", "data.samples=100", *overrides, mode=mode)
    assert error.value.field == "training.epochs"


def test_the_command_line_takes_a_file_or_a_folder_from_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_fitting("mlp_digits", ["network.weights=other.npz"], "numerics", weights=Path("runs/a b: c"))
    assert found.network.weights == str(tmp_path / "runs" / "a b: c")
