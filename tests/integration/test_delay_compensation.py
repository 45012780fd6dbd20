"""Runs in which late gradients are clipped more, and momentum is lowered, follow a plain model."""

from __future__ import annotations

import math
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.delays import momentum_left
from archsim.errors import InputError
from archsim.simulation import Interrupted
from archsim.training import DelayCompensation

from .delayed import CURVATURE, predicted, simulated

DIGITAL = {"placement": "digital"}
SGD = {"kind": "digital-sgd", "momentum": 0.8}


def trained(tau: int, alpha_lambda: float, updates: int, **settings: Any) -> float:
    return float(simulated(tau, alpha_lambda, updates, **settings).weights["layer0"].item())


@pytest.mark.parametrize("layer", [None, DIGITAL], ids=["devices", "digital unit"])
@pytest.mark.parametrize("tau", [0, 3])
@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_a_late_gradient_meets_a_lower_bound(layer: dict[str, Any] | None, tau: int, exponent: float) -> None:
    compensation = {"exponent": exponent, "clipping_exponent": 1.5}
    clipping = {"by": "norm", "limit": 0.9}
    got = trained(tau, 0.4, 40, layer=layer, gradient_clipping=clipping, delay_compensation=compensation)
    expected = predicted(tau, 0.4, 40, limit=0.9, compensation=DelayCompensation(**compensation))
    assert got == pytest.approx(expected[-1], rel=1e-5)


@pytest.mark.parametrize("layer", [None, DIGITAL], ids=["devices", "digital unit"])
def test_of_several_micro_batches_devices_clip_each_and_a_digital_unit_their_sum(layer: dict[str, Any] | None) -> None:
    compensation = {"exponent": 0.0, "clipping_exponent": 0.5}
    got = trained(
        3, 0.4, 40, layer=layer, micro_batches=2, gradient_clipping={"by": "value", "limit": 0.9}, **_by(compensation)
    )
    if layer is None:
        weight = _by_each_micro_batch(0.4, 0.9)
    else:
        weight = predicted(3, 0.4, 40, micro_batches=2, limit=0.9, compensation=DelayCompensation(**compensation))[-1]
    assert got == pytest.approx(weight, rel=1e-5)


def _by(compensation: dict[str, Any]) -> dict[str, Any]:
    return {"delay_compensation": compensation}


def _by_each_micro_batch(alpha_lambda: float, limit: float) -> float:
    """Descend by each micro-batch of half a mini-batch as it comes, as devices do."""
    weights = [1.0]
    for k in range(40):
        late = min(k, 3)
        bound = limit * (2 * late + 1) ** -0.5
        gradient = np.clip(CURVATURE * weights[k - late], -bound, bound) / 2
        weights.append(weights[-1] - alpha_lambda / CURVATURE * gradient)
    return weights[-1]


def test_an_unstable_rate_swings_within_the_bound_and_diverges_without() -> None:
    """alpha lambda of 1.5 at a delay of 3, where the limit is 0.445."""
    run = partial(simulated, 3, 1.5, 400, evaluate_every=40, gradient_clipping={"limit": 0.2})
    bounded = run(delay_compensation={"exponent": 0, "clipping_exponent": 1}).learning.train_loss
    assert bounded.iloc[-1] <= (4 * 1.5 / CURVATURE * 0.2 / 7) ** 2
    assert bounded.iloc[-1] > 1e-4  # It is unstable, all the same.
    assert run().learning.train_loss.iloc[-1] > bounded.iloc[-1]
    assert simulated(3, 1.5, 40).learning.train_loss.iloc[-1] > 1e3


@pytest.mark.parametrize("micro_batches", [1, 2])
@pytest.mark.parametrize("tau", [0, 2, 5])
@pytest.mark.parametrize("where", ["array", "digital unit"])
def test_momentum_falls_with_the_steps_that_gradients_are_late(where: str, tau: int, micro_batches: int) -> None:
    settings: dict[str, Any] = {"algorithm": SGD}
    if where == "digital unit":
        settings = {"layer": DIGITAL, "digital_optimizer": {"momentum": 0.8}}
    run = partial(trained, tau, 0.05, 40, micro_batches=micro_batches, **settings)
    model = partial(predicted, tau, 0.05, 40, micro_batches=micro_batches, momentum=0.8)
    corrected = model(kept=partial(momentum_left, 0.8))[-1]
    assert run(delay_compensation={"exponent": 0, "momentum_correction": True}) == pytest.approx(corrected, rel=1e-5)
    plain = model()[-1]
    assert run() == pytest.approx(plain, rel=1e-5)
    assert tau == 0 or corrected != pytest.approx(plain, rel=1e-2)


def test_a_rate_that_is_stable_with_momentum_stays_so_with_a_delay_where_momentum_is_corrected() -> None:
    """Momentum 0.8 is 4 steps old in the mean, the limit of its rate by that age 2 (1 - 0.8) sin(pi / 18)."""
    rate = 0.99 * 2 * 0.2 * math.sin(math.pi / 18)
    run = partial(simulated, 4, rate, 1000, evaluate_every=100, algorithm=SGD)
    corrected = run(delay_compensation={"exponent": 0, "momentum_correction": True}).learning.train_loss
    assert corrected.iloc[-1] < 1e-6 * corrected.iloc[0]
    as_it_was = run().learning.train_loss
    assert as_it_was.iloc[-1] > 1e3 * as_it_was.iloc[0]


def test_a_mixed_precision_accumulator_has_its_momentum_corrected() -> None:
    """The weight follows to within a few pulses of the device."""
    algorithm = {"kind": "mixed-precision", "momentum": 0.8, "transfer_every": 1, "writing": "exact"}
    spread = {"dw_min_dtod": 0, "dw_min_std": 0, "w_max_dtod": 0, "w_min_dtod": 0, "up_down_dtod": 0}
    device = {"kind": "constant-step", "dw_min": 4e-3, "w_max": 2, "w_min": -2, **spread}
    settings = {"layer": {"device": device, "algorithm": algorithm}}
    got = trained(4, 0.05, 40, delay_compensation={"exponent": 0, "momentum_correction": True}, **settings)
    corrected = predicted(4, 0.05, 40, momentum=0.8, kept=partial(momentum_left, 0.8))[-1]
    assert got == pytest.approx(corrected, abs=2e-2)
    assert corrected != pytest.approx(predicted(4, 0.05, 40, momentum=0.8)[-1], abs=5e-2)


@pytest.mark.parametrize("mode", ["numerics", "coupled"])
@pytest.mark.parametrize("layer", [None, DIGITAL], ids=["array", "digital unit"])
def test_a_pause_changes_nothing(layer: dict[str, Any] | None, mode: str, tmp_path: Path) -> None:
    """Also one in the middle of a mini-batch, while gradients are on their way whose delay is being counted."""
    run = partial(
        simulated,
        3,
        0.05,
        24,
        layer=layer,
        micro_batches=2,
        algorithm=SGD,
        digital_optimizer={"momentum": 0.8},
        gradient_clipping={"limit": 0.5},
        delay_compensation={"clipping_exponent": 1, "momentum_correction": True},
        run={"mode": mode, "checkpoint_every": 1},
    )
    whole, asked = run(), count()
    with pytest.raises(Interrupted):
        run(options={"workspace": tmp_path / "run", "interrupted": lambda: next(asked) >= 57})
    again = run(options={"workspace": tmp_path / "run", "resume": True})
    assert again.weights["layer0"] == whole.weights["layer0"]
    assert again.metrics == whole.metrics


@pytest.mark.parametrize("layer", [None, DIGITAL], ids=["array", "digital unit"])
def test_gradients_on_time_are_applied_as_without_compensation_bit_for_bit(layer: dict[str, Any] | None) -> None:
    settings = {"algorithm": SGD, "digital_optimizer": {"momentum": 0.8}, "gradient_clipping": {"limit": 0.3}}
    compensation = {"exponent": 0.7, "clipping_exponent": 1.3, "momentum_correction": True}
    run = partial(trained, 0, 0.3, 30, layer=layer, micro_batches=2, **settings)
    assert run(delay_compensation=compensation) == run()


def test_what_would_have_no_effect_is_refused_or_told() -> None:
    with pytest.raises(InputError, match=r"no bound of gradients.*"):
        simulated(1, 0.1, 4, delay_compensation={"clipping_exponent": 1})
    with pytest.raises(InputError, match="nothing is trained with momentum"):
        simulated(1, 0.1, 4, delay_compensation={"momentum_correction": True})
    # The momentum of Tiki-Taka is that of its buffer.
    with pytest.raises(InputError, match="nothing is trained with momentum"):
        simulated(1, 0.1, 4, algorithm={"preset": "ttv2"}, delay_compensation={"momentum_correction": True})
    exact = archsim.prepare("pipeline_unit", ["schedule.kind=synchronous", "training.delay_compensation={}"])
    assert any("no gradient" in text for text in exact.warnings)
    late = archsim.prepare("pipeline_unit", ["schedule.kind=asynchronous", "training.delay_compensation={}"])
    assert not any("no gradient" in text for text in late.warnings)
    for kind, counted in (("asynchronous", False), ("synchronous", False), ("zb-h1", True), ("zb-h2", True)):
        sets = [f"schedule.kind={kind}", "schedule.micro_batches=5", "training.delay_compensation={}"]
        warned = archsim.prepare("mlp_digits", sets).warnings
        assert any("counts all updates" in text for text in warned) == counted
