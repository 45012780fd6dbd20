"""Cells of every family of devices, and their laws, for the core and for its twin."""

import numpy as np
import pytest

from archsim.analog import pulses, reference

#: What distinguishes the families' laws; noise is relative to the step but where a family says otherwise.
SETTINGS = {
    "constant": {"deviation": 0.3},
    "affine": {"deviation": 0.3},
    "additive": {"deviation": 0.3},
    "exponential": {"deviation": 0.3, "noise_add": 1e-3, "noise_slope": 0.01},
    "power": {"deviation": 0.3},
    "piecewise": {
        "deviation": 0.3,
        "nodes_up": np.array([1.2, 1.0, 0.9, 1.1, 0.5], np.float32),
        "nodes_down": np.array([0.6, 0.8, 1.0, 1.1, 1.3], np.float32),
    },
    "soft": {"deviation": 0.3},
}


def make_cells(family, count, step, rng, deviation=0.3):
    """Return cells [count, 4 or 8] that differ from each other."""
    low, high = -rng.uniform(0.4, 0.8, count), rng.uniform(0.4, 0.8, count)
    up, down = step * rng.uniform(0.6, 1.4, count), -step * rng.uniform(0.6, 1.4, count)
    shape = np.zeros((4, count))
    if family in ("affine", "additive"):
        slopes = rng.uniform(0.0, 1.2, (2, count))
        shape[:2] = -slopes[0] * up / high, -slopes[1] * down / low
        if family == "additive":
            shape[2:] = deviation * up, -deviation * down
    elif family == "exponential":
        gamma = rng.uniform(0.5, 3.0, count)
        grown = 1.0 / np.expm1(gamma)
        shape[:] = up * (1.0 + grown), down * (1.0 + grown), -gamma / high, -gamma / low
        up, down = -up * grown, -down * grown
    elif family == "power":
        shape[:3] = rng.uniform(0.4, 2.0, count), rng.uniform(0.4, 2.0, count), 1.0 / (high - low)
    elif family == "piecewise":
        shape[0] = 1.0 / (high - low)
    if family == "constant":
        numbers = low, high, up, down
    elif family == "soft":
        numbers = low, high, -up / high, -down / low
    else:
        numbers = low, high, up, down, *shape
    return np.column_stack(numbers).astype(np.float32)


def make_law(family, **changes):
    """Return the twin's law of a family."""
    return reference.Law(family, **{**SETTINGS[family], **changes})


def make_response(kernels, law):
    """Return the same law for the core."""
    nodes = {"nodes_up": law.nodes_up, "nodes_down": law.nodes_down} if law.family == "piecewise" else {}
    return kernels.Response(
        law.family,
        exact=law.exact,
        deviation=law.deviation,
        noise_add=law.noise_add,
        noise_slope=law.noise_slope,
        write_noise=law.write_noise,
        **nodes,
    )


def make_rules(kernels, update, granularity):
    """Return the core's rules for trains, as `archsim.analog.pulses` makes them for the instruction set in use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulses, "kernels", kernels)
        return pulses.make_rules(update, granularity)
