"""What each stage keeps in its buffer: activations, errors, and what gradients add up in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archsim.cli.schedule_times import counted, written
from archsim.engine.events.fit import StageMemory
from archsim.schedule import weight_versions
from archsim.simulation import Prepared

__all__ = ["memory_lines", "memory_record", "version_line"]


def memory_record(stage: StageMemory | None) -> dict[str, Any]:
    """Return the bytes of a stage as plain values; None where the chip stores nothing."""
    if stage is None:
        return dict.fromkeys(("activation_bytes", "error_bytes", "accumulator_bytes"))
    return {
        "activation_bytes": stage.micro_batch_bytes - stage.error_bytes,
        "error_bytes": stage.error_bytes,
        "accumulator_bytes": stage.accumulator_bytes,
    }


def memory_lines(prepared: Prepared) -> Iterator[str]:
    """Yield a line for each stage that stores something."""
    for stage in prepared.memory:
        activations, trains = stage.micro_batch_bytes - stage.error_bytes, prepared.schedule.trains
        errors = f", errors: {stage.error_bytes:,} B" if trains else ""
        line = f"stage {stage.stage} stores at most {counted(stage.micro_batches, 'micro-batch')}, each with "
        line += f"activations: {activations:,} B{errors}"
        beside = {
            "accumulators": stage.accumulator_bytes,
            "digital matrices": stage.held_bytes,
            "carried states": stage.carried_bytes,
        }
        kept = ", ".join(f"{name}: {count:,} B" for name, count in beside.items() if count)
        yield f"{line}; all the time {kept}" if kept else line


def version_line(prepared: Prepared) -> str:
    """Return how many versions of its weights each stage has between F and B, and who holds them."""
    schedule = prepared.schedule
    held = "of which a crossbar holds one"
    if schedule.weight_sets > 1:
        held = "each on crossbars of its own"
    elif schedule.stashes:
        held = "the earlier ones as copies"
    return f"versions of the weights from F to B, at most: {written(weight_versions(schedule))}, {held}"
