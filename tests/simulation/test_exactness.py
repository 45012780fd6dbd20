"""Under a schedule that accumulates, what an algorithm says of its updates is what the weights show."""

from __future__ import annotations

import numpy as np
import pytest

import archsim
from archsim.simulation import prepare, updates_seen

SETS = ("training.max_mini_batches=3", "training.mini_batch=8", "run.mode=numerics", "schedule.micro_batches=4")


@pytest.mark.parametrize(
    ("algorithm", "when"),
    [
        ("mixed-precision", "end"),
        ("{kind: tiki-taka, transfer_every: 1, units_in_mbatch: true}", "end"),
        ("{kind: buffered-transfer, transfer_every: 1, units_in_mbatch: true}", "end"),
        ("{kind: chopped-transfer, transfer_every: 1, units_in_mbatch: true}", "end"),
        ("{kind: dynamic-transfer, transfer_every: 1, units_in_mbatch: true}", "end"),
        ("{kind: stochastic-hamiltonian-descent, transfer_every: 8}", "end"),
        ("{kind: residual-learning, gamma: 0, transfer_every: 8}", "end"),
        ("{kind: digital-sgd, momentum: 0.9}", "end"),
        ("{kind: hardware-aware, momentum: 0.9}", "end"),
        ("{kind: tiki-taka, transfer_every: 2, units_in_mbatch: false}", "transfers"),
        ("{kind: tiki-taka, gamma: 0.1, transfer_every: 1, units_in_mbatch: true}", "at once"),
        ("{kind: residual-learning, transfer_every: 8}", "at once"),
        ("analog-sgd", "at once"),
        ("digital-sgd", "at once"),
        ("hardware-aware", "at once"),
    ],
)
def test_updates_seen_at_the_end_give_the_weights_without_a_pipeline(algorithm: str, when: str) -> None:
    weights = {}
    for kind in ("sequential", "zb-h2"):
        sets = [*SETS, f"schedule.kind={kind}", f"training.algorithm={algorithm}"]
        assert updates_seen(prepare("mlp_digits", sets).layout).when == when
        weights[kind] = archsim.simulate(archsim.load_experiment("mlp_digits", sets)).weights
    names = weights["sequential"].keys()
    same = all(np.array_equal(weights["sequential"][name], weights["zb-h2"][name]) for name in names)
    assert same == (when == "end")
