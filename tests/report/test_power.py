"""Power over time: energy neither gained nor lost."""

from __future__ import annotations

import math

import numpy as np
import pytest

from archsim.report.power import power_curve
from archsim.results import Run
from tests.integration.experiments import digits
from tests.results.synthetic import synthetic_run


@pytest.mark.parametrize("intervals", [1, 7, 1000])
@pytest.mark.parametrize("make", [synthetic_run, digits])
def test_power_over_the_whole_run_is_its_energy(make, intervals: int) -> None:
    run: Run = make()
    curve = power_curve(run, (0, run.observations.makespan_ps), intervals)
    widths = np.diff(curve.edges_ps)
    found = math.fsum(float((watts * widths).sum()) for watts in curve.watts.values())
    assert found == pytest.approx(run.metrics["energy_pj"], rel=1e-9)


def test_windows_add_up(run: Run) -> None:
    makespan = run.observations.makespan_ps
    whole = power_curve(run, (0, makespan), 1)
    middle = makespan // 3
    first, second = power_curve(run, (0, middle), 5), power_curve(run, (middle, makespan), 9)
    for component, watts in whole.watts.items():
        parts = [(curve.watts[component] * np.diff(curve.edges_ps)).sum() for curve in (first, second)]
        assert sum(parts) == pytest.approx(watts[0] * makespan, rel=1e-9)


def test_a_tile_draws_power_while_it_works(run: Run) -> None:
    """One forward read: the energies of its conversions and cells, over the time that it takes."""
    tile = run.timeline[(run.timeline["unit"] == "tile 2") & (run.timeline["action"] == "F")].iloc[0]
    others = run.timeline[
        (run.timeline["unit"].isin(["tile 0", "tile 1"]))
        & (run.timeline["action"] != "")
        & (run.timeline["start_ps"] < tile["end_ps"])
        & (run.timeline["end_ps"] > tile["start_ps"])
    ]
    start, end = int(tile["start_ps"]), int(tile["end_ps"])
    watts = power_curve(run, (start, end), 1).watts["tile"][0]
    cost = run.cost
    forward = cost[(cost["layer"] == "fc3") & (cost["phase"] == "F")]
    reads = run.timeline[(run.timeline["unit"] == "tile 2") & (run.timeline["action"] == "F")]
    of_tile = forward[forward["component"].isin(["array", "dac", "integrator", "adc"])]["dynamic_pj"].sum()
    mine = of_tile / (reads["end_ps"] - reads["start_ps"]).sum()
    assert watts >= mine
    if not len(others):
        leak = run.chip.tile.leakage
        assert watts == pytest.approx(mine + leak.active.value + 2 * leak.idle.value, rel=1e-9)


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic_run()
