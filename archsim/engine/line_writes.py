"""Writing the initial weights before training begins, where ``run.program`` asks for it.

A rule on the chip's own constants, the same with numbers and without. Tiles are written side by side, each line by line
(its input lines, or rows): all cells of a line at once, by as many pulse slots as the largest weight of the layer needs
from zero, ``|w| / dw_min``, in trains of at most ``update.desired_bl`` slots; then the line is read once to verify. The
host delivers the weights meanwhile. Training begins when the last tile is written and the last weight delivered.

Initial weights are taken as uniform, within the device's bounds; weights from a file as uniform over these bounds. A
device without a step is written by one slot a line. What is written exactly otherwise (`Crossbar.program`) stays so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from archsim.analog.devices import devices_per_cell, devices_written
from archsim.analog.specification import Device
from archsim.chip.operations import read_counts, update_counts
from archsim.chip.specification import Chip
from archsim.chip.timing import read_ps, update_ps
from archsim.mapping.plan import Part
from archsim.network.graph import Graph, Matrix

__all__ = ["LineWrite", "line_writes", "part_counts", "part_ps"]


@dataclass(frozen=True, slots=True)
class LineWrite:
    """How the lines of a matrix are written.

    Attributes
    ----------
    trains, slots : int
        Pulse trains of one line, and their slots in all.
    pulses_a_cell : float
        Mean device pulses of a cell.
    devices, devices_verified : int
        Devices of a cell that the trains reach, and that the verifying read meets.
    """

    trains: int
    slots: int
    pulses_a_cell: float
    devices: int
    devices_verified: int


def line_writes(graph: Graph, chip: Chip, *, given: bool) -> dict[str, LineWrite]:
    """Return how the lines of each matrix on tiles are written.

    Parameters
    ----------
    graph, chip
        What is computed, and on what.
    given : bool
        Whether the weights come from a file.
    """
    found = {}
    for matrix in graph.matrices:
        if matrix.digital:
            continue
        device = matrix.settings.device or chip.device
        step, bound = _step(device), _bound(device)
        largest, mean = _weights(matrix, bound, given=given)
        slots = max(1, math.ceil(largest / step)) if step else 1
        found[matrix.name] = LineWrite(
            trains=-(-slots // chip.update.desired_bl),
            slots=slots,
            pulses_a_cell=mean / step if step else 0.0,
            devices=devices_written(device),
            devices_verified=devices_per_cell(device),
        )
    return found


def part_ps(chip: Chip, part: Part, write: LineWrite) -> int:
    """Return how long a tile takes to write and verify the lines of a part."""
    return part.rows * (update_ps(chip, write.trains, write.slots) + read_ps(chip, 1, part.columns, 1))


def part_counts(part: Part, write: LineWrite) -> dict[tuple[str, str], int]:
    """Count the writing of a part by (component, operation)."""
    counts = update_counts(1, part.columns, part.rows * write.trains, devices=write.devices)
    counts |= read_counts(1, part.columns, part.rows, devices=write.devices_verified)
    counts["array", "coincidence"] = round(part.rows * part.columns * write.pulses_a_cell)
    return counts


def _step(device: Device) -> float:
    """Return the mean step of a device, of the first of several; 0 where it has none."""
    inner = getattr(device, "device", None) or next(iter(getattr(device, "devices", ())), device)
    return float(getattr(inner, "dw_min", 0.0) or 0.0)


def _bound(device: Device) -> float:
    """Return the larger bound of a device, of the first of several; infinite where it has none."""
    inner = getattr(device, "device", None) or next(iter(getattr(device, "devices", ())), device)
    bounds = [abs(float(getattr(inner, name))) for name in ("w_max", "w_min") if getattr(inner, name, None) is not None]
    return max(bounds, default=math.inf)


def _weights(matrix: Matrix, bound: float, *, given: bool) -> tuple[float, float]:
    """Return the largest and the mean |weight| that a matrix begins with."""
    if given:
        return (bound, bound / 2) if math.isfinite(bound) else (1.0, 0.5)
    layer = matrix.settings
    scaling = layer.scaling
    constant = layer.initial_value is not None
    reach = abs(layer.initial_value or 0.0) if constant else layer.initial_range or 1 / math.sqrt(matrix.inputs)
    if scaling is not None and scaling.weight_scaling_omega > 0:
        reach = scaling.weight_scaling_omega
    largest = min(reach, bound)
    if constant or not reach:
        return largest, largest
    # Uniform up to the reach, clipped at the bound.
    return largest, largest - largest**2 / (2 * reach)
