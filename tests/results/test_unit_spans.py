"""An interval is spent on units and waiting, without a gap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archsim.results.unit_spans import UnitJob, spans_between

jobs = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 9), st.sampled_from("abc")).map(
        lambda job: UnitJob(job[0], job[0] + job[1], job[2], "")
    ),
    max_size=8,
)


@given(jobs=jobs, start=st.integers(0, 10), length=st.integers(0, 20))
def test_spans_follow_each_other_and_lie_within_their_jobs(jobs: list[UnitJob], start: int, length: int) -> None:
    spans = spans_between(jobs, start, start + length)
    assert [span.start_ps for span in spans] == [start, *(span.end_ps for span in spans[:-1])][: len(spans)]
    assert sum(span.end_ps - span.start_ps for span in spans) == length
    for span in spans:
        within = [job for job in jobs if job.start_ps < span.end_ps and job.end_ps > span.start_ps]
        if span.unit:
            assert any(
                job.unit == span.unit and job.start_ps <= span.start_ps and span.end_ps <= job.end_ps for job in within
            )
        else:
            assert not within


def test_the_longest_of_those_that_end_together_released_what_follows() -> None:
    jobs = [UnitJob(0, 5, "tile", ""), UnitJob(5, 9, "nmpu", ""), UnitJob(5, 12, "buffer", "")]
    assert [(span.unit, span.start_ps) for span in spans_between(jobs, 0, 12)] == [("tile", 0), ("buffer", 5)]


def test_the_head_of_a_message_goes_on_before_its_end() -> None:
    """Virtual cut-through: each link is held for 6, its head leaves after 4."""
    jobs = [UnitJob(0, 6, "a", ""), UnitJob(4, 10, "b", ""), UnitJob(8, 14, "c", "")]
    assert [tuple(span) for span in spans_between(jobs, 0, 14)] == [("a", "", 0, 4), ("b", "", 4, 8), ("c", "", 8, 14)]


def test_what_no_job_covers_was_waited() -> None:
    jobs = [UnitJob(0, 4, "a", ""), UnitJob(7, 9, "b", "")]
    assert [(span.unit, span.start_ps) for span in spans_between(jobs, 0, 10)] == [
        *(("a", 0), ("", 4), ("b", 7), ("", 9)),
    ]
