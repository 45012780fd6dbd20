"""A component of one's own joins a whole run: time grows as worked out by hand, numbers stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import simpy

import archsim
from archsim.engine.events.external import UnitHandle
from archsim.errors import InputError
from archsim.simulation import Interrupted

#: One micro-batch after the other, and nothing beside it: what the first step is late, the end is late.
SEQUENTIAL = (
    "schedule.kind=sequential",
    "schedule.stages=1",
    "schedule.micro_batches=1",
    "training.mini_batch=2",
    "training.max_mini_batches=3",
    "data.samples=6",
    "data.test_samples=20",
)


def refresh(period_ps: int, duration_ps: int) -> Callable[[simpy.Environment, Mapping[str, UnitHandle]], Iterator[Any]]:
    def dram_refresh(env: simpy.Environment, units: Mapping[str, UnitHandle]) -> Iterator[Any]:
        while True:
            yield units["buffer 0"].hold(duration_ps)
            yield env.timeout(period_ps)

    return dram_refresh


def simulate(*overrides: str, mode: str = "timing", **options: Any) -> archsim.Run:
    run = archsim.simulate("mlp_digits", [*SEQUENTIAL, *overrides], mode=mode, **options)
    assert isinstance(run, archsim.Run)
    return run


def balanced(run: archsim.Run) -> None:
    slices = run.timeline
    assert (
        slices.groupby("unit", observed=True)
        .apply(lambda of: (of["end_ps"] - of["start_ps"]).sum())
        .eq(run.observations.makespan_ps)
        .all()
    )


def test_a_refresh_at_the_start_delays_the_end_by_what_it_leaves_of_the_first_step() -> None:
    free = simulate()
    slices = free.timeline
    first = slices[(slices["unit"] == "buffer 0") & (slices["action"] == "F")].iloc[0]
    tile = slices[(slices["unit"] == "tile 0") & (slices["action"] == "F")].iloc[0]
    step_end = max(first["end_ps"], tile["end_ps"])
    block_ps = 2 * int(step_end)
    late = simulate(components={"dram refresh": refresh(10**15, block_ps)})
    moved = block_ps + int(first["end_ps"] - first["start_ps"]) - int(step_end)
    assert late.observations.makespan_ps == free.observations.makespan_ps + moved
    balanced(late)
    assert late.observations.counts == free.observations.counts
    assert any("component 'dram refresh' took part in this run" in warning for warning in late.warnings)


def test_numbers_and_energy_of_operations_do_not_see_a_refresh_only_time_does() -> None:
    free, refreshed = (
        simulate(mode="coupled", components=components)
        for components in (None, {"dram refresh": refresh(10**6, 10**5)})
    )
    assert refreshed.observations.makespan_ps > free.observations.makespan_ps
    assert refreshed.learning["train_loss"].tolist() == free.learning["train_loss"].tolist()
    assert all((refreshed.weights[name] == free.weights[name]).all() for name in free.weights)
    balanced(refreshed)
    dynamic = [run.cost[run.cost["operation"] != "leakage"]["dynamic_pj"].tolist() for run in (free, refreshed)]
    assert dynamic[0] == dynamic[1]


@pytest.mark.parametrize(
    ("overrides", "mode", "options", "field"),
    [
        (("run.checkpoint_every=1",), "timing", {}, "run.checkpoint_every"),
        ((), "timing", {"resume": True}, "resume"),
        ((), "numerics", {}, "components"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    overrides: tuple[str, ...], mode: str, options: dict[str, Any], field: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="component 'dram refresh'") as found:
        simulate(*overrides, mode=mode, components={"dram refresh": refresh(1, 1)}, workspace=tmp_path, **options)
    assert found.value.field == field


def test_an_interrupted_run_tells_what_was_observed_and_writes_no_checkpoint(tmp_path: Path) -> None:
    asked = iter(range(100))
    with pytest.raises(Interrupted) as found:
        simulate(
            components={"dram refresh": refresh(10**6, 10**5)},
            workspace=tmp_path,
            interrupted=lambda: next(asked, None) is None,
        )
    assert found.value.run.observations.makespan_ps > 0
    assert not (tmp_path / "checkpoints").exists()
