"""The pulsed updates that are measured: devices, and how dense their pulses are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.analog import Crossbar, Workers
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import (
    ConstantStep,
    Device,
    ExpStep,
    IOParameters,
    PiecewiseStep,
    PowStep,
    SoftBounds,
    SoftBoundsReference,
    UpdateParameters,
)

__all__ = ["DEVICES", "DW_MIN", "LOADS", "Load", "make_crossbar"]

DW_MIN = 0.001

DEVICES: dict[str, Device] = {
    "ConstantStep": ConstantStep(dw_min=DW_MIN),
    "SoftBounds": SoftBounds(dw_min=DW_MIN),
    "SoftBoundsReference": SoftBoundsReference(dw_min=DW_MIN),
    "PiecewiseStep": PiecewiseStep(
        dw_min=DW_MIN, piecewise_up=(1.1, 1.05, 1.0, 0.9, 0.8), piecewise_down=(0.8, 0.9, 1.0, 1.05, 1.1)
    ),
    "ExpStep": ExpStep(dw_min=DW_MIN),
    "PowStep": PowStep(dw_min=DW_MIN),
}


@dataclass(frozen=True)
class Load:
    """How many pulses an update asks for.

    Attributes
    ----------
    learning_rate : float
        In units of the smallest step.
    error : float
        Standard deviation of the errors; 0 for errors from U(-1, 1).
    update : UpdateParameters
        How trains are made.
    """

    learning_rate: float
    error: float
    update: UpdateParameters

    def vectors(self, inputs: int, outputs: int, batch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return inputs and errors of one block."""
        random = np.random.default_rng(3)
        x = random.uniform(-1, 1, (batch, inputs))
        d = random.normal(0, self.error, (batch, outputs)) if self.error else random.uniform(-1, 1, (batch, outputs))
        return x.astype(np.float32), d.astype(np.float32)


LOADS = {
    # 0.003 coincidences a cell and vector: what large layers ask for in training
    "update_sparse": Load(0.4, 0.02, UpdateParameters()),
    # 0.08 of them
    "update_managed": Load(10.0, 0.02, UpdateParameters()),
    # 7.75 of them
    "update_dense": Load(31.0, 0.0, UpdateParameters(update_management=False, update_bl_management=False)),
}


def make_crossbar(
    device: Device,
    update: UpdateParameters,
    outputs: int,
    inputs: int,
    threads: int = 1,
    io: IOParameters | None = None,
) -> Crossbar:
    """Return a crossbar with weights from U(-1, 1) / sqrt(inputs)."""
    periphery = Periphery(io=io or IOParameters(), update=update)
    crossbar = Crossbar(
        inputs,
        outputs,
        device,
        periphery,
        Streams(noise_seed=2),
        Workers(threads),
    )
    crossbar.program(np.random.default_rng(4).uniform(-1, 1, (outputs, inputs)) / np.sqrt(inputs))
    return crossbar
