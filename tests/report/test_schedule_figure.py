"""The figure of a schedule shows what its times say."""

from __future__ import annotations

import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from archsim.report.figures import schedule_figure
from archsim.report.style import ACTION_COLOURS, svg_text
from archsim.schedule import StageCycles, kind_of, make_schedule
from archsim.schedule.action_times import ActionTimes, action_times
from archsim.schedule.specification import ScheduleSpecification


def laid(kind: str, mini_batches: int = 2, update: int = 2000) -> ActionTimes:
    settings = kind_of(ScheduleSpecification(kind=kind)).Settings(kind=kind, micro_batches=4)
    return action_times(make_schedule(settings, 4, mini_batches), (StageCycles(1000, 3000, update),) * 4)


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "zb-v", "inference"])
@pytest.mark.parametrize("update", [0, 2000])
def test_every_action_is_drawn_with_its_width_and_colour(kind: str, update: int) -> None:
    times = laid(kind, update=update)
    gantt = schedule_figure(times, 2, "stage times of the chip").axes[0]
    for symbol in times.schedule.kinds:
        boxes = [
            path.get_extents().width
            for drawn in gantt.collections
            if isinstance(drawn, PolyCollection) and ACTION_COLOURS[symbol] in map(to_hex, drawn.get_facecolor())
            for path in drawn.get_paths()
        ]
        durations = [d for (_, a), d in zip(times.actions, times.graph.durations, strict=True) if a.kind == symbol]
        assert len(boxes) == len(durations)
        if any(durations):
            assert sum(boxes) == pytest.approx(sum(durations) / 1000)


def test_numbers_of_micro_batches_and_of_what_is_stored_are_told() -> None:
    times = laid("synchronous")
    gantt, _, memory, stale = schedule_figure(times, 2, "said").axes
    assert {text.get_text() for text in gantt.texts} == {str(k) for k in range(8)}
    assert {text.get_text() for text in memory.texts} <= {"1", "2", "3", "4"}
    assert [text.get_text() for text in stale.texts] == ["0"] * 4


def test_of_a_long_schedule_the_first_micro_batches_are_drawn_and_it_is_said() -> None:
    times = laid("asynchronous", mini_batches=30)
    figure = schedule_figure(times, 100, "modelled stage times")
    text = svg_text(figure)
    assert "makespan and bubble of the first 30 mini-batches" in text
    assert "shown is the time to" in text
    assert figure.axes[0].get_xlim()[1] * 1000 < times.makespan
    assert svg_text(schedule_figure(times, 100, "modelled stage times")) == text
