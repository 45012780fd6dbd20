"""The ledger and its small copies."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip.cost import energy_pj
from archsim.chip.counts import OPERATIONS, CountKey, UnitTime
from archsim.results import Ledger, Tally

from .synthetic import reram

CHIP = reram()
OPERATION = st.sampled_from([(c, o) for c, operations in OPERATIONS.items() if c != "stage_engine" for o in operations])
ENTRIES = st.lists(st.tuples(OPERATION, st.sampled_from("FBU"), st.sampled_from(["a", "b"]), st.integers(0, 10**9)))
TIMES = st.lists(st.tuples(st.sampled_from(["tile", "nmpu", "link"]), *[st.integers(0, 10**12)] * 3), max_size=6)


@given(ENTRIES)
def test_entries_add_up_to_the_total(entries: list[tuple[tuple[str, str], str, str, int]]) -> None:
    ledger = Ledger()
    for operation, phase, layer, count in entries:
        ledger.add(CountKey(*operation, phase, layer), count)
    expected: Counter[tuple[str, str]] = Counter()
    for operation, _, _, count in entries:
        expected[operation] += count
    assert sum(ledger.counts.values()) == expected.total()
    for operation, count in expected.items():
        assert ledger.total(*operation) == count


@given(ENTRIES, TIMES)
def test_a_tally_is_priced_like_its_ledger(
    entries: list[tuple[tuple[str, str], str, str, int]], times: list[tuple[str, int, int, int]]
) -> None:
    ledger = Ledger()
    for operation, phase, layer, count in entries:
        ledger.add(CountKey(*operation, phase, layer), count)
    units = [UnitTime(component, f"{component} {i}", *states) for i, (component, *states) in enumerate(times)]
    whole = math.fsum(energy_pj(ledger.counts, units, CHIP))
    assert Tally.of(ledger.counts, units).energy_pj(CHIP) == pytest.approx(whole, rel=1e-12, abs=1e-12)


def test_a_tally_does_not_follow_its_ledger() -> None:
    ledger = Ledger()
    key = CountKey("adc", "conversion", "F", "fc1")
    ledger.add(key, 5)
    tally = Tally.of(ledger.counts, ())
    ledger.add(key, 5)
    assert tally.counts == {("adc", "conversion"): 5}
    assert ledger.counts == {key: 10}
