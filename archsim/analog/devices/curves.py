"""What pulses do to a device, to be drawn: weight against pulses, and step against weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from archsim.analog.blocks import FloatArray
from archsim.analog.devices.device_array import DeviceArray, Site, make_array
from archsim.analog.pulses import MOST_PULSES
from archsim.analog.read_chain import perfect_read_chain
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
        Number of states: the range of the mean device over that step, (w_max - w_min) / dw_min.
    asymmetry : float
        Of the mean device at weight zero: the difference of an up and a down pulse over their sum, -G / F in the words
        of arXiv:2406.12774. 0 where both are as large, 1 or -1 where one of them does nothing.
    symmetric_point : float or None
        The weight at which an up and a down pulse of the mean device cancel (G = 0), read between the places of
        `weights`; None where there is no single such weight.
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
    asymmetry: float
    symmetric_point: float | None


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
    step_up, step_down = _steps(mean, weights, up=True), _steps(mean, weights, up=False)
    return Curves(
        up_pulses,
        np.concatenate([marks, up_pulses + marks[1:]]),
        _train(_array(mean, 1), marks)[:, 0],
        _train(_array(device, _CELLS), marks),
        weights,
        step_up,
        step_down,
        one.granularity,
        states,
        _asymmetry(mean),
        _symmetric_point(weights, step_up, step_down),
    )


def _asymmetry(mean: Device) -> float:
    zero = np.zeros(1, np.float32)
    up, down = float(_steps(mean, zero, up=True)[0]), float(-_steps(mean, zero, up=False)[0])
    return (up - down) / (up + down) if up + down else 0.0


def _symmetric_point(weights: FloatArray, step_up: FloatArray, step_down: FloatArray) -> float | None:
    pair = step_up.astype(np.float64) + step_down
    rounding = 4 * np.finfo(np.float32).eps * np.abs(weights).max()
    sign = np.sign(np.where(np.abs(pair) > rounding, pair, 0.0))
    places = np.flatnonzero((sign[:-1] >= 0) & (sign[1:] <= 0) & (sign[:-1] != sign[1:]))
    if sign[places].size == 0 or np.count_nonzero(sign == 0.0) > 1:
        return None
    first, last = places[0], places[-1] + 1
    return float(np.interp(0.0, pair[[last, first]], weights[[last, first]].astype(np.float64)))


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
    chain = perfect_read_chain(cells, workers)
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
