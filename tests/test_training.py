"""The learning rate of each mini-batch, by its closed forms; and that runs follow it under every schedule."""

from __future__ import annotations

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.training import TrainingSpecification
from tests.sensitivity.bases import base, small_data

PER_EPOCH = 10


def rates(count: int, **schedule: object) -> np.ndarray:
    training = TrainingSpecification.model_validate({"learning_rate": 0.8, "learning_rate_schedule": schedule})
    return np.array([training.rate(k, per_epoch=PER_EPOCH) for k in range(count)])


def test_the_warm_up_is_a_line_to_the_full_rate() -> None:
    assert rates(8, kind="constant", warm_up=4) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8])
    assert rates(3, kind="constant").tolist() == [0.8] * 3


def test_steps_are_powers_of_the_factor() -> None:
    found = rates(60, kind="step", epochs=2, factor=0.5)
    assert found.tolist() == [0.8] * 20 + [0.4] * 20 + [0.2] * 20
    warm = rates(60, kind="step", epochs=2, factor=0.5, warm_up=30)
    assert warm == pytest.approx(found * np.minimum(1, np.arange(1, 61) / 30))


@pytest.mark.parametrize(("warm_up", "final"), [(0, 0.0), (5, 0.0), (5, 0.25)])
def test_the_cosine_falls_from_the_full_rate_to_the_final_one(warm_up: int, final: float) -> None:
    found = rates(40, kind="cosine", epochs=3.5, warm_up=warm_up, final_factor=final) / 0.8
    assert found[:warm_up] == pytest.approx(np.arange(1, warm_up + 1) / max(1, warm_up))
    assert found[warm_up] == pytest.approx(1)
    assert found[35:] == pytest.approx([final] * 5)
    # cos(2a) = 2 cos(a)^2 - 1 gives the same curve as a square.
    phase = (np.arange(warm_up, 35) - warm_up) / (35 - warm_up) * np.pi / 2
    assert found[warm_up:35] == pytest.approx(final + (1 - final) * np.cos(phase) ** 2)


def test_a_cosine_shorter_than_its_warm_up_is_at_its_end_then() -> None:
    assert rates(6, kind="cosine", epochs=0.3, warm_up=5)[3:] == pytest.approx([0, 0, 0])


def test_the_old_key_is_refused_with_its_new_name() -> None:
    with pytest.raises(InputError, match="it is called 'learning_rate_schedule' now"):
        archsim.load_experiment(base(training={"learning_rate_step": {"epochs": 1, "factor": 0.5}}))


def test_schedules_see_the_same_rates() -> None:
    data = small_data()
    schedule = {"kind": "cosine", "epochs": 2, "warm_up": 2, "final_factor": 0.1}
    training = {"algorithm": "digital-sgd", "epochs": 2, "max_mini_batches": None, "learning_rate_schedule": schedule}
    found = [
        archsim.simulate(
            base(training=training, schedule={"kind": kind, "stages": stages}), mode="numerics", data=data
        ).weights
        for kind, stages in (("sequential", 1), ("synchronous", 2), ("gpipe", 2))
    ]
    for other in found[1:]:
        assert all(np.array_equal(other[name], array) for name, array in found[0].items())
