"""Finds the unit of a machine that works longest, and the constants that its time comes from."""

from __future__ import annotations

from collections import Counter

from archsim.chip.attribution import read_parts_ps, update_parts_ps
from archsim.engine.events.machine import Machine
from archsim.engine.events.part_tasks import PartTask
from archsim.engine.events.rewriting import WriteTask
from archsim.engine.line_writes import LineWrite
from archsim.mapping.plan import Part
from archsim.results.bottleneck import Bottleneck
from archsim.results.timeline import Unit as TimelineUnit

__all__ = ["busiest_unit"]

#: Sections of the chip whose clock and width say how long a unit takes, by component.
_SECTIONS = {"nmpu": "nmpu", "buffer": "buffer", "link": "interconnect", "host": "host"}


def busiest_unit(machine: Machine) -> Bottleneck | None:
    """Return the unit that worked longest up to now; None if none did.

    A stage is a unit where it has an engine of its own; elsewhere it is the order in which units are asked.
    """
    busy_ps, engines = machine.busy_so_far(), {task.unit_name for task in machine.equipment.engines}
    units = [unit for unit in machine.timeline.units if unit.component != "stage" or unit.name in engines]
    busiest = max(units, key=lambda unit: busy_ps[unit.name], default=None)
    if busiest is None or not busy_ps[busiest.name]:
        return None
    layer, parts = "", Counter({f"{_SECTIONS.get(busiest.component, '')}.timing": busy_ps[busiest.name]})
    if busiest.component == "tile":
        tasks = [task for task in machine.equipment.parts if task.unit.name == busiest.name]
        held = {task.step.matrix for task in tasks}
        layer, parts = held.pop() if len(held) == 1 else "", Counter()
        for task in tasks:
            parts.update(_parts_ps(machine, task))
        parts.update(_programming_ps(machine, busiest.name))
    elif busiest.name in engines:
        parts = _engine_parts_ps(machine, busiest)
    return Bottleneck(busiest.name, busiest.component, busiest.stage, layer, busy_ps[busiest.name], dict(parts))


def _parts_ps(machine: Machine, task: PartTask) -> Counter[str]:
    chip, part = machine.setup.chip, task.part
    if task.phase in ("F", "B"):
        return Counter(read_parts_ps(chip, part.rows, part.columns, task.reads, transposed=task.phase == "B"))
    done = task.counts
    found = Counter(update_parts_ps(chip, done.vectors, done.slots + done.transfer_slots))
    found.update(read_parts_ps(chip, part.rows, part.columns, done.transfer_reads, overlapped=False))
    return found


def _programming_ps(machine: Machine, tile: str) -> Counter[str]:
    """What writing weights took of a tile, initially or again and again."""
    chip, found = machine.setup.chip, Counter[str]()
    written: list[tuple[Part, LineWrite, int]] = []
    if machine.programmer is not None:
        written += [
            (task.part, machine.programmer.line_write(task.name), 1)
            for task in machine.programmer.tasks
            if task.part is not None and task.unit.name == tile and task.done
        ]
    written += [
        (task.part, task.line_write, task.times)
        for task in machine.equipment.rewrites
        if isinstance(task, WriteTask) and task.unit.name == tile
    ]
    for part, write, times in written:
        lines = part.rows * times
        found.update(update_parts_ps(chip, lines * write.trains, lines * write.slots))
        found.update(read_parts_ps(chip, 1, part.columns, lines, overlapped=False))
    return found


def _engine_parts_ps(machine: Machine, unit: TimelineUnit) -> Counter[str]:
    """What the actions of a stage took, or of all stages that share an engine."""
    found = Counter[str]()
    for task in machine.equipment.engines:
        if task.unit_name == unit.name and task.action.operation is not None:
            found[f"stage_engine.{task.action.operation}"] += task.micro_batches * task.action.duration_ps
    return +found
