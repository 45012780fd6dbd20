"""Random small networks on random devices: exact schedules, threads and pauses leave every bit of a run as it is.

Training by random algorithms, with noise, in random arithmetic, on tiles that cut matrices. The run with which others
are compared does one micro-batch after the other in one stage, without a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim import DataSet, Run
from archsim.simulation import Interrupted
from tests.random_cases import tried

#: The shape of inputs, layers, and whether each position has a target.
Network = tuple[list[int], list[dict[str, Any]], bool]


def conv(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1, **more}


def linear(name: str, features: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "linear", "features": features, **more}


IMAGES: Network = (
    [2, 6, 6],
    [
        conv("stem"),
        {"name": "norm", "kind": "batch-norm"},
        {"name": "a", "kind": "relu"},
        {"name": "drop", "kind": "dropout", "probability": 0.3},
        conv("grouped", groups=2, scaling={"learn_out_scaling": True}),
        {"name": "folded", "kind": "batch-norm", "folded": True},
        {"name": "b", "kind": "tanh"},
        {"name": "sum1", "kind": "add", "inputs": ["b", "a"]},
        {"name": "by-group", "kind": "group-norm", "groups": 2},
        conv("half", stride=2),
        {"name": "c", "kind": "hard-swish"},
        conv("around", stride=2, inputs=["sum1"]),
        {"name": "sum2", "kind": "add", "inputs": ["c", "around"]},
        {"name": "mean", "kind": "global-average-pool"},
        linear("out", 3),
    ],
    False,
)
TOKENS: Network = (
    [5],
    [
        {"name": "embed", "kind": "embedding", "vocabulary": 6, "features": 4},
        {"name": "both", "kind": "gru", "features": 3, "bidirectional": True},
        {"name": "drop", "kind": "dropout", "probability": 0.2},
        {"name": "cell", "kind": "lstm", "features": 3, "scaling": {"learn_out_scaling": True}},
        {"name": "norm", "kind": "rms-norm"},
        linear("out", 6),
    ],
    True,
)
ATTENTION: Network = (
    [5],
    [
        {"name": "embed", "kind": "embedding", "vocabulary": 6, "features": 4},
        {"name": "position", "kind": "position-embedding"},
        {"name": "norm", "kind": "layer-norm"},
        *(linear(name, 4, inputs=["norm"]) for name in "qkv"),
        {"name": "attend", "kind": "attention", "heads": 2, "causal": True, "inputs": ["q", "k", "v"]},
        linear("project", 4),
        {"name": "sum", "kind": "add", "inputs": ["project", "position"]},
        linear("wide", 6),
        {"name": "bend", "kind": "gelu"},
        linear("out", 6),
    ],
    True,
)
ALGORITHMS = [
    *("analog-sgd", "tiki-taka", "tiki-taka-v2", "ttv2-paper", "c-ttv2", "c-ttv2-reram", "agad-reram"),
    *("residual-learning", "rlv2", "stochastic-hamiltonian-descent", "hardware-aware", "mixed-precision-kit"),
    {"kind": "mixed-precision", "momentum": 0.5},
    {"kind": "digital-sgd", "momentum": 0.9, "weight_decay": 0.01},
]
DEVICES = ["ecram", "soft-bounds", "reram-sb", "reram-es", "idealized", "one-sided", "pcm", "vector", "reference-cell"]
ARITHMETICS = [
    *("float32", "float16"),
    *({"kind": "fixed-point", "rounding": rounding} for rounding in ("nearest", "truncate", "stochastic")),
]


def samples(network: Network) -> DataSet:
    """Return 24 to train on and 8 to test on."""
    (shape, _, sequences), draw = network, np.random.default_rng(5)
    if sequences:
        tokens = draw.integers(0, 6, (32, shape[0] + 1))
        inputs, targets, classes = tokens[:, :-1].astype(np.float32), tokens[:, 1:], 6
    else:
        inputs, targets, classes = draw.normal(size=(32, *shape)).astype(np.float32), draw.integers(0, 3, 32), 3
    return DataSet("random", inputs[:24], targets[:24], inputs[24:], targets[24:], classes)


@st.composite
def held_digitally(draw: st.DrawFn, layer: dict[str, Any]) -> dict[str, str]:
    """Let digital units hold some of the matrices."""
    can = layer["kind"] in ("conv2d", "linear", "gru", "lstm") and "scaling" not in layer
    return {"placement": "digital"} if can and draw(st.integers(0, 3)) == 0 else {}


@st.composite
def experiments(draw: st.DrawFn) -> tuple[Network, dict[str, Any]]:
    """All but the schedule."""
    network = draw(st.sampled_from([IMAGES, TOKENS, ATTENTION]))
    micro_batches = draw(st.integers(1, 3))
    training: dict[str, Any] = {
        "algorithm": draw(st.sampled_from(ALGORITHMS)),
        "learning_rate": 0.3,
        "mini_batch": micro_batches * draw(st.integers(2, 4)),
        "epochs": 3,
        "max_mini_batches": draw(st.integers(2, 4)),
    }
    layers = [layer | draw(held_digitally(layer)) for layer in network[1]]
    sections = {}
    if network is TOKENS and not 24 % training["mini_batch"] and draw(st.booleans()):
        # A sample begins with the state in which the one before it in its stream ended.
        layers = [layer | {"stateful": True} if layer["name"] == "cell" else layer for layer in layers]
        sections["data"] = {"order": "streams"}
    if draw(st.booleans()):
        optimizer = {"momentum": draw(st.sampled_from([0.0, 0.9])), "weight_decay": draw(st.sampled_from([0.0, 0.01]))}
        training["digital_optimizer"] = optimizer
    if draw(st.booleans()):
        training["gradient_clipping"] = {"by": draw(st.sampled_from(["norm", "value"])), "limit": 0.5}
    chip = {
        "preset": draw(st.sampled_from(["reram-1024", "rpu-512"])),
        "device": draw(st.sampled_from(DEVICES)),
        "tile": {"rows": draw(st.sampled_from([7, 64])), "columns": draw(st.sampled_from([5, 64]))},
        "nmpu": {"arithmetic": draw(st.sampled_from(ARITHMETICS))},
        "buffer": {"element_bits": 16},
    }
    return network, sections | {
        "network": {"input_shape": network[0], "layers": layers},
        "chip": chip,
        "training": training,
        "schedule": {"micro_batches": micro_batches, "update": "deferred"},
        "run": {"seed": draw(st.integers(0, 99)), "evaluate_every": 2, "timeline": False, "checkpoint_every": 1},
    }


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "kind": draw(st.sampled_from(["sequential", "gpipe", "synchronous"])),
        "stages": draw(st.integers(1, 3)),
        "overlap": draw(st.sampled_from(["none", "layers", "stages"])),
        "chunk_vectors": draw(st.sampled_from([None, 1, 3, 10])),
    }


def assert_equal_bits(one: Run, other: Run) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name], err_msg=name)
    for column in ("train_loss", "test_accuracy"):
        np.testing.assert_array_equal(one.learning[column], other.learning[column])


@given(experiments(), schedules(), st.sampled_from(["coupled", "coupled", "numerics"]), st.integers(1, 3), st.data())
@tried(5)
def test_exact_schedules_and_pauses_change_no_bit(
    what: tuple[Network, dict[str, Any]], schedule: dict[str, Any], mode: str, threads: int, data: st.DataObject
) -> None:
    network, document = what
    asked = 0

    def run(changes: dict[str, Any], mode: str, threads: int, **more: Any) -> Run:
        sections = {"schedule": document["schedule"] | changes, "run": document["run"] | {"threads": threads}}
        return archsim.simulate(document | sections, mode=mode, data=samples(network), **more)

    def until(event: int) -> Callable[[], bool]:
        def interrupted() -> bool:
            nonlocal asked
            asked += 1
            return asked >= event

        return interrupted

    # However small parts are here, threads share them.
    with patch("archsim.engine.numerics.coupling._WORTH_SHARING", 0), TemporaryDirectory() as folder:
        expected = run({"kind": "sequential", "stages": 1}, "numerics", 1)
        whole = run(schedule, mode, threads, interrupted=until(10**9))
        assert_equal_bits(whole, expected)
        paused, asked = data.draw(st.integers(1, asked)), 0
        with suppress(Interrupted):
            run(schedule, mode, 4 - threads, workspace=Path(folder), interrupted=until(paused))
        again = run(schedule, mode, threads, workspace=Path(folder), resume=True)
        assert_equal_bits(again, expected)
        assert again.metrics == whole.metrics
