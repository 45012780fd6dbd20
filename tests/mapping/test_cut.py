"""Matrices cut into tiles."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.mapping.cut import balanced_cuts, grid


@given(st.integers(1, 5000), st.integers(1, 600))
def test_cuts_are_contiguous_as_few_and_as_equal_as_possible(size: int, largest: int) -> None:
    cuts = balanced_cuts(size, largest)
    assert [start for start, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
    assert cuts[-1][1] == size
    lengths = [end - start for start, end in cuts]
    assert len(cuts) == -(-size // largest)
    assert max(lengths) <= largest
    assert max(lengths) - min(lengths) <= 1


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40))
def test_every_cell_lies_on_exactly_one_part(inputs: int, outputs: int, rows: int, columns: int) -> None:
    covered = np.zeros((inputs, outputs), dtype=int)
    parts = grid((inputs, outputs), rows, columns)
    for (first_in, last_in), (first_out, last_out) in parts:
        assert 0 < last_in - first_in <= rows
        assert 0 < last_out - first_out <= columns
        covered[first_in:last_in, first_out:last_out] += 1
    assert (covered == 1).all()
    assert parts == tuple(sorted(parts))


def test_a_long_column_is_cut_evenly() -> None:
    assert {end - start for start, end in balanced_cuts(2016, 256)} == {252}
