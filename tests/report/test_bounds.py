"""What bounds the time, in rows for a person."""

from __future__ import annotations

import archsim
from archsim.report.bounds import bound_note, bound_rows, bubble_rows, bubble_shares
from archsim.report.figures import bubble_by_cause


def timed(*overrides: str) -> archsim.Run:
    short = ("training.max_mini_batches=2", "training.mini_batch=16", "schedule.micro_batches=4")
    return archsim.simulate("pipeline_unit", [*short, *overrides], mode="timing")


def test_units_and_all_of_a_kind_stand_with_share_and_gain() -> None:
    rows = bound_rows(timed("schedule.kind=sequential"))
    assert [row.unit for row in rows] == [*(f"stage {stage}" for stage in range(4)), "all stages"]
    assert {(row.share, row.actions, row.gain) for row in rows[:4]} == {("25 %", "F 12.5 %, B 12.5 %", "12.5 %")}
    assert (rows[4].share, rows[4].gain) == ("100 %", "50 %")
    tiles = timed("chip=reram-1024")
    assert "all tiles" in [row.unit for row in bound_rows(tiles)]
    assert bound_note(tiles).startswith("Gains are estimates")
    assert bound_rows(timed("run.timeline=false")) == []


def test_the_bubble_is_told_by_kinds_of_causes_that_add_up() -> None:
    run = timed("schedule.kind=synchronous")
    shares = bubble_shares(run)
    assert set(shares) == {"fill", "drain", "flush", "waiting for gradient"}
    assert abs(sum(shares.values()) - run.metrics["bubble_fraction"]) < 1e-12
    heads, rows = bubble_rows(run)
    assert heads[:2] == ("", "idle")
    assert [row[0] for row in rows] == [f"place {place}" for place in range(4)]
    figure = bubble_by_cause(run)
    assert figure is not None
    widths = sum(bar.get_width() for bar in figure.axes[0].patches)
    assert abs(widths / 400 - run.metrics["bubble_fraction"]) < 1e-9
    assert bubble_by_cause(timed("schedule.stages=1", "schedule.kind=sequential")) is None
