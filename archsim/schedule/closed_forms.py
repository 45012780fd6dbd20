"""What the textbook says: cycles, staleness and micro-batches in flight when F and B take one cycle each.

Used as oracles by tests and printed beside simulated values in reports. M stages, B micro-batches in
a mini-batch, N mini-batches, K = B N micro-batches; derivation from the drawing of arXiv:2410.15155.
"""

from __future__ import annotations

from archsim.schedule.actions import PipelineShape

__all__ = ["asynchronous_in_flight", "asynchronous_staleness", "makespan_cycles"]


def makespan_cycles(kind: str, shape: PipelineShape) -> int | None:
    """Return the makespan of a built-in schedule in cycles, or None for a kind without a closed form."""
    m, b, n = shape.stages, shape.micro_batches, shape.mini_batches
    if kind == "sequential":
        return 2 * m * b * n
    if kind in ("gpipe", "synchronous"):
        return 2 * (m + b - 1) * n
    if kind == "asynchronous":
        return 2 * (b * n + m - 1)
    if kind == "inference":
        return b * n + m - 1
    return None


def asynchronous_staleness(shape: PipelineShape, stage: int) -> float:
    """Return the mean over micro-batches k of min(k, M - 1 - stage) (stages count from 0)."""
    depth = min(shape.stages - 1 - stage, shape.total)
    return depth - depth * (depth + 1) / (2 * shape.total)


def asynchronous_in_flight(shape: PipelineShape, stage: int) -> int:
    """Return min(K, M - stage), the most micro-batches that a stage holds."""
    return min(shape.total, shape.stages - stage)
