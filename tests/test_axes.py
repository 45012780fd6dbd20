"""Axes and seeds as users write them."""

from __future__ import annotations

import pytest

import archsim
from archsim.document.axes import Axis, point_overrides, read_axis, read_seeds, with_seed


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("k=1,2", ("1", "2")),
        ("k= a , b", ("a", "b")),
        ("k=[[x], [y]],2", ("[[x], [y]]", "2")),
        ("k={a: 1, b: 2}, ideal", ("{a: 1, b: 2}", "ideal")),
        ("k='a,b',c", ("'a,b'", "c")),
        ("k=x=1", ("x=1",)),
    ],
)
def test_values_end_at_commas_outside_of_brackets_and_quotes(text: str, values: tuple[str, ...]) -> None:
    assert read_axis(text) == Axis("k", values)


@pytest.mark.parametrize("text", ["", "k", "=1", "k=", "k=1,,2"])
def test_an_axis_needs_a_key_and_values(text: str) -> None:
    with pytest.raises(archsim.InputError, match="not an axis"):
        read_axis(text)


def test_no_value_stands_twice() -> None:
    with pytest.raises(archsim.InputError, match="stands twice") as refused:
        read_axis("chip.adc.bits=6, 8,6")
    assert refused.value.value == "chip.adc.bits=6"
    with pytest.raises(archsim.InputError, match="stands twice"):
        archsim.sweep("mlp_digits", {"chip.adc.bits": [6, 6]}, "nowhere")


def test_a_grid_has_all_combinations_under_names_that_tell_them_apart() -> None:
    axes = [Axis("schedule.kind", ("gpipe", "sequential")), Axis("chip.adc.bits", ("6", "8"))]
    assert point_overrides(axes) == {
        "gpipe, bits=6": ("schedule.kind=gpipe", "chip.adc.bits=6"),
        "gpipe, bits=8": ("schedule.kind=gpipe", "chip.adc.bits=8"),
        "sequential, bits=6": ("schedule.kind=sequential", "chip.adc.bits=6"),
        "sequential, bits=8": ("schedule.kind=sequential", "chip.adc.bits=8"),
    }
    alike = [Axis("chip.adc.bits", ("6",)), Axis("chip.dac.bits", ("7",))]
    assert list(point_overrides(alike)) == ["chip.adc.bits=6, chip.dac.bits=7"]


@pytest.mark.parametrize(
    ("seeds", "read"),
    [
        ("1..5", (1, 2, 3, 4, 5)),
        ("1,4,7", (1, 4, 7)),
        ("3, 1..3", (3, 1, 2)),
        ("0", (0,)),
        (range(2), (0, 1)),
        ([2**63 - 1], (2**63 - 1,)),
    ],
)
def test_seeds(seeds: object, read: tuple[int, ...]) -> None:
    assert read_seeds(seeds) == read  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "seeds", ["", "5..1", "1..", "a", "-1", "1.5", "1..2..3", [], [1.5], [True], [-1], [2**63], "0..1000000000000", "²"]
)
def test_what_is_no_seed_is_refused(seeds: object) -> None:
    with pytest.raises(archsim.InputError, match="seed"):
        read_seeds(seeds)  # type: ignore[arg-type]


def test_another_seed_leaves_what_is_stated_by_itself() -> None:
    experiment = archsim.load_experiment("mlp_digits", ["run.device_seed=9"])
    run = with_seed(experiment, 4).run
    assert (run.seed, run.device_seed) == (4, 9)
    assert experiment.run.seed == 1
