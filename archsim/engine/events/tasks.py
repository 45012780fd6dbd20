"""The tasks of a stage's steps: what is asked of units.

A step does one action at a time, so each task is made once and used for every micro-batch; it keeps
its tally, and the chunk at which it is.
"""

from __future__ import annotations

from typing import Protocol

from archsim.chip.components import Unit
from archsim.engine.chunks import Chunks
from archsim.schedule.actions import Action

__all__ = ["StepState", "Task", "UnitTask"]


class StepState(Protocol):
    """What a task needs to know of its step: its stage, the action that it is doing, and how its block is cut."""

    index: int
    action: Action
    chunks: Chunks
    last: int

    def task_done(self, chunk: int) -> None:
        """Learn that a task has done a chunk."""


class Task(Protocol):
    """A piece of a step."""

    def request(self, cause: int) -> None:
        """Ask for the next chunk to be done; `cause` says what its unit was waiting for."""


class UnitTask:
    """A task that occupies one unit, chunk after chunk.

    Attributes
    ----------
    layer : int
        Number of its layer in the timeline.
    phase : str
        What it belongs to.
    micro_batch : int
        The micro-batch that it was asked for last.
    """

    __slots__ = ("_ended", "_started", "_step", "_unit", "layer", "micro_batch", "phase")

    def __init__(self, step: StepState, unit: Unit, layer: int, phase: str) -> None:
        self._step = step
        self._unit = unit
        #: The chunks that start and end next; one may start before its unit has told the end of the other.
        self._started = self._ended = 0
        self.layer = layer
        self.phase = phase
        self.micro_batch = -1

    @property
    def stage(self) -> int:
        """The stage that asks for it."""
        return self._step.index

    @property
    def unit(self) -> Unit:
        """The unit that it occupies."""
        return self._unit

    def request(self, cause: int) -> None:
        """Ask for the unit."""
        self.micro_batch = self._step.action.micro_batch
        self._unit.request(self, cause)

    def _do_without_unit(self) -> None:
        """Be done at once: what has nothing to do waits in no queue."""
        self._unit.timekeeper.after(self.start(), self.finish)

    def start(self) -> int:
        """Do the work and return how long it takes; see `archsim.chip.components.Job`."""
        raise NotImplementedError

    def finish(self) -> None:
        """Tell the step."""
        step = self._step
        step.task_done(self._end_chunk() if step.last else 0)

    def _start_chunk(self) -> int:
        """Return the chunk that starts now."""
        chunk = self._started
        self._started = 0 if chunk == self._step.last else chunk + 1
        return chunk

    def _end_chunk(self) -> int:
        """Return the chunk that ends now."""
        chunk = self._ended
        self._ended = 0 if chunk == self._step.last else chunk + 1
        return chunk
