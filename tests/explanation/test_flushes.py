"""A flush: a mini-batch that no place begins before it has done the others."""

from __future__ import annotations

from archsim.explanation import begins_after_flush, bubble_text, flushed_mini_batches, shares_text


def test_a_place_that_has_done_all_begins_the_next_mini_batch_after_a_flush() -> None:
    assert begins_after_flush([0, 0, 1, 1, 2]) == {2: 1, 4: 2}
    assert begins_after_flush([0, 1, 0, 1, 2, 1]) == {}
    assert begins_after_flush([]) == {}


def test_one_place_that_runs_ahead_makes_it_no_flush() -> None:
    assert flushed_mini_batches([[0, 0, 1, 1], [0, 1]]) == {1}
    assert flushed_mini_batches([[0, 1, 0, 1], [0, 1]]) == set()
    assert flushed_mini_batches([[], [0, 1]]) == {1}
    assert flushed_mini_batches([]) == set()


def test_shares_are_told_from_the_largest_on() -> None:
    assert shares_text({"F": 0.1, "U": 0.0, "B": 0.25}) == "B 25 %, F 10 %"
    assert bubble_text(0.35, {"fill": 0.1, "drain": 0.25}) == "bubble: 35 % (drain 25 %, fill 10 %)"
    assert bubble_text(0.0, {}) == "bubble: 0 %"
