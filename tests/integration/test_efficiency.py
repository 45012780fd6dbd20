"""What an architect asks for: operations by time, energy and area, counted by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import archsim
from archsim import Run
from archsim.results.bottleneck import bottleneck_sentence

from .experiments import digits

#: 64-64-32-10: a matrix of the digits workload each.
CELLS = (64 * 64, 64 * 32, 32 * 10)


@pytest.fixture(scope="module")
def run() -> Run:
    return digits("run.mode=timing", "data.samples=1430")


def number(run: Run, name: str) -> float:
    value = run.metrics[name]
    assert isinstance(value, (int, float))
    return value


def test_macs_are_those_of_textbooks(run: Run) -> None:
    samples = run.metrics["samples"]
    assert isinstance(samples, int)
    assert run.metrics["macs_per_sample"] == sum(CELLS)
    # The first layer's input needs no gradient: its transposed read is skipped.
    assert run.metrics["macs"] == {
        "forward": samples * sum(CELLS),
        "backward": samples * sum(CELLS[1:]),
        "update": samples * sum(CELLS),
    }


def test_repeated_reads_are_no_more_macs() -> None:
    managed = digits("chip=rpu-512", "chip.io.bound_management=iterative", "chip.io.out_bound=0.5")
    plain = digits("chip=rpu-512", "chip.io.bound_management=none")
    assert max(managed.metrics["reads_per_mvm"].values()) > 1
    assert managed.metrics["macs"] == plain.metrics["macs"]


@pytest.mark.parametrize("algorithm", ["mixed-precision", "digital-sgd", "tiki-taka"])
def test_macs_do_not_depend_on_the_algorithm_nor_on_the_mode(run: Run, algorithm: str) -> None:
    coupled = digits(f"training.algorithm={algorithm}")
    numerics = digits(f"training.algorithm={algorithm}", mode="numerics")
    assert coupled.metrics["macs"] == numerics.metrics["macs"]
    macs = coupled.metrics["macs"]
    assert isinstance(macs, dict)
    assert macs["update"] == number(coupled, "samples") * sum(CELLS)


def test_stage_engines_do_the_same_macs() -> None:
    assert digits("chip=unit").metrics["macs"] == digits().metrics["macs"]


def test_efficiencies_agree_with_time_energy_and_area(run: Run) -> None:
    macs = run.metrics["macs"]
    assert isinstance(macs, dict)
    operations = 2 * (macs["forward"] + macs["backward"])
    seconds, joules = number(run, "makespan_ps") * 1e-12, number(run, "energy_pj") * 1e-12
    assert number(run, "tops") == pytest.approx(operations / seconds / 1e12, rel=1e-12)
    assert number(run, "tops_per_w") * number(run, "power_w") == pytest.approx(number(run, "tops"), rel=1e-12)
    assert number(run, "energy_per_mac_pj") == pytest.approx(joules * 1e12 / (operations / 2), rel=1e-12)
    assert number(run, "tops_per_mm2") * number(run, "area_um2") * 1e-6 == pytest.approx(number(run, "tops"), rel=1e-12)


def test_peak_is_what_the_chips_tiles_could_do(run: Run) -> None:
    """A read of reram-1024 takes 128 + 256 ns, and three tiles hold the three matrices."""
    assert number(run, "peak_tops") == pytest.approx(3 * 2 * 1024**2 / 384e3, rel=1e-12)
    assert number(run, "tops") < number(run, "peak_tops")


def test_buffers_hold_at_most_what_is_in_flight(run: Run) -> None:
    """A byte for each number: inputs, values and errors of each stage, and the gradients that come back to it."""
    stored = (64 + 64 + 64 + 64 + 64, 64 + 32 + 32 + 32 + 32, 32 + 10 + 10)
    peaks = run.metrics["peak_buffer_bytes"]
    assert isinstance(peaks, dict)
    assert len(peaks) == 3
    for peak, sample in zip(peaks.values(), stored, strict=True):
        assert peak % sample == 0
        assert peak > 0


def test_area_adds_up(run: Run, tmp_path: Path) -> None:
    assert math.fsum(run.area["area_um2"]) == run.metrics["area_um2"]
    assert (run.area["area_um2"] == run.area["count"] * run.area["unit_um2"]).all()
    counts = dict(zip(run.area["component"], run.area["count"], strict=True))
    assert counts == {"array": 3, "dac": 3072, "adc": 3072, "tile": 3, "nmpu": 3, "buffer": 3, "router": 3}
    run.save(tmp_path / "run")
    assert (tmp_path / "run" / "area.csv").read_text().splitlines()[0] == "component,count,unit_um2,area_um2"
    again = archsim.load_run(tmp_path / "run")
    assert again.area.equals(run.area)
    assert again.bottleneck == run.bottleneck
    assert again == run


def test_fewer_and_coarser_converters_are_smaller() -> None:
    areas = []
    for overrides in ((), ("chip.adc.per_tile=128",), ("chip.adc.bits=4",)):
        table = digits("run.mode=timing", "data.samples=48", *overrides).area.set_index("component")
        areas.append(float(table.loc["adc", "area_um2"]))
    # An eighth of the converters; 5.7 um^2 and 0.12522 um^2 a level, 16 levels instead of 256.
    assert areas[1] == pytest.approx(areas[0] / 8, rel=1e-12)
    assert areas[2] == pytest.approx(areas[0] * (5.7 + 16 * 0.12522) / (5.7 + 256 * 0.12522), rel=1e-12)


def test_a_smaller_tile_is_smaller_and_the_run_says_what_it_guesses() -> None:
    whole = digits("run.mode=timing", "data.samples=48")
    small = digits("run.mode=timing", "data.samples=48", "chip.tile.rows=256", "chip.tile.columns=256")
    assert small.area.set_index("component").loc["array", "unit_um2"] == pytest.approx(36337.5 / 16)
    assert not whole.warnings
    assert any("rows 256 instead of 1024" in warning for warning in small.warnings)
    before, after = (run.metrics["placeholder_share"] for run in (whole, small))
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["energy"] > 0
    assert before["time"] == 0.0


def test_placeholder_shares_are_sums_over_guessed_constants(run: Run) -> None:
    """Area: near-memory unit and router are guesses; energy: counted again from the table of costs."""
    shares = run.metrics["placeholder_share"]
    assert isinstance(shares, dict)
    table = run.area.set_index("component")["area_um2"]
    guessed = float(table["nmpu"] + table["router"])
    assert shares["area"] == pytest.approx(guessed / number(run, "area_um2"), rel=1e-12)
    cost = run.cost
    dynamic = cost[(cost.operation == "activation") | (cost.component == "host")].dynamic_pj.sum()
    expected = (dynamic + number(run, "leakage_pj")) / number(run, "energy_pj")
    assert shares["energy"] == pytest.approx(expected, rel=1e-9)


def test_the_bottleneck_is_the_busiest_unit_and_its_time_is_explained(run: Run) -> None:
    found = run.observations.bottleneck
    assert found is not None
    busiest = max(
        (unit for unit in run.observations.units if unit.component != "array"), key=lambda unit: unit.active_ps
    )
    assert (found.unit, found.busy_ps) == (busiest.unit, busiest.active_ps)
    assert sum(found.parts_ps.values()) == found.busy_ps
    share = found.busy_ps / number(run, "makespan_ps")
    sentence = bottleneck_sentence(found, run.observations.makespan_ps)
    assert f"{100 * share:.0f} % busy" in sentence
    assert sentence.endswith(f"saves at most {50 * share:.0f} %")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("chip.buffer.clock=1 MHz",), "buffer port of stage 0"),
        (("chip.nmpu.clock=1 MHz",), "near-memory unit of stage 0"),
        (("chip.host.clock=1 MHz",), "host port"),
        (("chip=unit",), "stage "),
    ],
)
def test_the_bottleneck_is_called_by_its_name(overrides: tuple[str, ...], words: str) -> None:
    run = digits("run.mode=timing", "data.samples=96", *overrides)
    assert run.bottleneck is not None
    assert run.bottleneck.startswith(words)


def test_a_unit_twice_as_fast_saves_no_more_than_said() -> None:
    slow, fast = (
        digits("run.mode=timing", "data.samples=480", f"chip.nmpu.clock={clock}") for clock in ("1 MHz", "2 MHz")
    )
    found = slow.observations.bottleneck
    assert found is not None
    assert found.component == "nmpu"
    saved = number(slow, "makespan_ps") - number(fast, "makespan_ps")
    # Every stage's unit is faster here; none saves more than half of what it was busy.
    busy = sum(unit.active_ps for unit in slow.observations.units if unit.component == "nmpu")
    assert 0 < saved <= busy / 2


def test_a_guessed_clock_counts_for_the_time() -> None:
    short = ("run.mode=timing", "data.samples=96")
    bound = digits(*short, "chip.nmpu.clock=1 MHz")
    preset = digits(*short, "chip.nmpu={clock: 1 MHz, timing: {source: x, status: placeholder}}")
    for run, share in ((bound, 0.0), (preset, 1.0)):
        shares = run.metrics["placeholder_share"]
        assert isinstance(shares, dict)
        assert shares["time"] == share


def test_a_repriced_run_has_the_figures_of_a_fresh_one() -> None:
    overrides = (
        "run.mode=timing",
        "data.samples=48",
        "chip.tile.rows=256",
    )
    prices = (
        "chip.adc.energy.per_step={value: 1 fJ}",
        "chip.tile.array_area={value: 500 um^2, source: x, status: published, domain: {rows: 128}, scaling: {rows: 2}}",
        "chip.tile.array_leakage.idle=1 mW",
        "chip.tile.cell_devices=2",
    )
    first, fresh = digits(*overrides), digits(*overrides, *prices)
    again = first.reprice(fresh.chip)
    assert again.metrics == fresh.metrics
    assert again.metrics != first.metrics
    assert again.area.equals(fresh.area)
    assert again.cost.equals(fresh.cost)
    assert again.warnings == fresh.warnings


def test_a_run_without_a_clock_shows_no_time(tmp_path: Path) -> None:
    run = digits(mode="numerics")
    assert run.metrics["makespan_ps"] is None
    assert run.learning["time_ps"].isna().all()
    run.save(tmp_path / "run")
    _, first = (tmp_path / "run" / "learning.csv").read_text().splitlines()[:2]
    assert first.split(",")[2:4] == ["", ""]
    assert archsim.load_run(tmp_path / "run") == run
