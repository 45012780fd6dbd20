"""How a block of vectors is cut into chunks, and which chunks of its input a chunk needs."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.engine.steps import CopyStep, Step, TransferStep, WriteStep

__all__ = ["Chunks", "chunks_of"]


@dataclass(frozen=True, slots=True)
class Chunks:
    """The vectors of a micro-batch that pass a step, in runs of equal length; the last one may be shorter.

    Attributes
    ----------
    samples, vectors : int
        Samples of a micro-batch, and vectors of each.
    size : int or None
        Vectors of a chunk; None for all of them in one.
    """

    samples: int
    vectors: int = 1
    size: int | None = None

    @property
    def total(self) -> int:
        """Vectors of the block."""
        return self.samples * self.vectors

    @property
    def count(self) -> int:
        """Number of chunks."""
        return 1 if self.size is None else -(-self.total // self.size)

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Return the first vector of a chunk, and the one behind its last."""
        if self.size is None:
            return 0, self.total
        return chunk * self.size, min((chunk + 1) * self.size, self.total)

    def share(self, amount: int, chunk: int) -> int:
        """Return the chunk's share of an amount: in proportion to vectors, in whole numbers that add up to it."""
        first, last = self.bounds(chunk)
        return amount * last // self.total - amount * first // self.total

    def needs(self, source: Chunks, *, by_vector: bool) -> tuple[int, ...]:
        """Return, for each chunk, how many chunks of its input must be done.

        Parameters
        ----------
        source : Chunks
            Those of the step that gives the input.
        by_vector : bool
            Whether a vector needs the vector of the same number only; else it needs its whole sample.
        """
        return tuple(source._holding(self.bounds(chunk)[1], self, by_vector) for chunk in range(self.count))

    def _holding(self, last: int, target: Chunks, by_vector: bool) -> int:
        if self.size is None or target.size is None:
            return self.count
        needed = last if by_vector else -(-last // target.vectors) * self.vectors
        return -(-needed // self.size)


def chunks_of(step: Step, samples: int, size: int | None) -> Chunks:
    """Return how the block of a step is cut: an update is one, and so is what needs all of it.

    Where positions pass in turn, a chunk is a position of all samples.

    Parameters
    ----------
    step : Step
        The step.
    samples : int
        Samples of a micro-batch.
    size : int or None
        Vectors of a chunk; None for all of them in one.
    """
    if isinstance(step, (CopyStep, TransferStep, WriteStep)) or step.phase not in ("F", "B") or step.needs_block:
        return Chunks(samples)
    return Chunks(samples, step.vectors, samples if step.in_turn else size)
