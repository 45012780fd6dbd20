"""A converter without a resolution computes well, but is no converter: a run with a clock says so."""

from __future__ import annotations

import pytest

import archsim


def warnings_of(mode: str, **chip: object) -> tuple[str, ...]:
    document = {
        "network": "mlp-64-64-32-10",
        "chip": {"preset": "reram-1024", **chip},
        "data": {"samples": 4},
        "training": {"learning_rate": 0.1, "mini_batch": 2, "max_mini_batches": 1},
        "run": {"mode": mode},
    }
    return archsim.simulate(document).warnings


@pytest.mark.parametrize("mode", ["timing", "coupled"])
@pytest.mark.parametrize("name", ["adc", "dac"])
def test_times_and_energies_are_called_too_low(name: str, mode: str) -> None:
    found = [text for text in warnings_of(mode, **{name: {"bits": None}}) if f"chip.{name}.bits is null" in text]
    assert len(found) == 1
    assert "too low" in found[0]


def test_nothing_is_said_where_there_is_a_resolution_or_no_clock() -> None:
    assert not any("bits is null" in text for text in warnings_of("timing"))
    assert not any("bits is null" in text for text in warnings_of("numerics", adc={"bits": None}))
    assert not any("bits is null" in text for text in warnings_of("timing", preset="unit", adc={"bits": None}))
