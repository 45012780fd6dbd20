"""Components from outside: ordinary SimPy generator processes that join a run and occupy units of the chip.

Their processes share the chip's event queue and its order of events. What a generator has done so far lives in its
frame, so a run with such components cannot be stored. A process may go on for ever: the run ends when the chip has
nothing left to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from typing import Any

from simpy import Environment
from simpy.events import NORMAL, Event, EventPriority

from archsim.chip.components import Recorder, Unit
from archsim.engine.events.kernel import Kernel
from archsim.errors import InputError

__all__ = ["Component", "SharedKernel", "UnitHandle", "join_components"]


class _Hold:
    """A job by which a component occupies a unit."""

    __slots__ = ("_duration_ps", "_handle", "ended", "layer", "micro_batch", "phase", "stage")

    def __init__(self, handle: UnitHandle, duration_ps: int, ended: Event) -> None:
        self._handle = handle
        self._duration_ps = duration_ps
        self.ended = ended
        self.layer = handle.layer
        self.phase = handle.component
        self.micro_batch = self.stage = -1

    @property
    def unstorable(self) -> str:
        return self._handle.unstorable

    def start(self) -> int:
        self._handle.serving = self
        return self._duration_ps

    def finish(self) -> None:
        self._handle.hold_ended(self)


class UnitHandle:
    """A unit of the chip, as a component from outside sees it.

    Attributes
    ----------
    component : str
        The component's name, under which its slices stand in the timeline.
    serving : object or None
        The hold that is served.
    """

    def __init__(self, kernel: SharedKernel, recorder: Recorder, unit: Unit, component: str) -> None:
        self._kernel = kernel
        self._unit = unit
        self._cause = recorder.cause(f"demand of {component}")
        self.layer = recorder.layer("")
        self.component = component
        self.serving: _Hold | None = None

    @property
    def name(self) -> str:
        """The unit's name."""
        return self._unit.name

    @property
    def unstorable(self) -> str:
        """Why a run in which this is used cannot be stored."""
        return self._kernel.unstorable

    def hold(self, duration_ps: int) -> Event:
        """Occupy the unit for a time, when it is its turn.

        Parameters
        ----------
        duration_ps : int
            How long, in picoseconds.

        Returns
        -------
        simpy.Event
            It happens when that time is over: a process says ``yield unit.hold(duration_ps)``.

        Raises
        ------
        InputError
            If the duration is no whole number, or negative.
        """
        _check_time(duration_ps, f"component '{self.component}' holds {self.name} for a time that is none")
        self._kernel.asked[self.name] += 1
        ended = self._kernel.event()
        self._unit.request(_Hold(self, duration_ps, ended), self._cause)
        return ended

    def hold_ended(self, hold: _Hold) -> None:
        """Learn that a hold is over, and let the process go on."""
        self.serving = None
        self._kernel.asked[self.name] -= 1
        hold.ended.succeed()

    @property
    def delays_the_chip(self) -> bool:
        """Whether work of the chip waits at the unit behind a hold of this component."""
        return self.serving is not None and self._unit.backlog > self._kernel.asked[self.name]

    def close(self) -> None:
        """Record the hold that is served at the end of a run."""
        if self.serving is not None:
            self._unit.record()


#: What joins a run: a function of the environment and of the chip's units by name, which returns a generator.
Component = Callable[[Environment, Mapping[str, UnitHandle]], Generator[Event, Any, Any]]


class SharedKernel(Kernel):
    """An event kernel that generator processes share with a chip.

    It has come to its end when no alarm of the chip is left; what processes wait for beside that does not count.

    Parameters
    ----------
    limit_ps : int
        The chip does nothing after this moment.
    components : tuple of str
        Names of the components from outside.

    Attributes
    ----------
    asked : Counter of str
        Holds of components that wait or are served, by unit.
    """

    def __init__(self, limit_ps: int, components: tuple[str, ...]) -> None:
        super().__init__(limit_ps)
        self.components = components
        self._alarms = 0
        self.asked: Counter[str] = Counter()
        self._handles: list[UnitHandle] = []

    @property
    def unstorable(self) -> str:
        """Why a run on this kernel cannot be stored."""
        return "; ".join(
            f"component '{name}' is a generator process, whose state cannot be stored: run without it, "
            "or without checkpoints"
            for name in self.components
        )

    def handle(self, recorder: Recorder, unit: Unit, component: str) -> UnitHandle:
        """Return a unit as a component sees it."""
        self._handles.append(UnitHandle(self, recorder, unit, component))
        return self._handles[-1]

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: Any = 0) -> None:
        """Enter an event.

        Raises
        ------
        InputError
            If a process waits for a time that is no whole number of picoseconds.
        """
        _check_time(delay, "a component waits for a time that is none")
        super().schedule(event, priority, delay)

    def after(self, delay_ps: int, call: Callable[[], Any]) -> None:
        """Call back after a delay, and count that; see `Kernel.after`."""
        super().after(delay_ps, call)
        self._alarms += 1

    def step(self) -> None:
        """Let the next thing happen, and count the alarms that are left."""
        self._alarms -= not isinstance(self._queue[0][3], Event)
        super().step()

    def advance(self, pause: Callable[[], bool] | None = None) -> bool:
        """Go on until the chip has nothing left to do; see `Kernel.advance`."""
        while self._works():
            self.step()
            if pause is not None and pause():
                return not self._works()
        for handle in self._handles:
            handle.close()
        return True

    def _works(self) -> bool:
        """Return whether an alarm of the chip's own is left; behind a component's hold its work may wait."""
        held = sum(handle.serving is not None for handle in self._handles)
        return self._alarms > held or any(handle.delays_the_chip for handle in self._handles)


class _Units(dict[str, UnitHandle]):
    """A chip's units by name, for one component."""

    def __init__(self, component: str, handles: Mapping[str, UnitHandle]) -> None:
        super().__init__(handles)
        self._component = component

    def __missing__(self, name: str) -> UnitHandle:
        raise InputError(
            f"component '{self._component}' asks for a unit that this run does not use",
            field="components",
            value=name,
            allowed=", ".join(self) or "no unit at all: this chip has stage engines only",
        )


def join_components(
    components: Mapping[str, Component], kernel: SharedKernel, units: Mapping[str, Unit], recorder: Recorder
) -> None:
    """Start the processes of components at the present moment.

    Parameters
    ----------
    components : mapping of str to callable
        By name.
    kernel : SharedKernel
        The event kernel.
    units : mapping of str to Unit
        The units of the chip by name.
    recorder : Recorder
        Told of every busy and idle slice.

    Raises
    ------
    InputError
        If one of them returns no generator.
    """
    for name, make in components.items():
        handles = {unit: kernel.handle(recorder, of, name) for unit, of in units.items()}
        generator = make(kernel, _Units(name, handles))
        if not isinstance(generator, Generator):
            raise InputError(
                f"component '{name}' is no SimPy process",
                field="components",
                value=type(generator).__name__,
                allowed="a function of (environment, units) that yields events",
            )
        process = kernel.process(generator)
        process.callbacks.append(_raise_failure)


def _raise_failure(process: Event) -> None:
    """Raise what went wrong in a process as it is, where SimPy would make a copy of it."""
    if isinstance(process.value, BaseException):
        process.defused = True
        raise process.value


def _check_time(time_ps: object, problem: str) -> None:
    if not isinstance(time_ps, int) or time_ps < 0:
        raise InputError(problem, field="components", value=time_ps, allowed="a whole number of picoseconds, 0 or more")
