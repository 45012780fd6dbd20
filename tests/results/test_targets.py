"""What a run took to a target is what its learning curve says at the first evaluation that reached it."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from archsim.errors import InputError
from archsim.results import LearningCurve, targets_table
from archsim.results.learning import Score
from archsim.results.targets import TARGET_COLUMNS, way_to_target


def curve(*scores: tuple[float | None, float | None], clock: bool = True) -> pd.DataFrame:
    """Return a curve with an evaluation every 10 samples."""
    made = LearningCurve()
    for n, (accuracy, perplexity) in enumerate(scores, 1):
        score = Score(accuracy, None if perplexity is None else math.log(perplexity), perplexity)
        when = (1000 * n, 2.5 * n) if clock else (None, None)
        made.add(n, 10 * n, *when, 0.5, score, None, 3 * n, 700 * n)
    return made.frame()


def test_it_is_the_first_evaluation_at_or_above() -> None:
    learning = curve((0.2, None), (0.8, None), (0.5, None), (0.8, None), (0.9, None))
    for target, first in ((0.1, 0), (0.2, 0), (0.21, 1), (0.8, 1), (0.81, 4), (0.9, 4)):
        way = way_to_target(learning, accuracy=target)
        n = first + 1
        assert way.reached
        assert (way.evaluation, way.mini_batch, way.samples, way.time_ps) == (first, n, 10 * n, 1000 * n)
        assert (way.energy_pj, way.updates, way.pulses, way.reason) == (2.5 * n, 3 * n, 700 * n, "")


def test_what_was_not_reached_has_a_reason() -> None:
    way = way_to_target(curve((0.2, None), (0.85, None), (0.5, None)), accuracy=0.9)
    assert not way.reached
    assert way.samples is way.time_ps is way.energy_pj is way.updates is way.pulses is None
    assert way.reason == "not reached: the highest accuracy of 3 evaluations is 0.85, after 20 samples"
    assert way_to_target(curve((None, 7.0)), accuracy=0.9).reason == "the run measured no accuracy"
    assert way_to_target(curve(), accuracy=0.9).reason == "the run measured no accuracy"


def test_a_perplexity_is_to_be_low_and_both_are_to_be_there_at_once() -> None:
    learning = curve((0.9, 9.0), (0.2, 4.0), (0.8, 5.0))
    assert way_to_target(learning, perplexity=5.0).evaluation == 1
    assert way_to_target(learning, accuracy=0.8, perplexity=5.0).evaluation == 2
    missed = way_to_target(learning, accuracy=0.9, perplexity=5.0)
    assert missed.reason == "no evaluation reached both targets at once"
    assert "lowest perplexity" in way_to_target(learning, perplexity=3.0).reason
    nothing = way_to_target(curve((0.5, float("nan"))), perplexity=3.0)
    assert nothing.reason == "the run measured no perplexity"


def test_without_a_clock_time_and_energy_are_unknown() -> None:
    way = way_to_target(curve((0.5, None), clock=False), accuracy=0.5)
    assert (way.samples, way.time_ps, way.energy_pj, way.updates) == (10, None, None, 3)


def test_several_targets_are_a_table() -> None:
    learning = curve((0.2, None), (0.8, None))
    table = targets_table(way_to_target(learning, accuracy=target) for target in (0.1, 0.5, 0.9))
    assert list(table.columns) == list(TARGET_COLUMNS)
    assert table["samples"].tolist() == [10, 20, pd.NA]
    assert table["reason"].str.startswith("not reached").tolist() == [False, False, True]
    assert targets_table([]).empty


@pytest.mark.parametrize("target", [{}, {"accuracy": 0.0}, {"accuracy": 1.5}, {"perplexity": 0.5}])
def test_what_is_no_target_is_refused(target: dict[str, float]) -> None:
    with pytest.raises(InputError):
        way_to_target(curve((0.5, None)), **target)
