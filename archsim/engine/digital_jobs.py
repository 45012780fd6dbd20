"""Puts work of the digital unit together into jobs: what follows one after the other, and only there, is one job.

A job ends where its result goes to several, and where it would have to wait for something that its beginning can do
without. So a chain of operators between two matrices is one job, and parallel branches have jobs of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from archsim.network.graph import Node

__all__ = ["DigitalJob", "continued"]


@dataclass(eq=False)
class DigitalJob:
    """A job that is being put together.

    Attributes
    ----------
    collect : Node or None
        The layer whose matrices were read before it.
    nodes : list of Node
        Digital operators, in the order in which they are done.
    prepare : Node or None
        The layer whose matrices are read after it, transposed; nothing else can follow in the job.
    collected, prepared : int or None
        Of a recurrent layer, the time steps of both.
    givers : set of DigitalJob
        The jobs that it waits for.
    sums : int
        Numbers, per sample, that are added because gradients of several branches meet.
    """

    collect: Node | None = None
    nodes: list[Node] = field(default_factory=list)
    prepare: Node | None = None
    collected: int | None = None
    prepared: int | None = None
    givers: set[DigitalJob] = field(default_factory=set)
    sums: int = 0

    @classmethod
    def after(cls, jobs: Iterable[DigitalJob], collect: Node | None = None, collected: int | None = None) -> DigitalJob:
        """Return a job that begins when some others are done."""
        return cls(collect, collected=collected, givers=set(jobs))

    @property
    def tail(self) -> Node | None:
        """The node whose result it gives."""
        if self.prepare is not None:
            return None
        return self.nodes[-1] if self.nodes else self.collect

    def comes_after(self, jobs: set[DigitalJob]) -> bool:
        """Return whether it begins when all of some others are done."""
        missing, seen, ahead = set(jobs), {self}, [self]
        while missing and ahead:
            fresh = ahead.pop().givers - seen
            missing -= fresh
            seen |= fresh
            ahead += fresh
        return not missing


def continued(jobs: Iterable[DigitalJob], leads_on: Callable[[Node], bool]) -> DigitalJob | None:
    """Return the job among those that a node waits for which the node may continue; None if it needs one of its own.

    Parameters
    ----------
    jobs : iterable of DigitalJob
        The jobs that the node waits for.
    leads_on : callable
        Whether the result of a job's last node goes to this node and to no other.
    """
    needed = set(jobs)
    for job in needed:
        if job.tail is not None and leads_on(job.tail) and job.comes_after(needed - {job}):
            return job
    return None
