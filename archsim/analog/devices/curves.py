"""What pulses do to a device, to be drawn: weight against pulses, and step against weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from archsim.analog.blocks import FloatArray
from archsim.analog.chain import perfect_chain
from archsim.analog.devices.array import DeviceArray, Site, make_array
from archsim.analog.pulses import MOST_PULSES
from archsim.analog.specification import Device, UpdateParameters
from archsim.analog.threads import Workers

__all__ = ["Curves", "mean_device", "response_curves"]

#: Points of either half of a train, and weights at which steps are told.
_POINTS = 60
#: Cells that show how devices differ.
_CELLS = 200
#: So many pulses up, and down, are sent at most.
_MOST_UP = 20_000
#: A weight beyond all bounds.
_FAR = 1e6
#: What tells how devices or pulses differ, by the ending of a field's name.
_SPREADS = ("_dtod", "_std")


@dataclass(frozen=True)
class Curves:
    """The response of a device.

    Attributes
    ----------
    up_pulses : int
        As many pulses go up, then as many down.
    pulses : int64 [points]
        Pulses sent so far.
    mean : float32 [points]
        Weight of the device without any variation or noise, from weight zero on.
    cells : float32 [points, cells]
        Weights of cells of an array, with variation and noise.
    weights : float32 [places]
        Weights between the bounds.
    step_up, step_down : float32 [places]
        What one pulse adds to the device without variation or noise at each of them.
    granularity : float
        The step that pulse trains are made for.
    states : int
        How many such steps lead from bound to bound.
    """

    up_pulses: int
    pulses: NDArray[np.int64]
    mean: FloatArray
    cells: FloatArray
    weights: FloatArray
    step_up: FloatArray
    step_down: FloatArray
    granularity: float
    states: int


def response_curves(device: Device) -> Curves | None:
    """Send pulses to a device and return what they did; None if it knows no pulses.

    A train of as many pulses up as the device has states, and as many down, begins at weight zero.
    """
    mean = mean_device(device)
    one = _array(mean, 1)
    if not one.granularity:
        return None
    low, high = (_programmed(one, bound) for bound in (-_FAR, _FAR))
    states = round((high - low) / one.granularity)
    up_pulses = min(max(states, _POINTS // 4), _MOST_UP)
    marks = np.unique(np.linspace(0, up_pulses, _POINTS + 1).round().astype(np.int64))
    weights = (low + (high - low) * (np.arange(_POINTS) + 0.5) / _POINTS).astype(np.float32)
    return Curves(
        up_pulses,
        np.concatenate([marks, up_pulses + marks[1:]]),
        _train(_array(mean, 1), marks)[:, 0],
        _train(_array(device, _CELLS), marks),
        weights,
        _steps(mean, weights, up=True),
        _steps(mean, weights, up=False),
        one.granularity,
        states,
    )


def mean_device(device: Device) -> Device:
    """Return a device, and all devices within it, without variation from cell to cell and pulse to pulse."""
    mean: Device = _without_spread(device)
    return mean


def _without_spread(model: Any) -> Any:
    if isinstance(model, tuple):
        return tuple(_without_spread(item) for item in model)
    if not isinstance(model, BaseModel):
        return model
    return model.model_copy(
        update={
            name: 0.0 if name.endswith(_SPREADS) else _without_spread(getattr(model, name))
            for name in type(model).model_fields
        }
    )


def _array(device: Device, cells: int) -> DeviceArray:
    """Make cells that share one input line."""
    trains, workers = UpdateParameters(), Workers()
    chain = perfect_chain(cells, workers)
    return make_array(device, Site(cells, 1, trains, trains, chain, 0, 1, 1, workers))


def _programmed(array: DeviceArray, weight: float) -> float:
    array.program(np.full_like(array.weights, weight))
    return float(array.weights[0, 0])


def _train(array: DeviceArray, marks: NDArray[np.int64]) -> FloatArray:
    """Send pulses up to the last mark, then as many down, and return the weights at each mark."""
    array.program(np.zeros_like(array.weights))
    seen = [array.weights[:, 0].copy()]
    sent = 0
    for sign in (1, -1):
        for length in np.diff(marks):
            sent = _send(array, sign, int(length), sent)
            seen.append(array.weights[:, 0].copy())
    return np.array(seen)


def _send(array: DeviceArray, sign: int, length: int, sent: int) -> int:
    """Send pulses to all cells; `sent` writes were sent before, and their number is returned."""
    writes = math.ceil(length / MOST_PULSES)
    counts = np.full((writes, len(array.weights)), sign * MOST_PULSES, np.int32)
    counts[-1] = sign * (length - MOST_PULSES * (writes - 1))
    array.pulse(np.zeros(writes, np.int32), counts, sent)
    return sent + writes


def _steps(device: Device, weights: FloatArray, *, up: bool) -> FloatArray:
    array = _array(device, len(weights))
    array.program(weights[:, None])
    before = array.weights[:, 0].copy()
    _send(array, 1 if up else -1, 1, 0)
    change: FloatArray = array.weights[:, 0] - before
    return change
