"""A stage engine stands for all units: what would have no effect beside it is refused."""

from __future__ import annotations

import pytest

import archsim
from archsim.chip.specification import Chip
from archsim.errors import InputError

BASE = {"network": "mlp-64-64-32-10", "data": {"name": "digits"}, "training": {"learning_rate": 0.1}}
ENGINE = {"forward": "2 ns", "backward": "3 ns", "update": "1 ns"}


def chip(section: object) -> Chip:
    return archsim.load_experiment(BASE | {"chip": section}).chip


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"nmpu": {"clock": "1 GHz", "lanes": 64}}, ["nmpu", "stage_engine.arithmetic"]),
        ({"buffer": {"clock": "1 GHz", "bytes_per_cycle": 64}}, ["buffer"]),
        ({"interconnect": "bus"}, ["interconnect"]),
        ({"host": {"clock": "1 GHz", "bytes_per_cycle": 64}}, ["host"]),
        ({"tile": {"pulse_time": "1 ns", "double_buffered": True}}, ["tile.double_buffered, tile.pulse_time"]),
        ({"tile": {"energy": {"cell_read": {"fixed": "1 fJ"}}}}, ["tile.energy.cell_read.fixed"]),
        ({"adc": {"per_tile": 8}, "dac": {"area": {"per_step": "1 um^2"}}}, ["dac.area.per_step, adc.per_tile"]),
    ],
)
def test_what_has_no_effect_is_named_with_what_to_do_about_it(section: dict[str, object], named: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        chip({"preset": "unit"} | section)
    text = str(caught.value)
    assert caught.value.field == "chip"
    assert all(words in text for words in ["a stage engine stands for all units", "stage_engine: null", *named])


def test_a_chip_of_units_becomes_one_of_stage_engines_once_it_names_nothing_else() -> None:
    with pytest.raises(InputError, match=r"nmpu, buffer, interconnect, host, tile\..* more"):
        chip({"preset": "rpu-512", "stage_engine": ENGINE})
    device = {"preset": "unit", "device": "ecram", "tile": {"rows": 512, "columns": 512}, "adc": {"bits": 7}}
    found = chip(device | {"stage_engine": ENGINE})
    assert (found.tile.rows, found.adc.bits, found.stage_engine is not None) == (512, 7, True)
