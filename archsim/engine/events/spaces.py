"""The buffer space of each stage: a buffer of its own, or a share of that of its place."""

from __future__ import annotations

from archsim.chip.components import BufferSpace
from archsim.chip.operations import parameter_bytes, vector_bytes
from archsim.chip.shared_space import SharedSpace, SpaceShare
from archsim.chip.specification import Chip
from archsim.engine.events.fill import FillCurve
from archsim.engine.events.kernel import Kernel
from archsim.engine.program import StageProgram
from archsim.engine.setup import Setup

__all__ = ["Space", "accumulator_bytes", "carried_bytes", "footprint_bytes", "held_bytes", "spaces_of"]

#: What a stage claims space of.
Space = BufferSpace | SpaceShare


def footprint_bytes(chip: Chip, program: StageProgram, samples: int) -> int:
    """Return the bytes that one micro-batch takes at a stage, from its arrival to the end of its update."""
    of_block = vector_bytes(chip, program.stored_block_elements)
    return vector_bytes(chip, program.stored_elements) * samples + of_block


def held_bytes(chip: Chip, program: StageProgram) -> int:
    """Return the bytes that a stage's digital matrices take all the time."""
    return parameter_bytes(chip, program.held_elements)


def accumulator_bytes(chip: Chip, program: StageProgram) -> int:
    """Return the bytes that a stage takes all the time for what gradients add up in."""
    return parameter_bytes(chip, program.accumulator_elements)


def resident_bytes(setup: Setup, program: StageProgram) -> int:
    """Return the bytes that a stage takes all the time."""
    chip = setup.chip
    return held_bytes(chip, program) + accumulator_bytes(chip, program) + carried_bytes(setup, program)


def carried_bytes(setup: Setup, program: StageProgram) -> int:
    """Return the bytes of the states that a stage's layers carry, of a stream for each sample of a mini-batch."""
    streams = setup.samples * setup.schedule.shape.micro_batches
    return vector_bytes(setup.chip, program.carried_elements * streams)


def spaces_of(setup: Setup, kernel: Kernel) -> tuple[dict[int, Space], dict[str, FillCurve]]:
    """Return the space of each stage, and how full each buffer is over time, by its name.

    The stages of a place share its buffer; each of them is guaranteed what its schedule makes it store.
    """
    buffer = setup.chip.buffer
    held = [resident_bytes(setup, program) for program in setup.programs]
    spaces: dict[int, Space] = {}
    fills: dict[str, FillCurve] = {}
    for place in setup.plan.places:
        name = f"buffer {place.home}"
        gauge = None
        if buffer is not None:
            gauge = fills[name] = FillCurve(kernel)
        capacity = None if buffer is None else buffer.capacity
        if len(place.stages) == 1:
            spaces[place.stages[0]] = BufferSpace(name, capacity, gauge, held[place.stages[0]])
            continue
        shared = SharedSpace(name, capacity, gauge, sum(held[stage] for stage in place.stages))
        guaranteed = _stored_bytes(setup) if capacity is not None else [0] * len(setup.programs)
        spaces |= {stage: shared.share(guaranteed[stage], held[stage]) for stage in place.stages}
    return spaces, fills


def _stored_bytes(setup: Setup) -> list[int]:
    """Return the most bytes that the schedule makes each stage store."""
    return [
        most * footprint_bytes(setup.chip, program, setup.samples)
        for most, program in zip(setup.stored_max, setup.programs, strict=True)
    ]
