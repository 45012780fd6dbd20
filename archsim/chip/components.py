"""The chip's parts as they work in time: units that serve one job at a time, and bounded buffers.

They know no numbers: a job tells, when it is granted, how long it takes, and is told when it is done.
All their state is in plain attributes; nothing lives in a suspended frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = [
    "NO_WORK_YET",
    "Arbiter",
    "BufferLevel",
    "BufferSpace",
    "Claimant",
    "Gauge",
    "Job",
    "Recorder",
    "Timekeeper",
    "Unit",
]

NO_WORK_YET = "no work yet"


class Timekeeper(Protocol):
    """What a component needs of an event kernel."""

    @property
    def now(self) -> int:
        """Simulated time in picoseconds."""

    def after(self, delay_ps: int, call: Callable[[], Any]) -> None:
        """Call back after a delay in picoseconds."""


class Recorder(Protocol):
    """What a component tells of its time; slices of a unit follow each other without a gap."""

    def unit(self, name: str, component: str, stage: int | None = None) -> int:
        """Return the number of a unit."""

    def cause(self, text: str) -> int:
        """Return the number of a cause of waiting."""

    def layer(self, text: str) -> int:
        """Return the number of a layer; the empty text stands for none."""

    def busy(
        self, unit: int, layer: int, action: str, micro_batch: int, start_ps: int, end_ps: int, cause: int
    ) -> None:
        """Record work, and what the unit waited for between its last work and this."""


class Job(Protocol):
    """A block of work for one unit."""

    layer: int
    phase: str

    @property
    def micro_batch(self) -> int:
        """The micro-batch that it belongs to."""

    @property
    def stage(self) -> int:
        """The stage that asks; -1 for none."""

    def start(self) -> int:
        """Do the work at the moment of the grant and return how long it takes, in picoseconds."""

    def finish(self) -> None:
        """Learn that the time is over."""


class Arbiter(Protocol):
    """Who says which job a unit serves next."""

    def position(self, waiting: Sequence[Job], served: Job) -> int:
        """Return the position of the next one among those that wait, when one has been served."""


class Unit:
    """A unit that serves one job at a time, in the order of their requests or as its arbiter says.

    Parameters
    ----------
    timekeeper : Timekeeper
        The event kernel.
    recorder : Recorder
        Told of every busy and idle slice.
    name, component : str
        Its own name, and what it is (``tile``, ``nmpu``, ``link``, ...).
    stage : int or None
        The stage that it works for, if it is one stage's own.
    arbiter : Arbiter, optional
        Asked whenever a job ends and others wait; without it they go in the order of their requests.
    """

    __slots__ = (
        "_arbiter",
        "_cause",
        "_has_worked",
        "_job",
        "_queue",
        "_recorder",
        "_since",
        "_timekeeper",
        "component",
        "name",
        "number",
    )

    def __init__(
        self,
        timekeeper: Timekeeper,
        recorder: Recorder,
        name: str,
        component: str,
        stage: int | None = None,
        arbiter: Arbiter | None = None,
    ) -> None:
        self._arbiter = arbiter
        self._timekeeper = timekeeper
        self._recorder = recorder
        self.name = name
        self.component = component
        self.number = recorder.unit(name, component, stage)
        self._job: Job | None = None
        self._since = 0
        self._queue: deque[Job] = deque()
        #: What the unit waited for before the job at hand; until its first job for nothing in particular.
        self._cause = recorder.cause(NO_WORK_YET)
        self._has_worked = False

    @property
    def timekeeper(self) -> Timekeeper:
        """The event kernel."""
        return self._timekeeper

    @property
    def busy_since(self) -> int | None:
        """When the job now served was granted, or None."""
        return None if self._job is None else self._since

    @property
    def backlog(self) -> int:
        """How many jobs are served or wait."""
        return len(self._queue) + (self._job is not None)

    def request(self, job: Job, cause: int) -> None:
        """Ask for service; `cause` says what the unit was waiting for if it is idle."""
        if self._job is not None:
            self._queue.append(job)
            return
        if self._has_worked:
            self._cause = cause
        self._job = job
        self._since = self._timekeeper.now
        self._timekeeper.after(job.start(), self._complete)

    def record(self) -> None:
        """Record the job at hand as far as it has come: the run ends within it."""
        job, now = self._job, self._timekeeper.now
        if job is not None:
            self._recorder.busy(self.number, job.layer, job.phase, job.micro_batch, self._since, now, self._cause)

    def _complete(self) -> None:
        job = self._job
        if job is None:
            raise RuntimeError(f"{self.name} completes a job that it does not have")
        now = self._timekeeper.now
        self._recorder.busy(self.number, job.layer, job.phase, job.micro_batch, self._since, now, self._cause)
        self._has_worked = True
        if self._queue:
            following = self._job = self._queue.popleft() if self._arbiter is None else self._chosen(self._arbiter, job)
            self._since = now
            self._timekeeper.after(following.start(), self._complete)
        else:
            self._job = None
        job.finish()

    def _chosen(self, arbiter: Arbiter, served: Job) -> Job:
        """Take the next job out of the queue."""
        position = arbiter.position(self._queue, served)
        job = self._queue[position]
        del self._queue[position]
        return job


class Claimant(Protocol):
    """Somebody who waits for space in a buffer."""

    def admitted(self, waited: bool) -> None:
        """Learn that the space is there, and whether it had to be waited for."""


class Gauge(Protocol):
    """Who is told how full a buffer is."""

    def level(self, size_bytes: int) -> None:
        """Learn that so many bytes are claimed from now on."""


class BufferLevel:
    """How full a buffer is.

    Parameters
    ----------
    name : str
        Its own name.
    capacity : int or None
        Bytes; None for no limit.
    gauge : Gauge, optional
        Told of every change.
    held : int
        Bytes of it that are taken from the beginning to the end.

    Attributes
    ----------
    used : int
        Bytes claimed now, beside those held.
    peak : int
        Most bytes at a time, those held included.
    """

    __slots__ = ("_gauge", "capacity", "held", "name", "peak", "used")

    def __init__(self, name: str, capacity: int | None, gauge: Gauge | None = None, held: int = 0) -> None:
        self.name = name
        self.capacity = capacity
        self.held = self.peak = held
        self.used = 0
        self._gauge = gauge
        if gauge is not None and held:
            gauge.level(held)

    def _change(self, size_bytes: int) -> None:
        """Let so many bytes more be claimed; fewer if negative."""
        self.used += size_bytes
        level = self.held + self.used
        self.peak = max(self.peak, level)
        if self._gauge is not None:
            self._gauge.level(level)


class BufferSpace(BufferLevel):
    """The space of a buffer. What does not fit waits, in the order of the claims.

    Parameters
    ----------
    name, capacity, gauge, held
        As of `BufferLevel`.
    """

    __slots__ = ("_waiting",)

    def __init__(self, name: str, capacity: int | None, gauge: Gauge | None = None, held: int = 0) -> None:
        super().__init__(name, capacity, gauge, held)
        self._waiting: deque[tuple[int, Claimant]] = deque()

    @property
    def whole(self) -> BufferSpace:
        """The whole buffer: this one, which nobody shares."""
        return self

    @property
    def waiting(self) -> int:
        """How many claims wait."""
        return len(self._waiting)

    def claim(self, size_bytes: int, claimant: Claimant) -> None:
        """Reserve space; the claimant is told at once or when enough has been released."""
        if self._waiting or not self._fits(size_bytes):
            self._waiting.append((size_bytes, claimant))
        else:
            self._change(size_bytes)
            claimant.admitted(False)

    def release(self, size_bytes: int) -> None:
        """Give space back and admit those who can now go on.

        Raises
        ------
        RuntimeError
            If more is given back than was claimed.
        """
        if size_bytes > self.used:
            raise RuntimeError(f"{self.name} is given back {size_bytes} B, but only {self.used} B are claimed")
        self._change(-size_bytes)
        while self._waiting and self._fits(self._waiting[0][0]):
            size, claimant = self._waiting.popleft()
            self._change(size)
            claimant.admitted(True)

    def _fits(self, size_bytes: int) -> bool:
        return self.capacity is None or self.held + self.used + size_bytes <= self.capacity
