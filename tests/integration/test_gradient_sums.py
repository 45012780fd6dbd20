"""A value that several nodes read: the sum of what they hand back does not depend on which of them is done first."""

from __future__ import annotations

import numpy as np
import pytest

from archsim import Run

from .experiments import digits

#: A value of one layer is read by branches of one, two and three layers, whose sum the last layer reads. The longest
#: branch is listed last, so that its gradient is the first to be summed and the last to come.
BRANCHES = (
    "network={input_shape: [64], layers: [{name: a, kind: linear, features: 24}, {name: v, kind: tanh}, "
    "{name: p, kind: linear, features: 24, inputs: [v]}, "
    "{name: q1, kind: linear, features: 60, inputs: [v]}, {name: q2, kind: linear, features: 24}, "
    "{name: r1, kind: linear, features: 60, inputs: [v]}, {name: r2, kind: linear, features: 60}, "
    "{name: r3, kind: linear, features: 24}, "
    "{name: pq, kind: add, inputs: [p, q2]}, {name: pqr, kind: add, inputs: [pq, r3]}, "
    "{name: d, kind: linear, features: 10}]}",
    "training.max_mini_batches=6",
)


def same_numbers(one: Run, other: Run) -> bool:
    return all((one.weights[name] == other.weights[name]).all() for name in one.weights)


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("kind", ["gpipe", "asynchronous"])
def test_sums_of_gradients_do_not_follow_the_clock(kind: str, stages: int) -> None:
    settings = (*BRANCHES, f"schedule.kind={kind}", f"schedule.stages={stages}", "schedule.micro_batches=3")
    untimed = digits(*settings, mode="numerics")
    for speeds in (
        (),
        ("chip.adc.per_tile=1", "chip.nmpu.clock=20 GHz"),
        ("chip.nmpu.clock=20 MHz", "schedule.overlap=layers", "schedule.chunk_vectors=1"),
    ):
        timed = digits(*settings, *speeds)
        assert same_numbers(untimed, timed)
        assert np.array_equal(untimed.learning.train_loss, timed.learning.train_loss)


def test_branches_end_in_another_order_than_they_are_summed() -> None:
    run = digits(*BRANCHES, "schedule.stages=1")
    table = run.timeline
    backward = table[(table.action == "B") & table.unit.str.startswith("tile") & (table.micro_batch == 0)]
    ends = backward.groupby("layer", observed=True).end_ps.max()
    assert ends["p"] < ends["q1"] < ends["r1"]
