"""Accuracy over time."""

import pytest

from archsim.analog.inference import evaluate_over_time
from archsim.errors import InputError


def test_each_programming_is_read_at_all_times():
    log = []

    def accuracy(time_s, evaluation):
        log.append((time_s, evaluation))
        return 1.0 - evaluation / 10

    points = evaluate_over_time(lambda: log.append("program"), accuracy, (1.0, 60.0), 2)
    assert log == ["program", (1.0, 0), (60.0, 1), "program", (1.0, 2), (60.0, 3)]
    assert [point.time_s for point in points] == [1.0, 60.0]
    assert points[0].accuracies == (1.0, 0.8)
    assert points[0].mean == pytest.approx(0.9)
    assert points[0].deviation == pytest.approx(0.2 / 2**0.5)


def test_one_programming_has_no_deviation():
    assert evaluate_over_time(lambda: None, lambda time_s, evaluation: 0.5, (1.0,), 1)[0].deviation == 0.0


@pytest.mark.parametrize(("times", "repeats"), [((), 1), ((1.0,), 0)])
def test_nothing_to_do_is_refused(times, repeats):
    with pytest.raises(InputError, match="needs a time and a programming"):
        evaluate_over_time(lambda: None, lambda time_s, evaluation: 0.5, times, repeats)
