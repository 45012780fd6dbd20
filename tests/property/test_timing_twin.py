"""A run without numbers takes the time, and counts the operations, of a run with numbers that depends on no number."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import archsim
from archsim.chip.counts import CountKey
from archsim.data import DataSet
from archsim.errors import DoesNotFit

MINI_BATCHES = 4
#: These write a line, or do not, as the numbers want it; either takes one slot.
WRITE_AS_WANTED = ("buffered-transfer", "chopped-transfer", "dynamic-transfer", "rlv2", "mixed-precision")
#: What is counted of writes. Pulses always depend on the numbers.
OF_WRITES = {("array", "cell_write"), ("pulse_driver", "write_row"), ("pulse_driver", "write_column")}
READ_TYPES = st.sampled_from(["one-pass", "pos-neg-separate", "pos-neg-separate-digital-sum"])


def chains(*, perfect: bool = True, managed: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Read chains without bound management; without quantisation no line of a transfer reads as zero."""
    return st.fixed_dictionaries(
        {
            "mv_type": READ_TYPES,
            "is_perfect": st.booleans() if perfect else st.just(False),
            "bound_management": st.just("none"),
            "noise_management": st.just("none") if managed else st.sampled_from(["none", "abs-max", "average-abs-max"]),
        }
    )


def trains() -> st.SearchStrategy[dict[str, Any]]:
    """Pulse trains whose length is fixed, or which are not there."""
    lengths = st.integers(1, 5).map(lambda slots: {"desired_bl": slots, "update_bl_management": False})
    single = st.just({"desired_bl": 1})
    types = st.sampled_from(
        ["stochastic-compressed", "stochastic-reuse", "mean-count", "deterministic-implicit", "none-with-device"]
    )
    return st.builds(
        lambda length, pulse_type: {**length, "pulse_type": pulse_type, "expected_bl": None}, lengths | single, types
    )


def single_devices() -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(["constant-step", "soft-bounds", "linear-step", "pow-step"]).map(lambda kind: {"kind": kind})


def devices() -> st.SearchStrategy[dict[str, Any]]:
    """Devices, alone and in cells of several; pairs are read for a refresh and never need one."""
    ups = st.just({"kind": "soft-bounds", "w_min": 0.0})
    return st.one_of(
        single_devices(),
        st.builds(
            lambda device, every, unit: {
                "kind": "one-sided",
                "device": device,
                "refresh_every": every,
                "units_in_mbatch": unit,
                "refresh_upper_thres": 1e6,
            },
            ups,
            st.integers(0, 3),
            st.booleans(),
        ),
        st.builds(
            lambda parts, policy: {"kind": "vector", "devices": parts, "update_policy": policy},
            st.lists(single_devices(), min_size=1, max_size=3),
            st.sampled_from(["all", "single-fixed", "single-sequential", "single-random"]),
        ),
        st.builds(
            lambda one, two: {"kind": "reference-cell", "device": one, "reference": two}, *[single_devices()] * 2
        ),
    )


@st.composite
def algorithms(draw: st.DrawFn) -> dict[str, Any]:
    """Training algorithms, their transfers at any rhythm."""
    kind = draw(
        st.sampled_from(
            [
                "analog-sgd",
                "digital-sgd",
                "tiki-taka",
                "residual-learning",
                "stochastic-hamiltonian-descent",
                "hardware-aware",
                *WRITE_AS_WANTED,
            ]
        )
    )
    found: dict[str, Any] = {"kind": kind}
    if kind in ("analog-sgd", "digital-sgd", "hardware-aware"):
        return found
    if kind == "mixed-precision":
        return found | {
            "transfer_every": draw(st.integers(1, 2)),
            "n_rows_per_transfer": draw(st.none() | st.integers(1, 9)),
        }
    found["update"] = draw(st.none() | trains())
    found["transfer_io"] = draw(st.none() | chains(perfect=False))
    found["transfer_every"] = draw(st.integers(1, 5))
    if kind in ("tiki-taka", "residual-learning", "stochastic-hamiltonian-descent"):
        found["transfer_update"] = draw(st.none() | trains())
    if kind in ("tiki-taka", "buffered-transfer"):
        found |= {
            "n_devices": draw(st.integers(2, 3)),
            "units_in_mbatch": draw(st.booleans()),
            "n_reads_per_transfer": draw(st.integers(1, 4)),
        }
    if kind in ("residual-learning", "rlv2", "stochastic-hamiltonian-descent"):
        found["n_reads_per_transfer"] = draw(st.none() | st.integers(1, 4))
    if kind in ("chopped-transfer", "dynamic-transfer"):
        found |= {"units_in_mbatch": draw(st.booleans()), "n_reads_per_transfer": draw(st.integers(1, 4))}
    return found


@st.composite
def chips(draw: st.DrawFn, algorithm: str, managed: bool) -> dict[str, Any]:
    """Tiles that cut every larger matrix, shared units of any speed, buffers that may hold inputs back."""

    def ns(low: int, high: int) -> str:
        return f"{draw(st.integers(low, high))} ns"

    needs_pulses = algorithm in WRITE_AS_WANTED
    return {
        "preset": draw(st.sampled_from(["reram-1024", "rpu-512"])),
        "node_tiles": draw(st.integers(1, 3)),
        "tile": {
            "rows": draw(st.integers(3, 9)),
            "columns": draw(st.integers(3, 9)),
            "double_buffered": draw(st.booleans()),
            "integration_time": ns(0, 50),
            "update_fixed_time": ns(0, 50),
            "pulse_time": ns(0, 9),
            "phases": draw(st.integers(1, 2)),
        },
        "dac": {"bits": None, "fixed_time": ns(0, 30)},
        "adc": {"bits": None, "fixed_time": ns(0, 30), "per_tile": draw(st.none() | st.integers(1, 4))},
        "io": draw(chains(perfect=False, managed=managed)),
        "backward_io": draw(st.none() | chains()),
        "update": draw(trains()),
        "device": draw(devices() if needs_pulses else devices() | st.just({"kind": "ideal"})),
        "nmpu": {"lanes": draw(st.integers(1, 9)), "pipeline_cycles": draw(st.integers(0, 3))},
        "buffer": {
            "capacity": draw(st.none() | st.integers(40, 400).map(lambda size: f"{size} B")),
            "bytes_per_cycle": draw(st.integers(1, 8)),
        },
        "interconnect": {"bytes_per_cycle": draw(st.integers(1, 8))},
        "host": {"bytes_per_cycle": draw(st.integers(1, 8)), "prefetch": draw(st.integers(1, 3))},
    }


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Experiments in which no time and no count depends on a number."""
    sizes = draw(st.lists(st.integers(3, 9), min_size=2, max_size=4))
    algorithm = draw(algorithms())
    managed = draw(st.booleans())
    layers: list[dict[str, Any]] = []
    for index, size in enumerate(sizes[1:]):
        layer = {"name": f"fc{index}", "kind": "linear", "features": size, "bias": draw(st.booleans())}
        if managed:
            layer["scaling"] = {"input_range": {"init_from_data": 0, "learn_input_range": draw(st.booleans())}}
        layers += [layer, {"name": f"act{index}", "kind": draw(st.sampled_from(["tanh", "sigmoid"]))}]
    vectors, micro_batches = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["sequential", "gpipe", "synchronous", "asynchronous", "inference"]))
    update = None if kind == "inference" else draw(st.sampled_from([None, "immediate", "deferred"]))
    return {
        "network": {"input_shape": [sizes[0]], "layers": layers, "loss": "mean-squared-error"},
        "chip": draw(chips(algorithm["kind"], managed)),
        "data": {"samples": MINI_BATCHES * micro_batches * vectors},
        "training": {"algorithm": algorithm, "learning_rate": 1e-5, "mini_batch": micro_batches * vectors},
        "schedule": {
            "kind": kind,
            "stages": draw(st.integers(1, len(sizes) - 1)),
            "micro_batches": micro_batches,
            "update": update,
        },
    }


def samples(document: dict[str, Any]) -> DataSet:
    random = np.random.default_rng(7)
    inputs, outputs = document["network"]["input_shape"][0], document["network"]["layers"][-2]["features"]
    count = document["data"]["samples"]
    x, y = (random.uniform(0.1, 1, (count, size)).astype(np.float32) for size in (inputs, outputs))
    return DataSet("uniform", x, y, x, y, None)


def counted(run: archsim.Run, algorithm: str) -> dict[CountKey, int]:
    """Return the operations that no number decides on."""
    free = {("array", "coincidence")} | (OF_WRITES if algorithm in WRITE_AS_WANTED else set())
    return {key: n for key, n in run.observations.counts.items() if (key.component, key.operation) not in free and n}


@given(documents())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_timing_is_coupled_where_nothing_depends_on_data(document: dict[str, Any]) -> None:
    try:
        timing = archsim.simulate(document | {"run": {"mode": "timing"}})
    except DoesNotFit:
        assume(False)
    coupled = archsim.simulate(document | {"run": {"mode": "coupled"}}, data=samples(document))
    algorithm = document["training"]["algorithm"]["kind"]
    assert timing.metrics["makespan_ps"] == coupled.metrics["makespan_ps"]
    assert counted(timing, algorithm) == counted(coupled, algorithm)
    one, other = timing.observations, coupled.observations
    for name in ("units", "idle_ps", "reads", "read_vectors", "update_slots", "update_vectors", "events", "staleness"):
        assert getattr(one, name) == getattr(other, name), name
    assert timing.timeline.equals(coupled.timeline)
