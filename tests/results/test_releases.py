"""What released each job, on hand-made timelines: inputs before units, nothing that another micro-batch refutes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.explanation import START
from archsim.results.halving import gains_of_halving
from archsim.results.job_graph import job_graph, path_of_jobs
from archsim.results.releases import Release, Releases
from archsim.results.unit_jobs import Job, JobList

NAMES = ("link 0->1", "link 1->2", "tile 0", "tile 1", "tile 2")
COMPONENTS = ("link", "link", "tile", "tile", "tile")
FIRST_LINK, SECOND_LINK, FIRST, SECOND, THIRD = range(5)


def job(
    unit: int,
    start: int,
    end: int,
    micro_batch: int = 0,
    *,
    layer: str = "",
    action: str = "F",
    stage: int = 0,
    number: int = 0,
    cause: str = "",
) -> Job:
    return Job(start, end, unit, stage, layer or f"fc{unit}", action, micro_batch, number, cause)


def releases(*jobs: Job) -> Releases:
    return Releases(JobList(sorted(jobs), NAMES, COMPONENTS, whole=True))


def units_of_path(found: Releases) -> list[tuple[int, int, str]]:
    return [
        (found.jobs[number].unit, found.jobs[number].micro_batch, release.kind)
        for number, release in path_of_jobs(found)
    ]


def flow(times: list[int], micro_batches: int) -> list[Job]:
    """Return the jobs of units in a row: each serves micro-batch after micro-batch as the one before has done it."""
    jobs: list[Job] = []
    done = [0] * micro_batches
    for unit, time in enumerate(times):
        free = 0
        for micro_batch in range(micro_batches):
            start = max(free, done[micro_batch])
            free = done[micro_batch] = start + time
            jobs.append(job(FIRST + unit, start, free, micro_batch))
    return jobs


def test_a_slow_unit_is_on_the_path_from_its_first_job_to_its_last() -> None:
    found = releases(*flow([2, 5], 3))
    slow = [(SECOND, micro_batch, "unit") for micro_batch in (1, 2)]
    assert units_of_path(found) == [(FIRST, 0, ""), (SECOND, 0, "input"), *slow]


def test_an_input_comes_before_the_unit_where_both_were_there_at_the_same_moment() -> None:
    path = units_of_path(releases(*flow([3, 3], 3)))
    assert path == [(FIRST, 0, ""), (FIRST, 1, "unit"), (FIRST, 2, "unit"), (SECOND, 2, "input")]


def test_what_ended_later_in_another_micro_batch_was_no_input() -> None:
    """The third tile ends by chance when the second begins with micro-batch 0, and later than that in the next."""
    jobs = [job(FIRST, 0, 4), job(THIRD, 0, 4), job(SECOND, 4, 6), job(FIRST, 4, 8, 1), job(SECOND, 8, 9, 1)]
    alone = releases(*jobs)
    assert [alone.jobs[i].unit for i in alone.inputs(2)] == [FIRST, THIRD]
    both = releases(*jobs, job(THIRD, 4, 9, 1))
    second = both.jobs.index(job(SECOND, 4, 6))
    assert [both.jobs[i].unit for i in both.inputs(second)] == [FIRST]


def test_a_layer_that_comes_later_in_an_action_gives_no_input() -> None:
    """The first tile's second chunk begins when the next layer has done the first one: it waited for its own."""
    found = releases(job(FIRST, 0, 3), job(SECOND, 3, 5), job(FIRST, 3, 5, number=1), job(FIRST, 5, 8, number=2))
    assert found.release(3) == Release(found.jobs.index(job(FIRST, 3, 5, number=1)), "unit")


def test_of_several_inputs_the_longest_is_taken_then_the_first_by_unit() -> None:
    found = releases(job(FIRST, 0, 4), job(SECOND, 1, 4), job(THIRD, 4, 6))
    assert found.release(2) == Release(0, "input")
    found = releases(job(FIRST, 0, 4), job(SECOND, 0, 4), job(THIRD, 4, 6))
    assert found.jobs[found.release(2).job].unit == FIRST


def test_the_time_until_the_last_read_is_out_is_that_of_its_tile() -> None:
    found = releases(
        job(FIRST, 0, 4), job(FIRST, 4, 8, number=1), job(SECOND, 6, 7, cause="input from tile 0"), job(THIRD, 0, 6, 7)
    )
    number = found.jobs.index(job(SECOND, 6, 7, cause="input from tile 0"))
    assert found.release(number) == Release(found.jobs.index(job(FIRST, 0, 4)), "input", 2, fill=True)


def test_the_head_of_a_message_goes_on_before_its_end() -> None:
    first, second = job(FIRST_LINK, 0, 6, layer="fc1"), job(SECOND_LINK, 4, 10, layer="fc1")
    assert releases(first, second).release(1) == Release(0, "head", -2)


def test_a_layer_waits_for_its_earlier_action() -> None:
    late = job(SECOND, 5, 7, 1, layer="fc1", cause="earlier work of fc1")
    found = releases(job(FIRST, 0, 5, layer="fc1"), job(THIRD, 0, 5, 3), late)
    assert found.release(found.jobs.index(late)).kind == "layer"


def test_what_nothing_released_began_after_a_wait() -> None:
    found = releases(job(FIRST, 3, 5), job(SECOND, 9, 10, 1))
    assert found.release(0) == Release(START, "", 3)
    assert found.release(1) == Release(0, "other", 4)


@given(times=st.lists(st.integers(1, 9), min_size=1, max_size=3), micro_batches=st.integers(1, 6), data=st.data())
def test_the_path_has_no_gap_and_gains_are_no_less_than_those_of_faster_units(
    times: list[int], micro_batches: int, data: st.DataObject
) -> None:
    jobs = flow([2 * time for time in times], micro_batches)
    found = releases(*data.draw(st.permutations(jobs)))
    path = path_of_jobs(found)
    assert path == path_of_jobs(releases(*jobs))
    end = max(one.end_ps for one in jobs)
    on_path = [found.jobs[number] for number, _ in path]
    assert on_path[0].start_ps == 0
    assert on_path[-1].end_ps == end
    assert all(one.end_ps == following.start_ps for one, following in pairwise(on_path))
    made = job_graph(found)
    assert made.graph.begins() == [one.start_ps for one in found.jobs]
    own = [((NAMES[one.unit], "tile", "F", one.end_ps - one.start_ps),) for one in found.jobs]
    cases = [(NAMES[FIRST + unit], "tile", "") for unit in range(len(times))]
    gains = gains_of_halving(made.graph, own, [() for _ in made.owners], cases)
    for unit, case in enumerate(cases):
        halved = [time if number == unit else 2 * time for number, time in enumerate(times)]
        saved = end - max(one.end_ps for one in flow(halved, micro_batches))
        spent = sum(one.end_ps - one.start_ps for one in on_path if one.unit == FIRST + unit)
        assert saved <= gains[case] <= spent / 2


@pytest.mark.parametrize("times", [[2, 8, 4], [8, 2, 4], [2, 4, 8]])
def test_halving_the_slowest_unit_gains_what_its_jobs_took(times: list[int]) -> None:
    found = releases(*flow(times, 5))
    slow = NAMES[FIRST + times.index(8)]
    made = job_graph(found)
    own = [((NAMES[one.unit], "tile", "F", one.end_ps - one.start_ps),) for one in found.jobs]
    gains = gains_of_halving(made.graph, own, [() for _ in made.owners], [(slow, "tile", "")])
    assert gains[slow, "tile", ""] == 5 * 4
