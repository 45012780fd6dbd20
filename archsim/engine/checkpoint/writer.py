"""Runs a machine to its end, keeping checkpoints on the way and stopping where it is asked to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archsim.engine.checkpoint.folder import CheckpointFolder
from archsim.engine.checkpoint.longer import check_length
from archsim.engine.checkpoint.store import CheckpointError, restore_objects, store_objects
from archsim.engine.events.machine import Machine
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.engine.program import DigitalStep, MatrixStep
from archsim.engine.setup import Setup
from archsim.errors import ArchsimError
from archsim.network.matrix import AnalogMatrix, MatrixState
from archsim.schedule.actions import Schedule

__all__ = ["CheckpointWriter", "rebuilt_names"]


def rebuilt_names(setup: Setup) -> dict[str, object]:
    """Return what a setup is made of by names that are the same whenever it is made."""
    names: dict[str, object] = {
        "setup": setup,
        "chip": setup.chip,
        "plan": setup.plan,
        "schedule": setup.schedule,
        "shape": setup.schedule.shape,
        "kinds of action": setup.schedule.kinds,
        "programs": setup.programs,
    }
    for program in setup.programs:
        name = f"program {program.index}"
        names[name] = program
        for number, edge in enumerate(program.imports):
            names[f"{name} import {number}"] = edge
        steps = [step for steps in program.actions.values() for step in steps]
        for number, step in enumerate(steps):
            names[f"{name} step {number}"] = step
            if isinstance(step, DigitalStep):
                names[f"{name} step {number} cost"] = step.cost
            elif isinstance(step, MatrixStep):
                names[f"{name} step {number} placement"] = step.placement
                for index, part in enumerate(step.placement.parts):
                    names[f"{name} step {number} part {index}"] = part
    return names


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a checkpoint holds."""

    machine: Machine | UntimedMachine
    matrices: dict[str, MatrixState]
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
        found = restore_objects(stored, self.rebuilt)
        try:
            if not isinstance(found, _Stored) or type(found.machine) is not type(fresh):
                raise CheckpointError("the checkpoint is damaged or was not made by archsim: it holds no such run")
            check_length(found.machine, found.mini_batches, self._schedule)
            for name, matrix in self.matrices.items():
                matrix.restore(found.matrices[name])
        except ArchsimError:
            raise
        except Exception as error:  # what stands there may be anything
            raise CheckpointError(
                f"the checkpoint is damaged or was not made by archsim ({type(error).__name__}: {error})"
            ) from error
        return found.machine

    def run(self, machine: Machine | UntimedMachine) -> bool:
        """Run to the end (True), or to where it was interrupted (False; a checkpoint is then written).

        At the end a checkpoint is written, too, where there is room: the results have yet to be saved.
        """
        if not self._run(machine):
            return False
        with contextlib.suppress(CheckpointError):
            self._save(machine)
        return True

    def _run(self, machine: Machine | UntimedMachine) -> bool:
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

    @property
    def _schedule(self) -> Schedule:
        schedule = self.rebuilt["schedule"]
        if not isinstance(schedule, Schedule):
            raise TypeError("a run's schedule goes by the name 'schedule'")
        return schedule

    def _save(self, machine: Machine | UntimedMachine) -> None:
        if self.folder is not None:
            states = {name: matrix.state() for name, matrix in self.matrices.items()}
            self.folder.save(store_objects(_Stored(machine, states, self._schedule.shape.mini_batches), self.rebuilt))


def _never() -> bool:
    return False
