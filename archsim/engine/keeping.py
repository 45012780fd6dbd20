"""Runs a machine to its end, keeping checkpoints on the way and stopping where it is asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archsim.engine.checkpoint import restore_objects, store_objects
from archsim.engine.checkpoint_folder import CheckpointFolder
from archsim.engine.machine import Machine
from archsim.engine.untimed import UntimedMachine
from archsim.network.matrix import AnalogMatrix, MatrixState

__all__ = ["Keeper"]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a checkpoint holds."""

    machine: Machine | UntimedMachine
    matrices: dict[str, MatrixState]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps a run.

    Attributes
    ----------
    folder : CheckpointFolder or None
        Where checkpoints go.
    every : int or None
        Mini-batches between checkpoints; None writes one only when the run is interrupted.
    interrupted : callable or None
        Asked between events; where it says True, the run stops there.
    matrices : mapping of str to AnalogMatrix
        The matrices, whose arrays hold their state themselves.
    rebuilt : mapping of str to object
        What a checkpoint refers to by name.
    """

    folder: CheckpointFolder | None
    every: int | None
    interrupted: Callable[[], bool] | None
    matrices: Mapping[str, AnalogMatrix]
    rebuilt: Mapping[str, object]

    def restore(self, stored: bytes) -> Machine | UntimedMachine:
        """Take up a checkpoint: matrices get their state back, the machine is returned."""
        found: _Stored = restore_objects(stored, self.rebuilt)
        for name, state in found.matrices.items():
            self.matrices[name].restore(state)
        return found.machine

    def run(self, machine: Machine | UntimedMachine) -> bool:
        """Run to the end (True), or to where it was interrupted (False; a checkpoint is then written)."""
        every = self.every if self.folder is not None else None
        if every is None and self.interrupted is None:
            return machine.run()
        observer, interrupted = machine.observer, self.interrupted or _never
        while True:
            due = (observer.updated // every + 1) * every if every is not None else None

            def pause(due: int | None = due) -> bool:
                return interrupted() or (due is not None and observer.updated >= due)

            if machine.run(pause):
                return True
            self._save(machine)
            if interrupted():
                return False

    def _save(self, machine: Machine | UntimedMachine) -> None:
        if self.folder is not None:
            states = {name: matrix.state() for name, matrix in self.matrices.items()}
            self.folder.save(store_objects(_Stored(machine, states), self.rebuilt))


def _never() -> bool:
    return False
