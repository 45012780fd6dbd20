"""Arrays of devices for tests."""

import numpy as np

from archsim.analog import Workers
from archsim.analog.devices import Site, make_array
from archsim.analog.read_chain import perfect_read_chain
from archsim.analog.specification import UpdateParameters

#: What makes pulses uncertain, by the field that says so.
NOISE = {"dw_min_std": 0.0, "write_noise_std": 0.0, "reset_std": 0.0}
#: What makes cells differ.
VARIATION = dict.fromkeys(
    (
        "dw_min_dtod",
        "w_max_dtod",
        "w_min_dtod",
        "up_down_dtod",
        "gamma_up_dtod",
        "gamma_down_dtod",
        "pow_gamma_dtod",
        "slope_up_dtod",
        "slope_down_dtod",
        "reference_std",
    ),
    0.0,
)


def site(outputs, inputs, **changes):
    """Return where an array of a test stands."""
    settings = {
        "update": UpdateParameters(),
        "transfer_update": UpdateParameters(),
        "chain": perfect_read_chain(outputs, Workers()),
        "identity": 3,
        "device_seed": 1,
        "noise_seed": 2,
        "workers": Workers(),
    }
    return Site(outputs, inputs, **{**settings, **changes})


def array(device, outputs=6, inputs=9, **changes):
    """Return an array of a device."""
    return make_array(device, site(outputs, inputs, **changes))


def changed(device, **values):
    """Return a device, and whatever devices are within it, with other values of those fields that it has."""
    found = {}
    for name in type(device).model_fields:
        inner = getattr(device, name)
        if name in values:
            found[name] = values[name]
        elif name == "devices":
            found[name] = tuple(changed(one, **values) for one in inner)
        elif name in ("device", "reference"):
            found[name] = changed(inner, **values)
    return type(device)(**{**{name: getattr(device, name) for name in type(device).model_fields}, **found})


def parts(made):
    """Return the arrays of single devices within an array."""
    return [part for part in getattr(made, "parts", (made,)) if hasattr(part, "population")]


def single_pulses(made, up, first_vector=0):
    """Send one pulse to each cell, all up or all down."""
    outputs, inputs = made.weights.shape
    counts = np.full((inputs, outputs), 1 if up else -1, np.int32)
    return made.pulse(np.arange(inputs, dtype=np.int32), counts, first_vector)


def some(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
