"""From the tallies of a machine to counts of operations and power-state times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

from archsim.analog.observed import Counts
from archsim.chip.counts import CountKey, UnitTime
from archsim.chip.operations import read_counts, transfer_counts, update_counts
from archsim.engine.events.activation_transfer import HostFeed
from archsim.engine.events.equipment import Equipment
from archsim.engine.events.kernel import Kernel
from archsim.engine.events.part_tasks import PartTask
from archsim.engine.events.programming import Programmer
from archsim.engine.events.transport import Transport
from archsim.engine.setup import Setup
from archsim.engine.steps import MatrixStep, Step
from archsim.results.ledger import Ledger
from archsim.results.timeline import Timeline

__all__ = [
    "MAC_PHASES",
    "LayerTotals",
    "MachineState",
    "array_count",
    "count_macs",
    "count_operations",
    "layer_totals",
    "macs_of",
    "unit_times",
]


#: What the multiply-accumulates of a phase are called.
MAC_PHASES = {"F": "forward", "B": "backward", "U": "update"}


class MachineState(Protocol):
    """What the accounts read of a machine."""

    setup: Setup
    kernel: Kernel
    equipment: Equipment
    transport: Transport
    feeds: list[HostFeed]
    programmer: Programmer | None
    timeline: Timeline

    def busy_so_far(self) -> dict[str, int]:
        """Return how long each unit in use has worked up to now, in picoseconds."""


def count_operations(machine: MachineState) -> Ledger:
    """Return what was counted so far."""
    ledger = Ledger()
    equipment = machine.equipment
    for part in equipment.parts:
        _count_part(ledger, part, machine.setup)
    for digital in equipment.digital:
        cost = digital.cost
        blocks = digital.samples // machine.setup.samples
        counts = {
            "multiply_add": cost.multiply_adds * digital.samples
            + cost.block_multiply_adds * blocks
            + digital.closing * digital.closings,
            "activation": cost.activations * digital.samples + cost.block_activations * blocks,
        }
        for operation, count in counts.items():
            if count:
                ledger.add(CountKey("nmpu", operation, digital.phase, digital.name), count)
    for operations, memory in equipment.transfers:
        phase, name = operations.phase, operations.name
        ledger.add(CountKey("nmpu", "multiply_add", phase, name), operations.operations)
        ledger.add(CountKey("buffer", "read_byte", phase, name), memory.bytes_read)
        ledger.add(CountKey("buffer", "write_byte", phase, name), memory.bytes_written)
    for port in equipment.ports:
        if port.size_bytes:
            ledger.add(CountKey("buffer", port.operation, port.phase, port.name), port.size_bytes)
    for engine in equipment.engines:
        if engine.action.operation is not None:
            ledger.add(CountKey("stage_engine", engine.action.operation, engine.phase, ""), engine.micro_batches)
    if machine.programmer is not None:
        for layer, component, operation, count in machine.programmer.counts():
            ledger.add(CountKey(component, operation, "P", layer), count)
    for rewrite in equipment.rewrites:
        for component, operation, count in rewrite.counts():
            ledger.add(CountKey(component, operation, rewrite.phase, rewrite.name), count)
    for key, count in machine.transport.byte_hops.items():
        ledger.add(key, count)
    for feed in machine.feeds:
        if feed.size_bytes:
            ledger.add(CountKey("host", "byte", "F", feed.name), feed.size_bytes * feed.sent)
    return ledger


def _count_part(ledger: Ledger, task: PartTask, setup: Setup) -> None:
    part, phase, layer, done = task.part, task.step.phase, task.step.matrix, task.counts
    if not (task.reads or done.vectors or done.transfer_reads or done.output_writes):
        return
    devices = setup.stack(layer)
    if phase in ("U", "T"):
        counts = update_counts(part.rows, part.columns, done.vectors, devices=devices.written)
        transfers = transfer_counts(
            part.rows,
            part.columns,
            done.transfer_reads,
            done.input_writes,
            done.output_writes,
            devices_read=done.devices_read,
            devices_written=done.devices_written,
            column_devices=devices.written,
        )
        for key, count in transfers.items():
            counts[key] = counts.get(key, 0) + count
        if done.pulses:
            ledger.add(CountKey("array", "coincidence", phase, layer), done.pulses)
    else:
        transposed = phase == "B"
        counts = read_counts(part.rows, part.columns, task.reads, transposed=transposed, devices=devices.read)
    for (component, operation), count in counts.items():
        ledger.add(CountKey(component, operation, phase, layer), count)


def count_macs(equipment: Equipment, samples: int) -> dict[str, int]:
    """Return the multiply-accumulates done so far by phase.

    One for each weight and vector: repeats of a read by bound management are no more of them, and an update's are
    those of the outer products, wherever they were computed.
    """
    found = dict.fromkeys(MAC_PHASES.values(), 0)
    for part in equipment.parts:
        if part.phase in MAC_PHASES:
            cells = part.part.rows * part.part.columns
            found[MAC_PHASES[part.phase]] += cells * (part.applied if part.phase == "U" else part.requested)
    for product in equipment.products:
        found[MAC_PHASES[product.phase]] += product.macs
    for engine in equipment.engines:
        if engine.action.operation is not None:
            found[engine.action.operation] += macs_of(engine.action.steps) * engine.micro_batches * samples
    return found


def macs_of(steps: Iterable[Step]) -> int:
    """Return the multiply-accumulates of an action's matrix steps for one sample: weights times vectors."""
    matrices = (step for step in steps if isinstance(step, MatrixStep))
    return sum(step.vectors * block.rows * block.columns for step in matrices for block in step.placement.blocks)


class LayerTotals:
    """Sums over the parts of each layer.

    Attributes
    ----------
    reads, read_vectors : dict of str to int
        Forward vector reads with and without repeats.
    updates : dict of str to Counts
        What updates took on tiles.
    pulses : dict of str to int
        Device pulses, on tiles and in abstract stages.
    """

    def __init__(self) -> None:
        self.reads: dict[str, int] = defaultdict(int)
        self.read_vectors: dict[str, int] = defaultdict(int)
        self.updates: dict[str, Counts] = defaultdict(Counts)
        self.pulses: dict[str, int] = defaultdict(int)


def layer_totals(equipment: Equipment) -> LayerTotals:
    """Return the totals by layer."""
    totals = LayerTotals()
    for task in equipment.parts:
        layer = task.step.matrix
        if task.phase == "F":
            totals.reads[layer] += task.reads
            totals.read_vectors[layer] += task.requested
        elif task.phase in ("U", "T"):
            totals.updates[layer] += task.counts
            totals.pulses[layer] += task.counts.pulses
    for engine in equipment.engines:
        for layer, pulses in engine.pulses.items():
            totals.pulses[layer] += pulses
    return totals


def unit_times(machine: MachineState) -> tuple[UnitTime, ...]:
    """Return the power-state times of the chip's units up to now; those that no stage uses are gated, and summed up."""
    now_ps, busy_ps = machine.kernel.now, machine.busy_so_far()
    used: dict[str, list[str]] = {}
    for unit in machine.timeline.units:
        used.setdefault(unit.component, []).append(unit.name)
    times = []
    for component, count in machine.equipment.unit_counts(machine.setup).items():
        names = used.get(component, [])
        times += [UnitTime(component, name, busy_ps[name], now_ps - busy_ps[name], 0) for name in names]
        rest = count - len(names)
        if rest:
            times.append(UnitTime(component, f"{rest} unused of {component}", 0, 0, rest * now_ps, rest))
    return (*times, *_array_times(machine.setup, times))


def array_count(setup: Setup) -> int:
    """Return how many arrays of one device a cell the chip has, over all tiles, used or not."""
    held = _devices_of_tiles(setup)
    return sum(held.values()) + (setup.plan.tiles - len(held)) * setup.spare.built


def _array_times(setup: Setup, tiles: Iterable[UnitTime]) -> Iterator[UnitTime]:
    """The arrays of devices in each tile share its power state."""
    held = _devices_of_tiles(setup)
    for tile in tiles:
        if tile.component == "tile":
            n = held.get(tile.unit, setup.spare.built)
            states = (n * tile.active_ps, n * tile.idle_ps, n * tile.gated_ps)
            yield UnitTime("array", f"arrays of {tile.unit}", *states, n * tile.units)


def _devices_of_tiles(setup: Setup) -> dict[str, int]:
    """Return the devices behind a weight on each tile in use, by the tile's name."""
    found: dict[str, int] = {}
    for stage in setup.plan.stages:
        for placement in stage.placements:
            built = setup.stack(placement.matrix).built
            for part in chain.from_iterable(placement.sets):
                tile = f"tile {part.tile}"
                # A tile that layers take in turn is built for the one with most.
                found[tile] = max(built, found.get(tile, 0))
    return found
