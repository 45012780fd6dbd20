"""A tile and a device by themselves, as scripts and notebooks use them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import archsim
from archsim.analog.devices.curves import response_curves
from archsim.analog.specification import ConstantStep, LinearStep, SoftBounds
from archsim.cli.app import app
from archsim.document import load_part, load_preset
from archsim.errors import InputError

MINE = {"kind": "soft-bounds", "dw_min": 0.01, "up_down": 0.2}
RNG = np.random.default_rng(3)
X, D = RNG.uniform(-1, 1, (6, 4)).astype(np.float32), RNG.normal(0, 0.1, (6, 3)).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text("{kind: soft-bounds, dw_min: 0.01, up_down: 0.2}\n")
    return path


# A tile


def test_a_tile_takes_names_mappings_files_and_specifications_alike(file: Path) -> None:
    weights = []
    for device in (MINE, file, str(file), SoftBounds(dw_min=0.01, up_down=0.2)):
        for algorithm in ("analog-sgd", {"kind": "analog-sgd"}):
            tile = archsim.make_tile(algorithm, device, 3, 4)
            tile.update(X, D, 0.5)
            weights.append(tile.weights.copy())
    assert np.count_nonzero(weights[0])
    assert all(np.array_equal(weights[0], other) for other in weights)
    for wrong in ("no-such-device", {"kind": "soft-bounds", "dw_mn": 1}, {"kind": "soft-bounds", "dw_min": -1}):
        with pytest.raises(InputError):
            archsim.make_tile("analog-sgd", wrong, 3, 4)


def test_vectors_are_numbered_as_they_come() -> None:
    counting = archsim.make_tile("ttv2-reram", "reram-sb", 3, 4)
    told = archsim.make_tile("ttv2-reram", "reram-sb", 3, 4).array
    for k in range(0, 60, 6):
        assert np.array_equal(counting.forward(X).values, told.forward(X, k).values)
        assert np.array_equal(counting.backward(D).values, told.backward(D, k).values)
        counting.update(X, D, 0.1)
        told.update(X, D, 0.1, k)
        counting.end_mini_batch()
        told.end_mini_batch(k // 6)
    assert np.array_equal(counting.weights, told.weights)
    # A read that is repeated has noise of its own, unless the number is given.
    assert not np.array_equal(counting.forward(X).values, counting.forward(X).values)
    assert np.array_equal(counting.forward(X, 7).values, counting.forward(X, 7).values)


def test_a_tile_goes_on_from_its_state() -> None:
    first, second = (archsim.make_tile("c-ttv2-reram", "reram-sb", 3, 4) for _ in range(2))
    for tile in (first, second):
        tile.update(X, D, 0.1)
    kept = first.state()
    first.update(D[:, :1] @ np.ones((1, 4), np.float32), D, 0.3)
    first.restore(kept)
    for tile in (first, second):
        tile.update(X, D, 0.1)
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.forward(X).values, second.forward(X).values)
    with pytest.raises(InputError, match="not the state of a tile"):
        first.restore({})


def test_programming_tells_what_the_cells_cannot_take() -> None:
    bounds: dict[str, Any] = {"kind": "soft-bounds", "w_max": 0.6, "w_min": -0.5, "w_max_dtod": 0, "w_min_dtod": 0}
    wanted = np.linspace(-1, 1, 21, dtype=np.float32).reshape(3, 7)
    tile = archsim.make_tile("analog-sgd", bounds, 3, 7)
    with pytest.warns(UserWarning, match=r"programming clips: 42\.9 % of the weights .* misses by 0\.5") as told:
        found = tile.program(wanted)
    assert told[0].filename == __file__
    # Beyond 0.6: 0.7 to 1; beyond -0.5: -0.6 to -1.
    assert found.missed == pytest.approx(9 / 21)
    assert found.largest_miss == pytest.approx(0.5)
    np.testing.assert_allclose(tile.weights, np.clip(wanted, -0.5, 0.6), atol=1e-6)
    with pytest.warns(UserWarning, match="programming clips"):
        missed = archsim.make_tile("analog-sgd", "reram-sb", 20, 20).program(np.full((20, 20), 0.5))
    assert missed.missed > 0.5


@pytest.mark.parametrize(
    "algorithm", ["analog-sgd", "tiki-taka", "residual-learning", "mixed-precision", "digital-sgd"]
)
def test_weights_within_the_bounds_are_programmed_without_a_word(algorithm: str) -> None:
    device = {"kind": "constant-step", "w_max": 1, "w_min": -1, "w_max_dtod": 0, "w_min_dtod": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = archsim.make_tile(algorithm, device, 5, 4).program(RNG.uniform(-0.9, 0.9, (5, 4)))
    assert found.missed == 0.0
    assert found.largest_miss < 1e-6
    with pytest.raises(InputError, match="another shape"):
        archsim.make_tile(algorithm, device, 5, 4).program(np.zeros((4, 5)))


# A device


def test_asymmetry_and_symmetric_point_follow_the_closed_form() -> None:
    # Pulses of a (1 - w / w_max) up and b (1 - w / w_min) down, here a = dw and b = 0.8 dw, cancel at
    # (a - b) / (a / w_max - b / w_min), and differ at zero by (a - b) / (a + b).
    a, b, w_max, w_min = 1.0, 0.8, 0.6, -0.3
    curves = response_curves(SoftBounds(dw_min=0.01, up_down=0.2, w_max=w_max, w_min=w_min))
    assert curves is not None
    assert curves.states == 90
    assert curves.asymmetry == pytest.approx((a - b) / (a + b), rel=1e-4)
    assert curves.symmetric_point == pytest.approx((a - b) / (a / w_max - b / w_min), rel=1e-3)


def test_steps_that_never_cancel_have_no_symmetric_point() -> None:
    asymmetric, symmetric = response_curves(ConstantStep(up_down=-0.2)), response_curves(ConstantStep())
    assert asymmetric is not None
    assert symmetric is not None
    assert (asymmetric.symmetric_point, symmetric.symmetric_point, symmetric.asymmetry) == (None, None, 0.0)
    assert asymmetric.asymmetry == pytest.approx(-1 / 9, rel=1e-3)
    slopes = response_curves(LinearStep(gamma_up=0.1, gamma_down=0.1))
    assert slopes is not None
    assert slopes.symmetric_point == pytest.approx(0.0, abs=1e-3)


def test_plots_show_the_numbers(file: Path, tmp_path: Path) -> None:
    wanted = "120 states of 0.01, asymmetry 0.111, symmetric point 0.0667"
    for device, title in ((MINE, "soft-bounds"), (file, "mine"), (SoftBounds(**MINE), "soft-bounds")):  # type: ignore[arg-type]
        assert archsim.plot_device(device).get_suptitle() == f"{title}: {wanted}"
    figure = archsim.plot_device("soft-bounds", name="cost $5")
    assert figure._repr_png_().startswith(b"\x89PNG")  # What a notebook shows.
    figure.savefig(tmp_path / "device.pdf")
    with pytest.raises(InputError, match="no pulses"):
        archsim.plot_device("ideal")


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_show_draws_a_device_of_ones_own(file: Path, tmp_path: Path) -> None:
    code, shown = invoke("show", str(file), "--figure", str(tmp_path / "mine.svg"))
    assert code == 0, shown
    numbers = "120 states of 0.01, asymmetry 0.111, symmetric point 0.0667"
    assert numbers in shown
    assert f"mine: {numbers}" in (tmp_path / "mine.svg").read_text()
    (tmp_path / "again.yaml").write_text(shown)
    assert load_part("archsim.devices", tmp_path / "again.yaml") == SoftBounds(dw_min=0.01, up_down=0.2)


@pytest.mark.parametrize(
    ("text", "override", "words"),
    [
        ("{preset: reram-sb}", "dw_min=0.5", "dw_min: 0.5"),
        ("{preset: reram-1024, tile: {rows: 64}}", "tile.columns=32", "columns: 32"),
        ("{kind: analog-sgd}", "kind=digital-sgd", "kind: digital-sgd"),
        ("{input_shape: [4], layers: [{name: a, kind: linear, features: 2}]}", "layers.0.features=3", "features: 3"),
        ("{network: mlp-64-64-32-10, chip: unit, training: {learning_rate: 1}}", "training.epochs=7", "epochs: 7"),
    ],
)
def test_show_reads_any_part_with_overrides(text: str, override: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(text)
    code, shown = invoke("show", str(tmp_path / "part.yaml"), "--set", override)
    assert code == 0, shown
    assert words in shown


def test_show_draws_the_device_of_a_chip_and_of_an_experiment(tmp_path: Path) -> None:
    for name in ("rpu-512", "mlp_digits"):
        assert invoke("show", name, "--figure", str(tmp_path / f"{name}.svg"))[0] == 0
        assert "symmetric point" in (tmp_path / f"{name}.svg").read_text()


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("{rows: 3}", (), "no experiment and no part of one"),
        ("{kind: soft-bounds, dw_mn: 3}", (), "did you mean 'dw_min'?"),
        ("{kind: soft-bounds}", ("--set", "dw_min=-1"), "--set dw_min=-1"),
        ("{kind: ideal}", ("--figure", "x.svg"), "no pulses"),
        ("{kind: analog-sgd}", ("--figure", "x.svg"), "only devices"),
    ],
)
def test_show_says_what_is_wrong_with_a_file(text: str, arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(text)
    code, shown = invoke("show", str(tmp_path / "part.yaml"), *arguments)
    assert code == 2
    assert words in shown


def test_a_preset_shows_with_overrides() -> None:
    code, shown = invoke("show", "soft-bounds", "--set", "w_max=1.8")
    assert code == 0
    assert "2\u202f400 states" in shown
    code, shown = invoke("show", "gpipe", "--set", "x=1")
    assert (code, "nothing of it can be overridden" in shown) == (2, True)
    assert load_preset("archsim.devices", "soft-bounds") == SoftBounds()
