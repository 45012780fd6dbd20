"""With the order of service at each unit kept, overlapping layers never takes longer: a graph only loses edges.

A small model of its own: tasks of layers, edges from a task to one that waits for it, time as the longest path. Where
every unit serves in the order in which it does without overlap, that order is edges, too. What overlap drops is then a
part of what other edges ask for, and no longest path can grow. First come, first served keeps no such order, and so can
lose (`test_overlap.py`).
"""

from __future__ import annotations

from collections import defaultdict
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim.schedule import kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

from .test_overlap import chain

Times = list[list[int]]


class Task(NamedTuple):
    """A task of a layer: the action of its stage and its place in it."""

    stage: int
    action: int
    step: int


class Pipeline:
    """Tasks of stages of layers, each of which has a tile, and a digital unit with the others of its stage."""

    def __init__(self, kind: str, micro_batches: int, total: int, reads: Times, jobs: Times) -> None:
        own = kind_of(ScheduleSpecification(kind=kind)).Settings
        schedule = make_schedule(own(kind=kind, micro_batches=micro_batches), len(reads), total // micro_batches)
        self.length: dict[Task, int] = {}
        self.layer: dict[Task, int] = {}
        self.unit: dict[Task, tuple[int, int]] = {}
        #: Tasks of the actions of each stage, and the kind of each action.
        self.actions: list[list[list[Task]]] = []
        self.kinds: list[list[str]] = []
        self.crossing: dict[tuple[int, str, int], list[Task]] = {}
        for stage in range(len(reads)):
            done = list(schedule.stage(stage))
            self.kinds.append([action.kind for action in done])
            self.actions.append([])
            for number, action in enumerate(done):
                tasks = []
                for layer, on_tile, length in self._steps(action.kind, action.count, reads[stage], jobs[stage]):
                    task = Task(stage, number, len(tasks))
                    self.length[task], self.layer[task] = length, layer
                    self.unit[task] = stage, layer if on_tile else -1
                    tasks.append(task)
                self.actions[stage].append(tasks)
                self.crossing[stage, action.kind, action.micro_batch] = tasks

    @staticmethod
    def _steps(kind: str, count: int, reads: list[int], jobs: list[int]) -> list[tuple[int, bool, int]]:
        layers = list(range(len(reads)))
        if kind == "F":
            return [step for n in layers for step in ((n, True, reads[n]), (n, False, jobs[n]))]
        if kind == "B":
            return [step for n in reversed(layers) for step in ((n, False, jobs[n]), (n, True, reads[n]))]
        return [(n, True, count * reads[n]) for n in layers]

    def edges(self, overlap: bool) -> list[tuple[Task, Task, bool]]:
        """Return who waits for whom: for the end, or (False) for the start only."""
        found = []
        for (stage, kind, k), tasks in self.crossing.items():
            before = {"F": stage - 1, "B": stage + 1}.get(kind)
            if (sent := self.crossing.get((before, kind, k))) is not None:
                found.append((sent[-1], tasks[0], True))
        for kinds, actions in zip(self.kinds, self.actions, strict=True):
            last_of: dict[int, Task] = {}
            for number, tasks in enumerate(actions):
                if not (overlap and kinds[number] == "U"):
                    found += [(one, other, True) for one, other in pairwise(tasks)]
                if number and overlap:
                    found.append((actions[number - 1][0], tasks[0], False))
                elif number:
                    found.append((actions[number - 1][-1], tasks[0], True))
                mine: dict[int, list[Task]] = defaultdict(list)
                for task in tasks:
                    mine[self.layer[task]].append(task)
                for layer, own in mine.items():
                    if overlap and layer in last_of:
                        found.append((last_of[layer], own[0], True))
                    last_of[layer] = own[-1]
        return found

    def ends(self, edges: list[tuple[Task, Task, bool]]) -> dict[Task, int]:
        """Return when each task ends: the longest path to it."""
        before: dict[Task, list[tuple[Task, bool]]] = {task: [] for task in self.length}
        for one, other, end in edges:
            before[other].append((one, end))
        order = TopologicalSorter({task: {one for one, _ in found} for task, found in before.items()})
        found: dict[Task, int] = {}
        for task in order.static_order():
            starts = (found[one] - (0 if end else self.length[one]) for one, end in before[task])
            found[task] = max(starts, default=0) + self.length[task]
        return found

    def served(self, ends: dict[Task, int]) -> list[tuple[Task, Task, bool]]:
        """Return the order of service at each unit as edges."""
        by_unit: dict[tuple[int, int], list[Task]] = defaultdict(list)
        for task in sorted(ends, key=lambda task: ends[task] - self.length[task]):
            by_unit[self.unit[task]].append(task)
        return [(one, other, True) for tasks in by_unit.values() for one, other in pairwise(tasks)]


def times(most: int) -> st.SearchStrategy[list[list[tuple[int, int]]]]:
    pairs = st.tuples(st.integers(2, 9), st.integers(1, most))
    return st.lists(st.lists(pairs, min_size=1, max_size=4), min_size=1, max_size=4)


def parts(stages: list[list[tuple[int, int]]]) -> tuple[Times, Times]:
    return [[read for read, _ in stage] for stage in stages], [[job for _, job in stage] for stage in stages]


@given(
    st.sampled_from(["sequential", "gpipe", "synchronous", "asynchronous", "zb-h1", "inference"]),
    st.integers(1, 4),
    st.integers(1, 3),
    times(30),
)
@settings(max_examples=200, deadline=None)
def test_with_the_order_of_service_kept_no_task_ends_later(
    kind: str, micro_batches: int, mini_batches: int, stages: list[list[tuple[int, int]]]
) -> None:
    pipeline = Pipeline(kind, micro_batches, micro_batches * mini_batches, *parts(stages))
    alone = pipeline.ends(pipeline.edges(overlap=False))
    order = pipeline.served(alone)
    # Units never serve two at a time, whether or not that is asked of them.
    assert alone == pipeline.ends(pipeline.edges(overlap=False) + order)
    overlapped = pipeline.ends(pipeline.edges(overlap=True) + order)
    assert all(overlapped[task] <= end for task, end in alone.items())


@given(st.integers(1, 4), times(12))
@settings(max_examples=12, deadline=None)
def test_the_machine_without_overlap_takes_the_longest_path(samples: int, stages: list[list[tuple[int, int]]]) -> None:
    reads, jobs = parts(stages)
    document = chain(reads, jobs, "none")
    document["data"]["samples"] = samples
    # Whole functions of all outputs are added, so a job may be a little shorter than asked for; cycles are whole.
    worked = [[-(-(9 * job // read * read) // 9) for read, job in stage] for stage in stages]
    pipeline = Pipeline("inference", 1, samples, reads, worked)
    longest = max(pipeline.ends(pipeline.edges(overlap=False)).values())
    run = archsim.simulate(document)
    assert round(run.metrics["makespan_ps"] / 1000) == longest


def test_the_case_that_loses_by_first_come_first_served_gains_in_a_kept_order() -> None:
    pipeline = Pipeline("inference", 1, 2, [[8, 9], [6, 6]], [[10, 1], [2, 20]])
    alone = pipeline.ends(pipeline.edges(overlap=False))
    assert max(alone.values()) == 96
    assert max(pipeline.ends(pipeline.edges(overlap=True) + pipeline.served(alone)).values()) < 96
