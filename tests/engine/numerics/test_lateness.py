"""How late gradients come is counted, stage by stage, from the actions alone."""

from __future__ import annotations

import pytest

from archsim.engine.numerics.lateness import Lateness
from archsim.schedule import PipelineShape, Schedule, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification
from archsim.training import DelayCompensation, TrainingSpecification


def made(kind: str, shape: PipelineShape) -> Schedule:
    settings = kind_of(ScheduleSpecification(kind=kind)).Settings
    written = settings.model_validate({"kind": kind, "micro_batches": shape.micro_batches})
    return make_schedule(written, shape.stages, shape.mini_batches)


def counted(schedule: Schedule, stage: int) -> list[int]:
    lateness, late = Lateness(schedule.shape), {}
    for action in schedule.stage(stage):
        if action.kind == "F":
            lateness.forward(stage, action.micro_batch)
        elif action.kind == "U":
            lateness.update(stage, action)
            late |= {k: lateness.of(stage, k) for k in action.micro_batches}
            lateness.release(stage, action)
            assert lateness.of(stage, action.micro_batch) == late[action.micro_batch]  # For transfers that follow.
    return [late[k] for k in range(schedule.shape.total)]


@pytest.mark.parametrize("stage", range(4))
def test_of_each_kind_as_its_rule_says(stage: int) -> None:
    shape = PipelineShape(stages=4, mini_batches=2, micro_batches=5)
    assert counted(made("asynchronous", shape), stage) == [min(k, 3 - stage) for k in range(10)]
    assert counted(made("synchronous", shape), stage) == [0] * 10
    assert counted(made("hybrid", shape), stage) == [min(k, 3 - stage) for k in range(5)] + [0] * 5
    # A U of zb-h1 is put off: all of the mini-batch that are applied before it count, but those before its forward.
    ahead = 4 - stage
    first_met = [max(0, k - ahead + 1 - stage) for k in range(5)]
    assert counted(made("zb-h1", shape), stage) == [k - first_met[k] for k in range(5)] * 2


@pytest.mark.parametrize("stage", range(4))
def test_steps_at_the_end_of_a_mini_batch_are_late_in_the_mean_over_it(stage: int) -> None:
    shape = PipelineShape(stages=4, mini_batches=4, micro_batches=2)
    for kind in ("asynchronous", "synchronous"):
        lateness, late = Lateness(shape), []
        for action in made(kind, shape).stage(stage):
            if action.kind == "F":
                lateness.forward(stage, action.micro_batch)
            elif action.kind == "U":
                lateness.update(stage, action)
                if action.micro_batch % 2:
                    late.append(lateness.steps_of(stage, action.micro_batch))
                lateness.release(stage, action)
        met = [(k - min(k, 3 - stage)) // 2 for k in range(8)]
        asynchronous = [sum(n - step for step in met[2 * n : 2 * n + 2]) / 2 for n in range(4)]
        assert late == (asynchronous if kind == "asynchronous" else [0] * 4)


def test_the_share_of_the_learning_rate() -> None:
    training = TrainingSpecification(
        learning_rate=0.5, delay_compensation=DelayCompensation(exponent=0.5, annealing_mini_batches=10)
    )
    assert training.rate(0, 0, per_epoch=1) == 0.5
    assert training.rate(0, 4, per_epoch=1) == pytest.approx(0.5 / 3)
    assert training.rate(5, 4, per_epoch=1) == pytest.approx(0.5 / 9**0.25)
    assert training.rate(10, 4, per_epoch=1) == training.rate(99, 4, per_epoch=1) == 0.5
