"""A digital scale behind the crossbars leaves what is learned alone, in a whole run."""

import pytest

import archsim

DOCUMENT = {
    "network": {
        "input_shape": [64],
        "layers": [
            {"name": "a", "kind": "linear", "features": 32},
            {"name": "bend", "kind": "tanh"},
            {"name": "b", "kind": "linear", "features": 10},
        ],
    },
    "chip": {"preset": "reram-1024", "device": "ideal", "io": {"is_perfect": True}, "tile": {"rows": 40}},
    "training": {"learning_rate": 0.1, "mini_batch": 10, "epochs": 1},
    "schedule": {"kind": "synchronous"},
    "run": {"mode": "numerics"},
}


def trained(scaling):
    layers = [
        layer | ({"scaling": scaling} if layer["kind"] == "linear" else {}) for layer in DOCUMENT["network"]["layers"]
    ]
    return archsim.simulate(DOCUMENT | {"network": DOCUMENT["network"] | {"layers": layers}})


def test_a_run_learns_the_same_with_any_scale():
    plain = trained(None)
    assert plain.metrics["accuracy"] > 0.8
    for omega in (0.1, 1.0, 3.0):
        for columnwise in (True, False):
            run = trained({"weight_scaling_omega": omega, "columnwise": columnwise})
            assert run.metrics["loss"] == pytest.approx(plain.metrics["loss"], rel=1e-3), (omega, columnwise)
            assert run.metrics["accuracy"] == pytest.approx(plain.metrics["accuracy"], abs=0.006)
