"""Space that several stages share: what each is guaranteed, and who waits for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip.shared_space import SharedSpace, SpaceShare


class Waiter:
    """Notes when it is admitted, and whether it had to wait."""

    def __init__(self) -> None:
        self.waited: bool | None = None

    def admitted(self, waited: bool) -> None:
        self.waited = waited


def claim(share: SpaceShare, size: int) -> Waiter:
    waiter = Waiter()
    share.claim(size, waiter)
    return waiter


def test_a_share_cannot_take_what_another_one_is_guaranteed() -> None:
    space = SharedSpace("buffer", 10)
    greedy, late = space.share(2), space.share(4)
    assert claim(greedy, 6).waited is False
    blocked = claim(greedy, 1)
    assert blocked.waited is None
    assert claim(late, 4).waited is False
    greedy.release(6)
    assert blocked.waited is True
    assert (space.used, space.peak, greedy.used, late.used) == (5, 10, 1, 4)


def test_a_waiting_claim_blocks_only_its_own_share() -> None:
    space = SharedSpace("buffer", 8)
    first, second = space.share(0), space.share(2)
    assert claim(first, 6).waited is False
    large, small = claim(first, 3), claim(first, 1)
    assert claim(second, 1).waited is False
    first.release(6)
    # In the order of their claims, the small one behind the large one.
    assert (large.waited, small.waited) == (True, True)
    assert first.waiting == second.waiting == 0


def test_more_than_was_claimed_cannot_be_given_back() -> None:
    space = SharedSpace("buffer 3", None)
    share, other = space.share(0), space.share(0)
    assert claim(other, 5).waited is False
    with pytest.raises(RuntimeError, match="buffer 3 is given back 1 B"):
        share.release(1)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60),
    st.lists(st.integers(1, 4), min_size=3, max_size=3),
)
def test_space_is_never_exceeded_and_guarantees_hold(steps: list[tuple[int, bool]], sizes: list[int]) -> None:
    guaranteed = [2 * size for size in sizes]
    space = SharedSpace("buffer", sum(guaranteed) + 3)
    shares = [space.share(size) for size in guaranteed]
    for which, give in steps:
        share, size = shares[which], sizes[which]
        if give:
            if share.used:
                share.release(size)
            continue
        may_wait = share.waiting or share.used + size > share.guaranteed
        assert claim(share, size).waited is False or may_wait
        assert space.used == sum(one.used for one in shares) <= sum(guaranteed) + 3
