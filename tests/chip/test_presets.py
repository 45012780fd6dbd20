"""The built-in chips: valid documents, and the published totals that they must reproduce."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from archsim import plugins
from archsim.chip import presets
from archsim.chip.area import Built, area_um2
from archsim.chip.operations import read_counts, update_counts
from archsim.chip.specification import Chip
from archsim.chip.timing import nmpu_ps, read_ps, update_ps
from archsim.chip.unit_energies import unit_energies
from archsim.specification import constants_of


@pytest.fixture
def reram() -> Chip:
    return Chip.model_validate(presets.reram_1024())


@pytest.fixture
def rpu() -> Chip:
    return Chip.model_validate(presets.rpu_512())


def price(chip: Chip, counts: Mapping[tuple[str, str], int]) -> float:
    energies = unit_energies(chip)
    return sum(count * energies[operation].pj for operation, count in counts.items())


def with_bits(chip: dict[str, object], bits: int) -> Chip:
    document = dict(chip)
    for converter in ("dac", "adc"):
        document[converter] = {**document[converter], "bits": bits}  # type: ignore[dict-item]
    return Chip.model_validate(document)


@pytest.mark.parametrize("name", ["unit", "reram-1024", "rpu-512", "rpu-512-single"])
def test_every_preset_comes_through_the_plug_in_door_and_survives_a_round_trip(name: str) -> None:
    document = plugins.load("archsim.chips", name)()
    chip = Chip.model_validate(document)
    assert chip.name == name
    assert Chip.model_validate(chip.model_dump(mode="json")) == chip


@pytest.mark.parametrize("name", ["unit", "reram-1024", "rpu-512", "rpu-512-single"])
def test_every_constant_that_a_preset_writes_has_a_source_and_none_is_the_users(name: str) -> None:
    chip = Chip.model_validate(plugins.load("archsim.chips", name)())
    for dotted, constant in constants_of(chip):
        assert constant.source, dotted
        assert constant.status != "user", dotted
        if "unpublished" in constant.source:
            assert constant.status == "placeholder", dotted
        if chip.stage_engine is None:
            assert constant.source != "not modelled", f"{dotted} was left out of the document"


def test_unit_chip_takes_one_cycle_for_forward_and_backward_and_none_for_the_update() -> None:
    chip = Chip.model_validate(presets.unit())
    assert chip.stage_engine is not None
    assert chip.stage_engine.forward.value == chip.stage_engine.backward.value == 1000
    assert chip.stage_engine.update.value == 0
    assert read_ps(chip, 64, 64, 8) == update_ps(chip, 8, 100) == nmpu_ps(chip, 100) == 0


def test_reram_vector_times_are_the_published_1280_ns(reram: Chip) -> None:
    read = read_ps(reram, 1024, 1024, 1)
    assert read == read_ps(reram, 1024, 1024, 1, transposed=True) == 384_000
    assert update_ps(reram, 1, 31) == 512_000
    assert 2 * read + update_ps(reram, 1, 31) == 1_280_000


def test_reram_reads_do_not_overlap(reram: Chip) -> None:
    assert read_ps(reram, 1024, 1024, 7) == 7 * 384_000


def test_reram_energies_are_the_published_totals_at_8_bits(reram: Chip) -> None:
    link = unit_energies(reram)["link", "byte_hop"].pj
    product = price(reram, read_counts(1024, 1024, 1)) + 1024 * link
    assert product == pytest.approx(12_850, rel=1e-5)
    outer = price(reram, update_counts(1024, 1024, 1)) + 1024 * link
    assert 2_200 <= outer <= 2_300
    assert 2 * product + outer == pytest.approx(28_000, rel=0.03)


def test_reram_total_at_4_bits_lies_near_the_published_2_7_nj() -> None:
    chip = with_bits(presets.reram_1024(), 4)
    link = 1024 * unit_energies(chip)["link", "byte_hop"].pj
    read, update = price(chip, read_counts(1024, 1024, 1)), price(chip, update_counts(1024, 1024, 1))
    assert 2 * read + update + 3 * link == pytest.approx(2_700, rel=0.1)


def slope_through_8_bits(published_nj: Iterable[float]) -> tuple[float, float]:
    """The line in 2**bits through the 8-bit value with least squared errors at 4 and 2 bits: (fixed, per step)."""
    at8, at4, at2 = published_nj
    slope = ((at8 - at4) * 240 + (at8 - at2) * 252) / (240**2 + 252**2)
    return at8 - 256 * slope, slope


@pytest.mark.parametrize(
    ("path", "published_nj", "lines"),
    [
        ("tile.energy.cell_read", (0.36, 0.13, 0.07), 2**20),
        ("tile.energy.cell_write", (1.66, 0.31, 0.22), 2**20),
        ("tile.energy.integration", (2.81, 0.15, 0.15), 2**10),
        ("tile.energy.write_row", (0.40, 0.20, 0.10), 2**10),
        ("tile.energy.write_column", (0.10, 0.09, 0.09), 2**10),
        ("dac.energy", (0.20, 0.10, 0.05), 2**10),
        ("adc.energy", (9.4, 0.59, 0.15), 2**10),
    ],
)
def test_reram_energies_are_the_stated_fit(reram: Chip, path: str, published_nj: tuple[float, ...], lines: int) -> None:
    constants = {name: constant.value for name, constant in constants_of(reram)}
    fixed, slope = slope_through_8_bits(published_nj)
    assert constants[f"{path}.fixed"] == pytest.approx(1000 * fixed / lines, rel=1e-5)
    assert constants[f"{path}.per_step"] == pytest.approx(1000 * slope / lines, rel=1e-5)


def test_reram_tile_has_the_published_area(reram: Chip) -> None:
    assert area_um2(reram, Built(2, 1, 2)) - area_um2(reram, Built(1, 1, 1)) == pytest.approx(75_000, rel=1e-6)


def test_unused_lines_cost_nothing(reram: Chip) -> None:
    small, wide = price(reram, read_counts(64, 10, 1)), price(reram, read_counts(64, 1024, 1))
    assert small < wide < price(reram, read_counts(1024, 1024, 1))


def test_rpu_times_are_those_of_the_published_table(rpu: Chip) -> None:
    assert read_ps(rpu, 512, 512, 1) == 40_000
    assert update_ps(rpu, 1, 5) == 25_000


def test_rpu_has_no_published_energy(rpu: Chip) -> None:
    for name, constant in constants_of(rpu):
        if not name.endswith(("_time", "host.latency")):
            assert constant.status == "placeholder", name
    assert price(rpu, read_counts(512, 512, 1)) == pytest.approx(5_240, rel=1e-3)
    assert price(rpu, update_counts(512, 512, 1)) > 0
