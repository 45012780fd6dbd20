"""From the tallies of a machine to counts of operations and power-state times."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from archsim.chip.counts import CountKey, UnitTime
from archsim.chip.operations import read_counts, transfer_counts, update_counts
from archsim.engine.equipment import Equipment
from archsim.engine.handover import HostFeed
from archsim.engine.kernel import Kernel
from archsim.engine.setup import Setup
from archsim.engine.tasks import PartTask
from archsim.engine.transport import Transport, link_count
from archsim.results.ledger import Ledger
from archsim.results.timeline import Timeline

__all__ = ["LayerTotals", "MachineState", "count_operations", "layer_totals", "unit_counts", "unit_times"]


class MachineState(Protocol):
    """What the accounts read of a machine."""

    setup: Setup
    kernel: Kernel
    equipment: Equipment
    transport: Transport
    feeds: list[HostFeed]
    timeline: Timeline

    def busy_so_far(self) -> dict[str, int]:
        """Return how long each unit in use has worked up to now, in picoseconds."""


def count_operations(machine: MachineState) -> Ledger:
    """Return what was counted so far."""
    ledger = Ledger()
    equipment = machine.equipment
    for part in equipment.parts:
        _count_part(ledger, part)
    for digital in equipment.digital:
        cost, step = digital.step.cost, digital.step
        for operation, count in (("multiply_add", cost.multiply_adds), ("activation", cost.activations)):
            if count and digital.samples:
                ledger.add(CountKey("nmpu", operation, step.phase, step.layer), count * digital.samples)
    for operations, memory in equipment.transfers:
        ledger.add(CountKey("nmpu", "multiply_add", "U", operations.name), operations.operations)
        ledger.add(CountKey("buffer", "read_byte", "U", memory.name), memory.bytes_read)
        ledger.add(CountKey("buffer", "write_byte", "U", memory.name), memory.bytes_written)
    for port in equipment.ports:
        if port.size_bytes:
            ledger.add(CountKey("buffer", port.operation, port.phase, port.name), port.size_bytes)
    for phase, engine in equipment.engines:
        operation = {"F": "forward", "B": "backward", "U": "update"}[phase]
        ledger.add(CountKey("stage_engine", operation, phase, ""), engine.runs)
    for key, count in machine.transport.byte_hops.items():
        ledger.add(key, count)
    for feed in machine.feeds:
        if feed.size_bytes:
            ledger.add(CountKey("host", "byte", "F", feed.name), feed.size_bytes * feed.sent)
    return ledger


def _count_part(ledger: Ledger, task: PartTask) -> None:
    if not (task.vectors or task.transfer_reads or task.output_writes):
        return
    part, phase, layer = task.part, task.step.phase, task.step.layer
    if phase == "U":
        counts = update_counts(part.rows, part.columns, task.vectors)
        transfers = transfer_counts(part.rows, part.columns, task.transfer_reads, task.input_writes, task.output_writes)
        for key, count in transfers.items():
            counts[key] = counts.get(key, 0) + count
        if task.pulses:
            ledger.add(CountKey("array", "coincidence", phase, layer), task.pulses)
    else:
        counts = read_counts(part.rows, part.columns, task.vectors, transposed=phase == "B")
    for (component, operation), count in counts.items():
        ledger.add(CountKey(component, operation, phase, layer), count)


class LayerTotals:
    """Sums over the parts of each layer.

    Attributes
    ----------
    reads, read_vectors : dict of str to int
        Forward vector reads with and without repeats.
    update_slots, update_vectors, pulses : dict of str to int
        Of updates.
    """

    def __init__(self) -> None:
        self.reads: dict[str, int] = defaultdict(int)
        self.read_vectors: dict[str, int] = defaultdict(int)
        self.update_slots: dict[str, int] = defaultdict(int)
        self.update_vectors: dict[str, int] = defaultdict(int)
        self.pulses: dict[str, int] = defaultdict(int)


def layer_totals(equipment: Equipment) -> LayerTotals:
    """Return the totals by layer."""
    totals = LayerTotals()
    for task in equipment.parts:
        layer = task.step.layer
        if task.phase == "F":
            totals.reads[layer] += task.vectors
            totals.read_vectors[layer] += task.requested
        elif task.phase == "U":
            totals.update_slots[layer] += task.slots
            totals.update_vectors[layer] += task.vectors
            totals.pulses[layer] += task.pulses
    for _, engine in equipment.engines:
        for layer, pulses in engine.pulses.items():
            totals.pulses[layer] += pulses
    return totals


def unit_counts(setup: Setup) -> dict[str, int]:
    """Return how many units of each component the chip has, used or not."""
    plan = setup.plan
    if setup.stage_engines:
        return {"stage": len(plan.stages)}
    nodes = plan.mesh[0] * plan.mesh[1]
    return {"tile": plan.tiles, "nmpu": nodes, "buffer": nodes, "link": link_count(plan), "host": 1}


def unit_times(machine: MachineState) -> tuple[UnitTime, ...]:
    """Return the power-state times of the chip's units up to now; those that no stage uses are gated, and summed up."""
    now_ps, busy_ps = machine.kernel.now, machine.busy_so_far()
    used: dict[str, list[str]] = {}
    for unit in machine.timeline.units:
        used.setdefault(unit.component, []).append(unit.name)
    times = []
    for component, count in unit_counts(machine.setup).items():
        names = used.get(component, [])
        times += [UnitTime(component, name, busy_ps[name], now_ps - busy_ps[name], 0) for name in names]
        rest = count - len(names)
        if rest:
            times.append(UnitTime(component, f"{rest} unused of {component}", 0, 0, rest * now_ps, rest))
    return tuple(times)
