"""The cost model: nothing lost, nothing priced twice, and more is never cheaper."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip import presets
from archsim.chip.area import Built, area_um2
from archsim.chip.cost import (
    constants_used,
    cost_rows,
    cost_table,
    energy_pj,
    placeholders_used,
    timing_fingerprint,
    unit_energies,
)
from archsim.chip.counts import OPERATIONS, CountKey, UnitTime
from archsim.chip.operations import read_counts
from archsim.chip.specification import Chip
from archsim.specification import Constant, constants_of

RERAM = Chip.model_validate(presets.reram_1024())
RPU = Chip.model_validate(presets.rpu_512())
UNIT = Chip.model_validate(presets.unit())

KEYS = st.sampled_from([(component, name) for component, names in OPERATIONS.items() for name in names]).flatmap(
    lambda pair: st.builds(
        CountKey, st.just(pair[0]), st.just(pair[1]), st.sampled_from("FBU"), st.sampled_from(["fc1", "fc2", "fc10"])
    )
)
COUNTS = st.dictionaries(KEYS, st.integers(0, 10**15), max_size=30)
TIME = st.integers(0, 10**15)
UNITS = st.lists(
    st.builds(
        UnitTime,
        st.sampled_from(["tile", "nmpu", "buffer", "link", "host", "stage_engine"]),
        st.sampled_from(["0", "1"]),
        TIME,
        TIME,
        TIME,
    ),
    max_size=6,
)
CHIPS = st.sampled_from([RERAM, RPU, UNIT])


def changed(chip: Chip, converter: str, bits: int | None) -> Chip:
    return chip.model_copy(update={converter: getattr(chip, converter).model_copy(update={"bits": bits})})


@given(COUNTS, UNITS, CHIPS)
def test_ledger_sums_to_the_total(counts: dict[CountKey, int], units: list[UnitTime], chip: Chip) -> None:
    table = cost_table(counts, units, chip)
    dynamic, leakage = energy_pj(counts, units, chip)
    assert math.fsum(table["dynamic_pj"]) == dynamic
    assert math.fsum(table["leakage_pj"]) == leakage


@given(COUNTS, UNITS, CHIPS)
def test_ledger_holds_every_count_and_every_picosecond(
    counts: dict[CountKey, int], units: list[UnitTime], chip: Chip
) -> None:
    rows = list(cost_rows(counts, units, chip))
    counted = {CountKey(r.component, r.operation, r.phase, r.layer): r.count for r in rows if r.operation != "leakage"}
    assert counted == counts
    passed = sum(row.count for row in rows if row.operation == "leakage")
    assert passed == sum(unit.active_ps + unit.idle_ps + unit.gated_ps for unit in units)


@given(COUNTS, UNITS)
def test_total_does_not_depend_on_the_order(counts: dict[CountKey, int], units: list[UnitTime]) -> None:
    backwards = dict(reversed(list(counts.items())))
    assert energy_pj(counts, units, RERAM) == energy_pj(backwards, units[::-1], RERAM)


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=6), st.lists(TIME, min_size=2, max_size=6))
def test_total_does_not_depend_on_the_grouping(parts: list[int], times: list[int]) -> None:
    """The same conversions on one layer or on several, the same idle time of one unit or of several."""
    apart = {CountKey("adc", "conversion", "F", f"fc{i}"): n for i, n in enumerate(parts)}
    together = {CountKey("adc", "conversion", "F", "fc"): sum(parts)}
    alone = [UnitTime("nmpu", f"nmpu {i}", 0, time, 0) for i, time in enumerate(times)]
    summed = [UnitTime("nmpu", "several", 0, sum(times), 0, len(times))]
    assert energy_pj(apart, alone, RERAM) == pytest.approx(energy_pj(together, summed, RERAM), rel=1e-12)


def test_energy_of_a_case_worked_out_by_hand() -> None:
    """Numbers as they are written in the document, multiplied here: 8 bits are 256 steps."""
    chip = RERAM.model_dump(mode="json")
    adc, cell = chip["adc"]["energy"], chip["tile"]["energy"]["cell_read"]
    written = {name: float(each["value"].split()[0]) for name, each in adc.items()}
    read = {name: float(each["value"].split()[0]) for name, each in cell.items()}
    counts = {CountKey("adc", "conversion", "F", "a"): 3, CountKey("array", "cell_read", "B", "b"): 1000}
    expected = 3 * (written["fixed"] + 256 * written["per_step"]) + 1000 * (read["fixed"] + 256 * read["per_step"])
    dynamic, leakage = energy_pj(counts, (), RERAM)
    assert dynamic == pytest.approx(expected, rel=1e-12)
    # 3 x 9.18 pJ is the published 9.4 nJ of 1024 columns, 1000 x 0.343 fJ the 0.36 nJ of 2^20 cells.
    assert dynamic == pytest.approx(3 * 9400 / 1024 + 1000 * 360 / 2**20, rel=1e-4)
    assert leakage == 0.0


def test_every_operation_has_a_price_on_every_chip() -> None:
    operations = {(component, name) for component, names in OPERATIONS.items() for name in names}
    for chip in (RERAM, RPU, UNIT):
        assert set(unit_energies(chip)) == operations


def test_named_constants_are_those_of_the_document() -> None:
    known = {name for name, _ in constants_of(RERAM)}
    for energy in unit_energies(RERAM).values():
        assert set(energy.constants) <= known


@pytest.mark.parametrize("state", ["active", "idle", "gated"])
def test_each_power_state_leaks_its_own_power(state: str) -> None:
    times = {"active_ps": 0, "idle_ps": 0, "gated_ps": 0} | {f"{state}_ps": 5_000_000}
    unit = UnitTime("buffer", "buffer 0", **times)
    assert RERAM.buffer is not None
    power_w = getattr(RERAM.buffer.leakage, state).value
    assert energy_pj({}, (unit, unit), RERAM) == (0.0, power_w * 10_000_000)
    rows = {row.phase: row for row in cost_rows({}, (unit, unit), RERAM)}
    assert set(rows) == {"active", "idle", "gated"}
    assert rows[state].count == 10_000_000


def test_gated_units_leak_less_than_idle_ones() -> None:
    for component in ("tile", "nmpu", "buffer", "link"):
        idle = energy_pj({}, [UnitTime(component, "0", 0, 10**9, 0)], RERAM)[1]
        gated = energy_pj({}, [UnitTime(component, "0", 0, 0, 10**9)], RERAM)[1]
        assert 0 < gated < idle


@pytest.mark.parametrize("chip", [RERAM, RPU], ids=lambda chip: chip.name)
@pytest.mark.parametrize("converter", ["dac", "adc"])
def test_energy_of_a_read_rises_with_a_converters_resolution(chip: Chip, converter: str) -> None:
    counts = {CountKey(*operation, "F", "fc"): count for operation, count in read_counts(256, 256, 4).items()}
    totals = [energy_pj(counts, (), changed(chip, converter, bits))[0] for bits in range(2, 17)]
    assert totals == sorted(set(totals))
    assert energy_pj(counts, (), changed(chip, converter, None))[0] < totals[0]


def test_a_stage_engine_is_free() -> None:
    counts = {CountKey("stage_engine", "forward", "F", "fc"): 9, CountKey("adc", "conversion", "F", "fc"): 9}
    assert energy_pj(counts, [UnitTime("stage_engine", "0", 9, 9, 9)], UNIT) == (0.0, 0.0)
    assert area_um2(UNIT, Built(4, 4, 4)) == 0.0


def test_area_adds_tiles_and_nodes() -> None:
    assert RERAM.nmpu is not None
    assert RERAM.buffer is not None
    assert RERAM.interconnect is not None
    node = RERAM.nmpu.area.value + RERAM.buffer.area.value + RERAM.interconnect.area.value
    assert area_um2(RERAM, Built(6, 3, 6)) == pytest.approx(6 * 75_000 + 3 * node, rel=1e-6)


def test_table_of_nothing_has_its_columns() -> None:
    table = cost_table({}, (), RERAM)
    assert list(table) == ["component", "phase", "layer", "operation", "count", "dynamic_pj", "leakage_pj"]
    assert table.empty


def test_table_lists_layers_in_the_order_of_the_counts() -> None:
    counts = {CountKey("adc", "conversion", "F", layer): 1 for layer in ("fc1", "fc2", "fc10")}
    assert list(cost_table(counts, (), RERAM)["layer"]) == ["fc1", "fc2", "fc10"]


def test_constants_used_are_those_of_counted_operations_and_spent_times() -> None:
    counts = {CountKey("adc", "conversion", "F", "fc"): 3, CountKey("dac", "conversion", "F", "fc"): 0}
    assert set(constants_used(counts, (), RERAM)) == {"adc.energy.fixed", "adc.energy.per_step"}
    timed = constants_used(counts, [UnitTime("tile", "0", 5, 0, 0)], RERAM)
    assert {"adc.step_time", "tile.leakage.active", "tile.area", "buffer.area"} <= set(timed)
    assert not {"dac.step_time", "tile.leakage.idle", "nmpu.multiply_add"} & set(timed)
    assert placeholders_used(counts, [UnitTime("tile", "0", 5, 0, 0)], RERAM) == (
        "tile.leakage.active",
        "nmpu.area",
        "interconnect.area",
    )


def test_without_a_resolution_the_step_of_a_converter_is_not_used() -> None:
    counts = {CountKey("adc", "conversion", "F", "fc"): 3}
    assert set(constants_used(counts, (), changed(RERAM, "adc", None))) == {"adc.energy.fixed"}


def test_constants_of_a_stage_engine_are_its_cycles() -> None:
    counts = {CountKey("stage_engine", "forward", "F", "fc"): 3}
    used = set(constants_used(counts, [UnitTime("stage_engine", "0", 5, 0, 0)], UNIT))
    assert used == {"stage_engine.forward", "stage_engine.backward", "stage_engine.update", "tile.area"}


def replaced(chip: Chip, dotted: str, value: object) -> Chip:
    """The chip with another value and source of one constant."""
    document = chip.model_dump(mode="json")
    at = document
    *sections, last = dotted.split(".")
    for section in sections:
        at = at[section]
    at[last] = {"value": value, "source": "another", "status": "placeholder"}
    return Chip.model_validate(document)


def test_fingerprint_changes_with_times_and_not_with_prices() -> None:
    for name, constant in constants_of(RERAM):
        assert isinstance(constant, Constant)
        unit = {"energy": "pJ", "leakage": "W", "area": "um^2"}
        if name.endswith("_time"):
            other, same = replaced(RERAM, name, "777 ns"), False
        else:
            kind = next((kind for kind in unit if kind in name), "energy")
            other, same = replaced(RERAM, name, f"777 {unit[kind]}"), True
        assert (timing_fingerprint(other) == timing_fingerprint(RERAM)) is same, name


def test_fingerprint_ignores_sources_and_sees_resolutions_and_devices() -> None:
    fingerprint = timing_fingerprint(RERAM)
    assert timing_fingerprint(replaced(RERAM, "adc.step_time", "1 ns")) == fingerprint
    assert timing_fingerprint(changed(RERAM, "adc", 9)) != fingerprint
    assert timing_fingerprint(RERAM.model_copy(update={"device": RPU.device})) != fingerprint
    assert timing_fingerprint(RERAM.model_copy(update={"name": "other", "description": "else"})) == fingerprint
