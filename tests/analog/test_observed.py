"""Counts add up field by field, whichever of them are there."""

from dataclasses import astuple, fields

from hypothesis import given
from hypothesis import strategies as st

from archsim.analog.observed import Counts

#: Zeros are common: what most updates lack may not be lost on the way.
SOME = st.builds(Counts, *[st.sampled_from((0, 0, 1, 7, 2**40)) for _ in fields(Counts)])


@given(SOME, SOME)
def test_every_field_is_added(one, other):
    expected = tuple(a + b for a, b in zip(astuple(one), astuple(other), strict=True))
    before = astuple(one), astuple(other)
    assert astuple(one + other) == expected
    assert (astuple(one), astuple(other)) == before, "the sum is a record of its own"
    one += other
    assert (astuple(one), astuple(other)) == (expected, before[1])


def test_a_single_field_is_enough():
    for field in fields(Counts):
        total = Counts()
        total += Counts(**{field.name: 3})
        assert total == Counts(**{field.name: 3}), field.name
