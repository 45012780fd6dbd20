"""The longest path through tasks: against all paths of small graphs, one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.explanation import START, TaskGraph


@st.composite
def graphs(draw: st.DrawFn) -> TaskGraph:
    count = draw(st.integers(1, 7))
    durations = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    before = [
        draw(st.lists(st.tuples(st.integers(START, task - 1), st.integers(0, 4)), max_size=3)) for task in range(count)
    ]
    behind = draw(st.one_of(st.just([]), st.tuples(*(st.integers(START, task - 1) for task in range(count))).map(list)))
    return TaskGraph(durations, before, behind)


def longest(graph: TaskGraph, durations: list[int], task: int) -> int:
    """Return the longest of all paths to the begin of a task, each walked by itself."""
    paths = [0]
    for other, lag in graph.before[task]:
        paths.append(lag if other == START else longest(graph, durations, other) + durations[other] + lag)
    if graph.behind and graph.behind[task] != START:
        paths.append(longest(graph, durations, graph.behind[task]))
    return max(paths)


@given(graph=graphs(), data=st.data())
def test_a_task_begins_at_the_longest_path_to_it_whatever_the_durations(graph: TaskGraph, data: st.DataObject) -> None:
    tasks = range(len(graph.durations))
    durations = list(graph.durations)
    assert graph.begins() == [longest(graph, durations, task) for task in tasks]
    others = [data.draw(st.integers(0, 9)) for _ in tasks]
    ends = graph.ends_with(np.array([durations, others], np.int64).T)
    assert ends.tolist() == [
        max(longest(graph, own, task) + own[task] for task in tasks) for own in (durations, others)
    ]


@given(graph=graphs())
def test_durations_and_lags_of_the_critical_path_add_up_to_the_end(graph: TaskGraph) -> None:
    begins = graph.begins()
    path = graph.critical_path(begins)
    end = 0
    for task, lag in path:
        assert begins[task] == end + lag
        end = begins[task] + graph.durations[task]
    assert end == max(begin + duration for begin, duration in zip(begins, graph.durations, strict=True))


def test_nothing_to_do_takes_no_time() -> None:
    graph = TaskGraph([], [])
    assert graph.begins() == []
    assert graph.critical_path([]) == []
