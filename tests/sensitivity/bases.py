"""Small experiments in which, together, every key should act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from archsim import DataSet

Document = dict[str, Any]
Place = tuple[str, ...]

_LAYERS = [
    {"name": "a", "kind": "linear", "features": 5},
    {"name": "t", "kind": "tanh"},
    {"name": "b", "kind": "linear", "features": 4},
]
_SOFT = {"kind": "soft-bounds", "dw_min": 0.02}
#: What makes cells differ, signs included, and change by themselves.
_LIFE = {
    "dw_min": 0.02,
    "dw_min_dtod": 1.5,
    "dw_min_std": 0.5,
    "w_max_dtod": 0.8,
    "w_min_dtod": 0.8,
    "write_noise_std": 0.1,
    "lifetime": 20.0,
    "lifetime_dtod": 0.2,
    "diffusion": 0.01,
    "diffusion_dtod": 0.2,
    "corrupt_devices_prob": 0.1,
    "drift": {"nu": 0.1, "nu_dtod": 0.1},
}
_DEVICES: dict[str, Document] = {
    "constant-step": {},
    "linear-step": {"reverse_up": True, "mult_noise": True},
    "soft-bounds": {},
    "soft-bounds-reference": {},
    "soft-bounds-pmax": {},
    "exp-step": {},
    "pow-step": {},
    "pow-step-reference": {"n_estimation_steps": 20, "subtract_symmetry_point": True},
    "piecewise-step": {},
    "linear-response": {},
    "power-response": {},
    "exponential-response": {},
}
_ALGORITHMS = (
    "tiki-taka",
    "ttv2",
    "c-ttv2",
    "agad",
    "residual-learning",
    "rlv2",
    "stochastic-hamiltonian-descent",
    "mixed-precision",
)
_EAGER: dict[str, Document] = {
    "agad": {"in_chop_prob": 0.5, "transfer_every": 1},
    "c-ttv2": {"in_chop_prob": 0.5, "out_chop_prob": 0.5, "transfer_every": 1},
    "ttv2": {"transfer_every": 1},
    "tiki-taka": {"transfer_every": 1},
}
_LONG = {"max_mini_batches": 30, "epochs": 10, "learning_rate": 2}
#: Settings without which others have nothing to act on.
_OTHERWISE: tuple[Document, ...] = (
    {"preset": "tiki-taka-v2", "transfer_every": 2, "fast_lr": 0.3},
    *(_EAGER[name] | {"preset": name, "buffer_granularity": 10.0} for name in ("agad", "c-ttv2")),
    *(
        _EAGER[name] | {"preset": name, "buffer_granularity": 10.0, "auto_scale": False, "fast_lr": 0.3}
        for name in ("agad", "c-ttv2")
    ),
    *(_EAGER[name] | {"preset": name, "auto_granularity": 100} for name in ("agad", "c-ttv2")),
    _EAGER["agad"] | {"preset": "agad", "forget_buffer": False, "buffer_cap": 1.0},
    {"preset": "mixed-precision", "n_x_bins": 3, "n_d_bins": 3, "transfer_every": 1, "n_rows_per_transfer": 2},
)
_NOISY_READS = {
    "inp_noise": 0.05,
    "w_noise": 0.05,
    "w_noise_type": "additive-constant",
    "out_noise_std": 0.1,
    "r_series": 0.01,
    "ir_drop": 1.0,
}


def small_data() -> DataSet:
    """Return 12 samples of six values to train on and 60 to test, in four classes."""
    draw = np.random.default_rng(7)
    inputs = draw.random((72, 6), dtype=np.float32)
    targets = inputs[:, :4].argmax(axis=1).astype(np.int64)
    return DataSet("small", inputs[:12], targets[:12], inputs[12:], targets[12:], classes=4)


def base(
    chip: Document | None = None,
    training: Document | None = None,
    layer: Document | None = None,
    **sections: Any,
) -> Document:
    """Return an experiment of a few mini-batches, on small tiles, with sections of one's own."""
    document = {
        "network": {"input_shape": [6], "layers": [_LAYERS[0] | (layer or {}), *_LAYERS[1:]]},
        "chip": {"preset": "reram-1024", "tile": {"rows": 4, "columns": 4}, **(chip or {})},
        "data": {"samples": 12},
        "training": {"learning_rate": 0.5, "mini_batch": 4, "max_mini_batches": 3, **(training or {})},
        "schedule": {"kind": "synchronous", "stages": 2, "micro_batches": 2},
    }
    return document | sections


def bases() -> Iterator[tuple[Document, Place]]:
    """Yield each experiment with the section whose keys are looked at in it; an empty place is all of it."""
    yield base(), ()
    yield base(run={"mode": "timing"}), ()
    apart = {"kind": "synchronous", "stages": 2, "micro_batches": 2, "transfers": "separate"}
    yield base(training={"algorithm": {"preset": "tiki-taka"}}, schedule=apart), ("schedule",)
    yield base(schedule={"kind": "zb-h1", "stages": 2, "micro_batches": 4, "stored_max": 2}), ("schedule",)
    yield base(schedule={"kind": "bounded", "stages": 2, "micro_batches": 2, "staleness_max": 0}), ("schedule",)
    yield base(schedule={"kind": "two-version", "stages": 2, "micro_batches": 2}), ("schedule",)
    yield base(schedule={"kind": "hybrid", "stages": 2, "asynchronous_mini_batches": 2}), ("schedule",)
    yield base(schedule={"kind": "zb-h2", "stages": 2, "micro_batches": 4, "stored_max": 2}), ("schedule",)
    yield base(schedule={"kind": "interleaved", "stages": 2, "micro_batches": 4, "group": 2}), ("schedule",)
    yield base(schedule=_together(1, 2)), ("schedule",)
    # Blocks of several vectors, which can be cut.
    yield base(training={"mini_batch": 12, "epochs": 2}, schedule={"kind": "synchronous", "stages": 2}), ("schedule",)
    yield _positions(), ("schedule",)
    yield _crowded(), ("chip", "arbitration")
    yield from ((document, ("chip",)) for document in _chips())
    yield _fixed_point(), ("chip", "nmpu", "arithmetic")
    yield from ((document, ("chip", "io")) for document in _reads())
    yield from ((document, ("chip", "update")) for document in _updates())
    yield from ((document, ("chip", "device")) for document in _devices())
    yield from ((document, ("training",)) for document in _trainings())
    yield from ((document, ("training", "algorithm")) for document in _algorithms())
    yield from ((document, ("network",)) for document in _networks())
    yield _images(), ("data",)
    yield from ((document, ("inference",)) for document in _inferences())


def _together(places: int, stages: int) -> Document:
    """Return a schedule of stages that share places."""
    return {"kind": "asynchronous", "stages": stages, "micro_batches": 4, "places": places}


def _crowded() -> Document:
    """Return an experiment of four stages that wait for one engine."""
    layers = [{"name": name, "kind": "linear", "features": 4} for name in "abcd"]
    document = base(chip={"preset": "unit", "arbitration": "priority"}, schedule=_together(1, 4))
    del document["chip"]["tile"]
    return document | {"network": {"input_shape": [6], "layers": layers}}


def _fixed_point() -> Document:
    """Return an experiment whose digital unit has words of few bits, scales and biases."""
    layer = {"bias": True, "scaling": {"weight_scaling_omega": 0.5, "learn_out_scaling": True}}
    return base(chip={"nmpu": {"arithmetic": {"kind": "fixed-point"}}}, layer=layer)


def data_base() -> Document:
    """Return an experiment on a data set that is registered."""
    layers = [_LAYERS[0], _LAYERS[1], _LAYERS[2] | {"features": 10}]
    return base() | {
        "network": {"input_shape": [64], "layers": layers},
        "data": {"samples": 12, "test_samples": 10},
    }


def _images() -> Document:
    """Return an experiment whose samples are images."""
    layers = [{"name": "flat", "kind": "reshape"}, *_LAYERS]
    augmentation = {"horizontal_flip": False, "crop_padding": 1}
    document = base(data={"samples": 12, "augmentation": augmentation})
    return document | {"network": {"input_shape": [1, 2, 3], "layers": layers}}


def _chips() -> Iterator[Document]:
    yield base(chip={"preset": "rpu-512"})
    unit = base(chip={"preset": "unit"})
    del unit["chip"]["tile"]
    yield unit
    yield base(chip={"device": _SOFT, "adc": {"per_tile": 2}, "buffer": {"capacity": "4 KiB"}})
    yield base(chip={"host": {"clock": "1 MHz", "bytes_per_cycle": 1}})
    placeholder = {"status": "placeholder", "source": "a guess"}
    yield base(chip={"nmpu": {"lanes": 1, "clock": "1 MHz", "timing": placeholder}})


def _reads() -> Iterator[Document]:
    def chip(**io: Any) -> Document:
        return base(chip={"device": _SOFT, "io": io})

    yield chip(**_NOISY_READS)
    yield chip(out_asymmetry=0.05, out_nonlinearity=0.2, out_nonlinearity_std=0.1)
    yield chip(v_offset_std=0.05, v_offset_w_min=-0.5, r_series=0.01)
    yield chip(bound_management="iterative", out_bound=0.05, max_bm_factor=3)
    yield chip(bound_management="iterative", out_bound=0.001, max_bm_factor=100000)
    yield chip(noise_management="abs-max-np-sum", nm_assumed_wmax=3.0)
    yield chip(ir_drop=50.0)
    yield chip(out_calibration=True, out_gain_std=0.2)
    yield chip(noise_management="average-abs-max", w_noise=0.1, w_noise_type="pcm-read")
    yield chip(noise_management="constant", nm_thres=0.2)
    yield chip(mv_type="pos-neg-separate")


def _updates() -> Iterator[Document]:
    for update in (
        {"update_management": True, "update_bl_management": True, "desired_bl": 31},
        {"update_management": False, "update_bl_management": False, "desired_bl": 3},
        {"pulse_type": "deterministic-implicit", "desired_bl": 10, "x_res_implicit": 0.1, "d_res_implicit": 0.1},
        {"pulse_type": "mean-count"},
    ):
        yield base(chip={"device": _SOFT, "update": update})


def _devices() -> Iterator[Document]:
    for kind, more in _DEVICES.items():
        life = {key: value for key, value in _LIFE.items() if (kind, key) != ("soft-bounds-pmax", "dw_min")}
        yield base(chip={"device": {"preset": kind, **life, **more}})
    yield base(chip={"device": {"preset": "linear-step", "dw_min": 0.02, "mult_noise": True}})
    one_sided = {"kind": "one-sided", "device": _SOFT, "refresh_every": 2}
    yield base(chip={"device": one_sided | {"refresh_upper_thres": 0.1, "refresh_lower_thres": 0.05}})
    yield base(chip={"device": {"kind": "vector", "devices": [_SOFT, _SOFT | {"dw_min": 0.01}]}})
    pair = {"kind": "vector", "devices": [_SOFT, _SOFT | {"dw_min": 0.01}], "update_policy": "single-fixed"}
    yield base(chip={"device": pair})
    yield base(chip={"device": {"kind": "reference-cell", "device": _SOFT, "reference": _SOFT}})


def _trainings() -> Iterator[Document]:
    step = {"kind": "step", "epochs": 1, "factor": 0.5}
    yield base(training={"learning_rate_schedule": step, "epochs": 3, "max_mini_batches": None})
    for schedule in ({"kind": "cosine", "epochs": 2.5, "final_factor": 0.1, "warm_up": 2}, {"kind": "constant"}):
        yield base(training={"learning_rate_schedule": schedule, "epochs": 3, "max_mini_batches": None})
    yield base(training={"gradient_clipping": {"limit": 0.1}})
    late = {"kind": "asynchronous", "stages": 2, "micro_batches": 2}
    yield base(training={"delay_compensation": {"annealing_mini_batches": 3}}, schedule=late)
    clipped = {"clipping_exponent": 1}
    yield base(training={"delay_compensation": clipped, "gradient_clipping": {"limit": 0.05}}, schedule=late)
    corrected = {"momentum_correction": True}
    yield base(training={"delay_compensation": corrected, "digital_optimizer": {"momentum": 0.5}}, schedule=late)
    yield base(training={"digital_optimizer": {"momentum": 0.5, "weight_decay": 0.1}})
    yield base(training={"stop_at": {"accuracy": 0.1}, "epochs": 2}, run={"evaluate_every": 1})
    asynchronous = {"kind": "asynchronous", "stages": 2, "micro_batches": 2}
    yield base(chip={"device": _SOFT}, schedule=asynchronous)
    yield base(schedule=asynchronous, run={"discrepancy_every": 1})
    yield base(training={"epochs": 2}, run={"evaluate_every": 1, "target_accuracy": 0.1})


def _algorithms() -> Iterator[Document]:
    for name in _ALGORITHMS:
        yield base(chip={"device": _SOFT}, training={"algorithm": {"preset": name}})
        # What comes late, or only with large gradients.
        eager = {"preset": name, **_EAGER.get(name, {})}
        yield base(chip={"device": _SOFT}, training={"algorithm": eager, **_LONG})
    for algorithm in _OTHERWISE:
        yield base(chip={"device": _SOFT}, training={"algorithm": algorithm, **_LONG})
    yield base(training={"algorithm": {"preset": "digital-sgd", "momentum": 0.5, "weight_decay": 0.01}})
    yield base(training={"algorithm": {"preset": "mixed-precision", "momentum": 0.5}})
    clip = {"kind": "layer-gaussian"}
    for kind in ("add-normal", "mult-normal", "discretize", "dorefa", "polynomial", "programming-noise"):
        yield base(training={"algorithm": {"preset": "hardware-aware", "modifier": {"kind": kind}, "clip": clip}})
    fixed = {"kind": "fixed-value", "value": 0.05}
    yield base(training={"algorithm": {"preset": "hardware-aware", "clip": fixed}})


def _networks() -> Iterator[Document]:
    yield _image()
    yield from _normalised()
    yield _rearranged()
    yield _sequence()
    yield _recurrent()
    yield _recurrent() | {"data": {"samples": 12, "order": "streams"}}
    yield _channels()
    yield base(layer={"device": _SOFT, "algorithm": {"preset": "analog-sgd"}})
    scaling = {"weight_scaling_omega": 0.5, "learn_out_scaling": True}
    ranged = {"input_range": {"init_from_data": 1, "decay": 0.1}}
    fixed = {"input_range": {"init_from_data": 0, "init_value": 0.5}}
    for more in (ranged, fixed):
        yield base(chip={"device": _SOFT, "io": {"noise_management": "none"}}, layer={"scaling": scaling | more})


def _normalised() -> Iterator[Document]:
    """Yield experiments whose layers normalise images of two channels, of three rows and five columns."""
    pool = {"kind": "average-pool", "kernel": 2, "stride": 1, "padding": 1}
    norms: tuple[Document, ...] = (
        {"kind": "batch-norm"},
        {"kind": "layer-norm", "normalized_shape": [2, 3, 5]},
        {"kind": "group-norm", "groups": 2},
        {"kind": "rms-norm", "normalized_shape": [3, 5]},
        {"kind": "local-response-norm", "size": 2, "alpha": 1.0},
        pool,
    )
    for norm in norms:
        layers = [
            {"name": "conv", "kind": "conv2d", "channels": 2, "kernel": 1, "padding": 1},
            {"name": "norm"} | norm,
            {"name": "flat", "kind": "flatten"},
            _LAYERS[2],
        ]
        yield base(network={"input_shape": [2, 1, 3], "layers": layers}, training={"max_mini_batches": 6, "epochs": 3})


def _image() -> Document:
    """Return an experiment whose samples are images of two channels, of one row and three columns."""
    layers = [
        {"name": "conv", "kind": "conv2d", "channels": 2, "kernel": [1, 2], "padding": 1},
        {"name": "pool", "kind": "max-pool", "kernel": 2},
        {"name": "flat", "kind": "flatten"},
        _LAYERS[2],
    ]
    return base(network={"input_shape": [2, 1, 3], "layers": layers})


def _channels() -> Document:
    """Return an experiment whose samples are sequences of two channels."""
    conv = {"name": "conv", "kind": "conv1d", "channels": 2, "kernel": 2, "padding": 1}
    return base(network={"input_shape": [2, 3], "layers": [conv, {"name": "flat", "kind": "flatten"}, _LAYERS[2]]})


def _rearranged() -> Document:
    """Return an experiment whose samples are joined, cut and bent by digital layers."""
    layers = [
        {"name": "bend", "kind": "gelu"},
        {"name": "both", "kind": "concat", "inputs": ["bend", "input"]},
        {"name": "part", "kind": "slice", "axis": 1, "start": 1},
        {"name": "flat", "kind": "flatten"},
        _LAYERS[0],
        {"name": "leak", "kind": "leaky-relu"},
        {"name": "drop", "kind": "dropout"},
        _LAYERS[2],
    ]
    return base(network={"input_shape": [2, 3], "layers": layers})


def _recurrent() -> Document:
    """Return an experiment of recurrent layers over sequences of three positions."""
    layers = [
        {"name": "first", "kind": "gru", "features": 2},
        {"name": "second", "kind": "lstm", "features": 3},
        {"name": "flat", "kind": "flatten"},
        _LAYERS[2],
    ]
    return base(network={"input_shape": [3, 2], "layers": layers})


def _positions() -> Document:
    """Return a forward-only experiment whose samples are sequences of three positions, which may pass one by one."""
    layers = [
        {"name": "project", "kind": "linear", "features": 4},
        {"name": "attend", "kind": "attention", "causal": True, "inputs": ["project"] * 3},
        {"name": "flat", "kind": "flatten"},
        _LAYERS[2],
    ]
    return base(network={"input_shape": [3, 2], "layers": layers}, schedule={"kind": "inference"})


def _sequence() -> Document:
    """Return an experiment whose samples are sequences of three positions."""
    layers = [
        {"name": "tokens", "kind": "reshape", "shape": [3, 2]},
        {"name": "place", "kind": "position-embedding", "initial_std": 0.5},
        {"name": "project", "kind": "linear", "features": 4},
        {"name": "attend", "kind": "attention", "heads": 2, "causal": True, "inputs": ["project"] * 3},
        {"name": "flat", "kind": "flatten"},
        _LAYERS[2],
    ]
    return base(network={"input_shape": [6], "layers": layers})


def _inferences() -> Iterator[Document]:
    def deployed(**inference: Any) -> Document:
        return base(chip={"io": {"noise_management": "none"}}, training={"learning_rate": 2.0}, inference=inference)

    noise = {"kind": "pcm-like", "g_min": 1.0, "prog_noise_scale": 3.0, "drift_scale": 3.0, "read_noise_scale": 3.0}
    ranges = {"conductance_ranges": True, "dac_ranges": True, "samples": 5}
    yield deployed(noise=noise, times=[1.0, 1e5], repeats=3)
    yield deployed(noise=noise, times=[1.0, 1e5], repeats=3, post_training=ranges)
    yield deployed(noise={"kind": "reram-wan2022", "noise_scale": 4.0, "g_min": 2.0}, times=[1.0, 86400.0], repeats=3)
    for write in (
        {"kind": "set-with-error", "absolute_std": 0.2},
        {"kind": "pulse-steps", "step": 0.01, "step_std": 1.0, "max_pulses": 3},
    ):
        programming = {"kind": "program-and-verify", "write": write, "max_iterations": 4, "verify_std": 0.1}
        yield deployed(noise=noise, times=[1.0], programming=programming, repeats=3)
