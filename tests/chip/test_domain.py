"""A constant holds for the design that its source gave it for; beyond, a rule or a warning."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from archsim.chip import presets
from archsim.chip.domain import as_designed, departures, domain_warnings
from archsim.chip.provenance import timing_fingerprint
from archsim.chip.specification import Chip
from archsim.chip.timing import read_ps, update_ps
from archsim.specification import Constant, Domain, Scaling, constants_of


def chip_with(document: dict[str, Any], **changes: object) -> Chip:
    """A preset with other values under dotted names, written with __ for the dot."""
    for name, value in changes.items():
        at: Any = document
        *path, last = name.split("__")
        for part in path:
            at = at[part]
        at[last] = value
    return Chip.model_validate(document)


def reram(**changes: object) -> Chip:
    return chip_with(presets.reram_1024(), **changes)


def rpu(**changes: object) -> Chip:
    return chip_with(presets.rpu_512(), **changes)


def on(chip: Chip, name: str) -> Constant[Any]:
    return dict(constants_of(as_designed(chip)))[name]


@pytest.mark.parametrize("make", [presets.unit, presets.reram_1024, presets.rpu_512, presets.rpu_512_single])
def test_presets_stand_within_their_own_domains_or_scale(make: Any) -> None:
    chip = Chip.model_validate(make())
    assert not domain_warnings(chip)
    assert all(departure.covered for departure in departures(chip))


#: Constant, what leaves its domain, and what the rule makes of it: worked out by hand, not by the rule's code.
SCALED = [
    (reram, "tile.update_fixed_time", {"dac__bits": 4}, 1 / 16),
    (reram, "tile.array_area", {"tile__rows": 256, "tile__columns": 256}, 1 / 16),
    (reram, "tile.array_leakage.idle", {"tile__rows": 512}, 1 / 2),
    (reram, "tile.leakage.idle", {"tile__columns": 256}, 1 / 4),
    (reram, "tile.energy.cell_read.fixed", {"tile__rows": 256}, 1.0),
    (reram, "tile.energy.cell_write.per_step", {"tile__columns": 2048}, 1.0),
    (reram, "nmpu.area", {"nmpu__lanes": 128}, 2.0),
    (reram, "nmpu.area", {"node_nm": 28}, (28 / 16) ** 2),
    (reram, "nmpu.multiply_add", {"node_nm": 7}, 1 / 2),
    (reram, "nmpu.leakage.active", {"nmpu__lanes": 16}, 1 / 4),
    (reram, "buffer.area", {"buffer__capacity": "256 KiB"}, 1 / 4),
    (reram, "interconnect.area", {"interconnect__bytes_per_cycle": 32}, 1 / 2),
    (rpu, "tile.array_area", {"tile__rows": 128, "tile__columns": 512}, 1 / 4),
    (rpu, "tile.energy.cell_read.fixed", {"tile__rows": 128}, 1.0),
    (rpu, "tile.energy.integration.fixed", {"tile__rows": 256}, 1 / 2),
    (rpu, "dac.energy.per_step", {"tile__columns": 256}, 1 / 2),
    (rpu, "tile.leakage.gated", {"tile__columns": 1024}, 2.0),
    (rpu, "nmpu.area", {"nmpu__lanes": 175}, 1 / 4),
    (rpu, "nmpu.leakage.gated", {"nmpu__lanes": 1400}, 2.0),
    (rpu, "buffer.leakage.idle", {"buffer__capacity": "2 MiB"}, 2.0),
    (rpu, "interconnect.area", {"interconnect__bytes_per_cycle": 128}, 2.0),
]


@pytest.mark.parametrize(("make", "name", "changes", "factor"), SCALED)
def test_a_constant_outside_its_domain_follows_its_rule(
    make: Any, name: str, changes: dict[str, object], factor: float
) -> None:
    before, after = on(make(), name), on(make(**changes), name)
    assert after.value == pytest.approx(factor * before.value, rel=1e-12)
    assert "scaled" in after.source
    assert after.status in ("derived", "placeholder")


#: Constant, and what leaves its domain where no rule is stated.
LEFT = [
    (reram, "tile.energy.integration.fixed", {"tile__rows": 256}),
    (reram, "tile.energy.write_row.per_step", {"tile__columns": 256}),
    (reram, "tile.energy.write_column.fixed", {"tile__rows": 2048}),
    (reram, "dac.energy.fixed", {"tile__columns": 512}),
    (reram, "dac.step_time", {"dac__bits": 2}),
    (reram, "adc.step_time", {"adc__bits": 10}),
    (reram, "adc.energy.per_step", {"adc__bits": 10}),
    (reram, "adc.area.per_step", {"adc__bits": 12}),
    (reram, "dac.step_time", {"tile__rows": 2048}),
    (reram, "nmpu.multiply_add", {"buffer__element_bits": 16}),
    (reram, "buffer.read_byte", {"node_nm": 28}),
    (rpu, "tile.integration_time", {"tile__rows": 1024}),
    (rpu, "tile.integration_time", {"adc__bits": 12}),
    (rpu, "tile.pulse_time", {"tile__columns": 1024}),
    (rpu, "tile.update_fixed_time", {"tile__columns": 1024}),
    (rpu, "dac.step_time", {"dac__bits": 8}),
    (rpu, "adc.fixed_time", {"adc__bits": 12}),
]


@pytest.mark.parametrize(("make", "name", "changes"), LEFT)
def test_a_constant_without_a_rule_becomes_a_placeholder_and_warns(
    make: Any, name: str, changes: dict[str, object]
) -> None:
    before, chip = on(make(), name), make(**changes)
    after = on(chip, name)
    assert (after.value, after.status) == (before.value, "placeholder")
    assert "outside its domain" in after.source
    (warning,) = domain_warnings(chip)
    assert str(next(iter(changes.values()))) in warning
    assert name in {departure.name for departure in departures(chip) if not departure.covered}


def test_converters_without_a_resolution_are_no_published_ones() -> None:
    """Conversions that cost next to nothing must not look as if somebody had published them."""
    chip = reram(adc__bits=None)
    assert on(chip, "adc.energy.fixed").status == "placeholder"
    (warning,) = domain_warnings(chip)
    assert "adc_bits none instead of 2 to 8" in warning


def test_times_scale_to_whole_picoseconds_and_count_for_repricing() -> None:
    four = reram(dac__bits=4)
    assert on(four, "tile.update_fixed_time").value == 32_000
    other = reram(dac__bits=4, tile__update_fixed_time={"value": "32 ns", "source": "read", "status": "user"})
    assert timing_fingerprint(four) == timing_fingerprint(other)


def test_the_published_total_at_four_bits_follows_from_the_eight_bit_constants() -> None:
    """80 ns for a VMM, an MVM and an OPU at 4 bits (Marinella 2018, table of latencies)."""
    chip = as_designed(reram(dac__bits=4, adc__bits=4))
    both = read_ps(chip, 1024, 1024, 1) + read_ps(chip, 1024, 1024, 1, transposed=True)
    assert both + update_ps(chip, 1, 0) == 80_000


def test_a_users_own_constant_has_no_domain() -> None:
    chip = reram(tile__rows=256, tile__columns=256, tile__array_area="1000 um^2")
    assert on(chip, "tile.array_area").value == 1000.0
    assert on(chip, "tile.array_area").status == "user"


def test_resolving_twice_scales_once() -> None:
    chip = as_designed(reram(dac__bits=4, tile__rows=256))
    assert as_designed(chip) == chip


def test_a_domain_is_written_and_read_back() -> None:
    constant = Constant[float](value=2.0, domain=Domain(rows=(1, 8), dac_bits=8), scaling=Scaling(rows=1.0))
    again = Constant[float].model_validate(constant.model_dump(mode="json"))
    assert again == constant
    assert "columns" not in constant.model_dump()["domain"]
    assert "domain" not in Constant[float](value=2.0).model_dump()


@pytest.mark.parametrize(
    "wrong",
    [{"domain": {"rows": [8, 1]}}, {"domain": {"rows": 0}}, {"domain": {"rows": 8}, "scaling": {"columns": 1}}],
)
def test_an_impossible_domain_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Constant[float].model_validate({"value": 1.0, "source": "x", "status": "derived", **wrong})
