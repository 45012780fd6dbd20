"""Runs a machine to its end, keeping checkpoints on the way and stopping where it is asked to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from archsim.digital.arrays import Array
from archsim.engine.checkpoint.context import Context
from archsim.engine.checkpoint.folder import CheckpointFolder
from archsim.engine.checkpoint.longer import check_length
from archsim.engine.checkpoint.store import CheckpointError, restore_objects, store_objects
from archsim.engine.events.machine import Machine
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.errors import ArchsimError
from archsim.network.stationary import MatrixState

__all__ = ["CheckpointWriter"]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a checkpoint holds."""

    machine: Machine | UntimedMachine
    matrices: dict[str, MatrixState]
    parameters: dict[str, dict[str, dict[str, Array]]]
    mini_batches: int


@dataclass(frozen=True, slots=True)
class CheckpointWriter:
    """Keeps a run.

    Attributes
    ----------
    folder : CheckpointFolder or None
        Where checkpoints go.
    every : int or None
        Mini-batches between checkpoints; None writes one only when the run is interrupted.
    interrupted : callable or None
        Asked between events; where it says True, the run stops there.
    context : Context
        What a checkpoint refers to by name.
    """

    folder: CheckpointFolder | None
    every: int | None
    interrupted: Callable[[], bool] | None
    context: Context

    def restore(self, stored: bytes, fresh: Machine | UntimedMachine) -> Machine | UntimedMachine:
        """Take up a checkpoint: matrices get their state back, the machine is returned.

        Parameters
        ----------
        stored : bytes
            What was saved.
        fresh : Machine or UntimedMachine
            The machine as it begins.

        Raises
        ------
        CheckpointError
            If that is no checkpoint of such a machine.
        InputError
            If the run was to be of another length, and its state is not that of a run of this one.
        """
        found = restore_objects(stored, self.context.names())
        try:
            if not isinstance(found, _Stored) or type(found.machine) is not type(fresh):
                raise CheckpointError("the checkpoint is damaged or was not made by archsim: it holds no such run")
            check_length(found.machine, found.mini_batches, self.context.setup.schedule)
            for name, matrix in self.context.matrices.items():
                matrix.restore(found.matrices[name])
            for name, held in self.context.parameters.items():
                held.restore(found.parameters[name])
        except ArchsimError:
            raise
        except Exception as error:  # what stands there may be anything
            raise CheckpointError(
                f"the checkpoint is damaged or was not made by archsim ({type(error).__name__}: {error})"
            ) from error
        return found.machine

    def run(self, machine: Machine | UntimedMachine) -> bool:
        """Run to the end or to the target (True), or to where it was interrupted (False; a checkpoint is then written).

        At the end a checkpoint is written, too, where there is room: the results have yet to be saved.
        """
        if not self._run(machine):
            return False
        with contextlib.suppress(CheckpointError):
            self._save(machine)
        return True

    def _run(self, machine: Machine | UntimedMachine) -> bool:
        every, observer = self.every if self.folder is not None else None, machine.observer
        if every is None and self.interrupted is None and observer.target is None:
            return machine.run()
        interrupted = self.interrupted or _never
        while not observer.reached:
            due = (observer.updated // every + 1) * every if every is not None else None

            def pause(due: int | None = due) -> bool:
                return observer.reached or interrupted() or (due is not None and observer.updated >= due)

            if machine.run(pause) or observer.reached:
                return True
            self._save(machine)
            if interrupted():
                return False
        return True

    def _save(self, machine: Machine | UntimedMachine) -> None:
        if self.folder is not None:
            length = self.context.setup.schedule.shape.mini_batches
            states = {name: matrix.state() for name, matrix in self.context.matrices.items()}
            parameters = {name: held.state() for name, held in self.context.parameters.items()}
            self.folder.save(store_objects(_Stored(machine, states, parameters, length), self.context.names()))


def _never() -> bool:
    return False
