"""The fixed-point unit applies scales, chooses powers of two and draws as stated; networks train with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

import archsim
from archsim.digital.affine import Affine
from archsim.digital.arithmetic import Arithmetic, make_arithmetic
from archsim.digital.rounding import Draws
from archsim.digital.specification import FixedPointSettings, Float16Settings
from archsim.engine.numerics.coupling import Numbers
from archsim.errors import InputError
from tests.digital.integer_unit import Q, exponents, numbers, shifted
from tests.digital.test_arithmetic import OF_SEQUENCES

MILLION = 1_000_000
WIDE, NARROW = Q(True, 6, 10), Q(True, 4, 4)
ROUNDINGS = ("nearest", "truncate")


def unit(**settings: Any) -> Arithmetic:
    return make_arithmetic(FixedPointSettings(**settings))


def equal(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Whether two arrays of float32 have the same bits."""
    assert found.dtype == expected.dtype == np.float32
    return found.shape == expected.shape and bool((found.view(np.int32) == expected.view(np.int32)).all())


@pytest.mark.parametrize("rounding", [*ROUNDINGS, "stochastic"])
def test_a_column_s_scale_and_offset_are_applied_in_one_step(rounding: str) -> None:
    random, q, scales, offsets = np.random.default_rng(4), Q(True, 4, 4), Q(False, 1, 7), Q(True, 7, 1)
    x = WIDE.random(random, (4000, 250))
    scale, offset = random.uniform(-0.3, 2.5, 250), random.uniform(-6, 6, 250)
    made, draws = unit(forward=q.text, rounding=rounding), Draws(0)
    for drawing in (made, draws):
        drawing.begin((3, 1), 40, len(x))
    found = made.affine(numbers(x, WIDE.f), scale.astype(np.float32), offset.astype(np.float32))
    added = (draws.uniforms(x.shape) * 2.0**24).astype(np.int64)
    # Words of columns: to nearest, whatever the rounding; an offset counts steps of 2^-4.
    k = scales.saturated(shifted(np.floor(scale.astype(np.float32) * 2.0**40).astype(np.int64), 33, "nearest"))
    o = offsets.saturated(shifted(np.floor(offset.astype(np.float32) * 2.0**40).astype(np.int64), 35, "nearest"))
    assert {scales.low, scales.high} <= set(k)
    assert {offsets.low, offsets.high} <= set(o)
    wide = x * k + (o << (WIDE.f + scales.f - q.f - offsets.f))
    words = shifted(wide, WIDE.f + scales.f - q.f, rounding, added)
    assert equal(found, numbers(q.saturated(words), q.f))


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("q", [Q(True, 1, 7), Q(True, 3, 2)], ids=lambda q: q.text)
def test_errors_carry_the_smallest_power_of_two_with_which_they_fit(q: Q, rounding: str) -> None:
    random, span = np.random.default_rng(5), (-6, 3)
    # Vectors of very different size: some too large for the range of exponents, some too small.
    x = random.integers(-(2**24), 2**24, (4000, 250)) >> random.integers(0, 24, (4000, 1))
    x[:3] = [[0], [1], [2**23 - 1]]
    f = 18
    made = unit(backward=q.text, rounding=rounding, exponents=span).backward
    found = made.number(numbers(x, f))
    e = exponents(x, f, q, *span)
    assert set(e) == set(range(span[0], span[1] + 1))
    words = shifted(x, (f + e - q.f)[:, None], rounding)
    assert ((words < q.low) | (words > q.high)).any()
    assert equal(found, numbers(q.saturated(words), (q.f - e)[:, None]))
    # What fits once is left alone.
    assert equal(made.number(found), found) or rounding == "truncate"
    products = made.multiply(found, found)
    assert all(products[row].any() for row in np.flatnonzero(np.abs(found).max(axis=1) > 0.25))


def test_stochastic_rounding_adds_a_part_of_the_last_place() -> None:
    random, q = np.random.default_rng(6), Q(True, 4, 4)
    x = WIDE.random(random, (1000, 1000))
    made = make_arithmetic(FixedPointSettings(rounding="stochastic"), seed=11)
    made.begin((3, 1), 40, 1000)
    found = made.number(numbers(x, WIDE.f))
    draws = Draws(11)
    draws.begin((3, 1), 40, 1000)
    added = (draws.uniforms((1000, 1000)) * 2.0**24).astype(np.int64)
    assert equal(found, numbers(q.saturated(shifted(x, WIDE.f - q.f, "stochastic", added)), q.f))
    # 999,000 draws of [0, 1) have a mean within 5 standard deviations (1.4e-3) of a half: false alarms 6e-7.
    assert abs(added.mean() / 2**24 - 0.5) < 5 / math.sqrt(12 * 1e6)
    # A third of a step goes up a third of the time: 5 standard deviations again.
    third = made.number(np.full((1000, 1000), 1 / 48, np.float32))
    assert abs(float((third > 0).mean()) - 1 / 3) < 5 * math.sqrt(2 / 9 / 1e6)


def test_random_numbers_belong_to_places_and_samples() -> None:
    def drawn(place: tuple[int, ...], first: int, samples: int, each: int = 5) -> NDArray[np.float64]:
        draws = Draws(1)
        draws.begin(place, first, samples)
        draws.uniforms((samples, 3))
        return draws.uniforms((samples, each))

    whole = drawn((1, 2), 8, 6)
    assert (np.concatenate([drawn((1, 2), 8, 2), drawn((1, 2), 10, 4)]) == whole).all()
    assert not (drawn((1, 3), 8, 6) == whole).any()
    assert not (drawn((1, 2), 14, 6) == whole).any()
    assert len(np.unique(whole)) == whole.size
    high = drawn((1, 2), 8 + 2**32, 6)
    assert not (high == whole).any()


@pytest.mark.parametrize(("f", "of"), [(np.tanh, math.tanh), (expit, lambda x: 1 / (1 + math.exp(-x)))])
@pytest.mark.parametrize("entries", [16, 256, 1024])
def test_sigmoid_and_tanh_are_looked_up(f: np.ufunc, of: Any, entries: int) -> None:
    q = Q(True, 4, 6)
    words = np.arange(q.low, q.high + 1)
    share = len(words) // entries
    table = []
    for first in range(q.low, q.high + 1, share):
        mean = (first + (share - 1) / 2) / 2**q.f
        table.append(round(of(mean) * 2**q.f))
    expected = np.repeat(np.clip(table, q.low, q.high), share)
    made = unit(forward=q.text, table_entries=entries)
    assert equal(made.function(f, numbers(words, q.f)), numbers(expected, q.f))
    assert equal(made.function(f, np.float32([-1e9, 1e9])), numbers(expected[[0, -1]], q.f))


def test_relu_is_exact_and_other_functions_are_rounded_once() -> None:
    made, x = unit(), numbers(NARROW.random(np.random.default_rng(7), 1000), 4)
    words = NARROW.saturated(np.rint(np.exp(x.astype(float)) * 16).astype(np.int64))
    assert equal(made.function(np.exp, x), numbers(words, 4))
    assert equal(made.number(np.maximum(x, 0)), np.maximum(x, np.float32(0)))


def test_dividing_by_zero_saturates() -> None:
    x = np.float32([1, -1, 0])
    assert unit().divide(x, np.zeros(3, np.float32)).tolist() == [7.9375, -8.0, 0.0]
    assert unit().function(np.log, np.float32([0, -1])).tolist() == [-8.0, 0.0]


def test_half_precision_equals_numpy_s() -> None:
    random = np.random.default_rng(8)
    a, b = (random.normal(size=MILLION).astype(np.float16) * np.float16(200) for _ in range(2))
    made = make_arithmetic(Float16Settings())
    x, y = a.astype(np.float32), b.astype(np.float32)
    limit = np.finfo(np.float16).max
    with np.errstate(over="ignore", divide="ignore"):
        for operation, f in ((made.add, np.add), (made.subtract, np.subtract), (made.multiply, np.multiply)):
            assert equal(operation(x, y), np.clip(f(a, b), -limit, limit).astype(np.float32))


def test_scales_and_biases_are_held_in_more_bits_than_they_are_applied_in() -> None:
    scale, bias = np.float32([0.6180339]), np.float32([0.1234567])
    affine = Affine(scale, bias, learn_scale=True, arithmetic=unit())
    affine.update((np.float32([0.001]), np.float32([0.001])), 0.1)
    assert affine.scale is not None
    assert affine.bias is not None
    # Held in steps of 2^-16, which a step of 1e-4 changes.
    assert affine.scale[0] == np.float32(round((round(0.6180339 * 2**16) / 2**16 - 1e-4) * 2**16) / 2**16)
    assert 0 < 0.1234567 - affine.bias[0] < 2e-4
    # Applied as 79/128 and 4/32: 79/128 + 1/8 = 0.742, which is 12/16 to the nearest.
    assert affine.forward(np.float32([[1.0]]), affine.scale, affine.bias)[0, 0] == 0.75


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"forward": "s(4;4)"}, "s\\(i,f\\)"),
        ({"forward": "s(0,8)"}, "sign"),
        ({"forward": "u(4,4)"}, "sign"),
        ({"update": "s(20,20)"}, "40 bits"),
        ({"scale": "u(0,0)"}, "0 bits"),
        ({"table_entries": 100}, "power of two"),
        ({"exponents": [4, 2]}, "smallest exponent first"),
        ({"forward": "s(4,12)"}, "element_bits"),
        ({"rounding": "up"}, "nearest"),
    ],
)
def test_what_cannot_be_built_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        archsim.load_experiment(digits(settings))
    assert caught.value.field is not None
    assert caught.value.field.startswith("chip.")


def digits(arithmetic: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    """Return an experiment of a few seconds on the digits."""
    chip = {
        "preset": "reram-1024",
        "device": {"preset": "soft-bounds", "w_max": 2, "w_min": -2, "dw_min": 0.002},
        "nmpu": {"arithmetic": {"kind": "fixed-point"} | arithmetic if arithmetic is not None else "float32"},
    }
    return {
        "network": "mlp-64-64-32-10",
        "chip": chip,
        "data": {"name": "digits"},
        "training": {"algorithm": "analog-sgd", "learning_rate": 0.1, "mini_batch": 10, "epochs": 2},
        "schedule": {"kind": "sequential"},
        "run": {"mode": "numerics", "seed": 1, "threads": 1},
    } | changes


def accuracy(arithmetic: dict[str, Any] | None) -> float:
    return float(archsim.simulate(archsim.load_experiment(digits(arithmetic))).metrics["accuracy"])


def test_the_digits_are_learned_with_eight_bits_and_not_with_three() -> None:
    eight = accuracy({})
    assert eight > accuracy(None) - 0.05
    assert accuracy({"backward": "s(1,2)"}) < eight - 0.2


def weights(**changes: Any) -> dict[str, NDArray[np.float32]]:
    """Return what is trained on tiles that cut the matrices, with stochastic rounding."""
    document = digits({"rounding": "stochastic"}, **changes)
    document["chip"]["tile"] = {"rows": 40, "columns": 24}
    document["network"] = {
        "input_shape": [64],
        "layers": [
            {"name": "a", "kind": "linear", "features": 30, "scaling": {"learn_out_scaling": True}},
            {"name": "t", "kind": "tanh"},
            {"name": "b", "kind": "linear", "features": 10, "inputs": ["t"]},
        ],
    }
    document["data"] = {"name": "digits", "samples": 60, "test_samples": 20}
    document["schedule"] = {"kind": "synchronous", "stages": 2, "micro_batches": 2} | changes.get("schedule", {})
    return dict(archsim.simulate(archsim.load_experiment(document)).weights)


def test_no_random_number_is_left_over_from_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of the numbers by an event says where it is before it rounds; what the last one said holds no more."""
    draws: list[Draws] = []
    begin, asked = Draws.begin, {"digital", "read", "update", "begin", "deliver_gradient", "finish"}
    monkeypatch.setattr(Draws, "begin", lambda self, *place: (draws.append(self), begin(self, *place))[1])

    def forgetting(name: str) -> Any:
        call = getattr(Numbers, name)

        def called(*arguments: Any) -> Any:
            if draws:
                draws[-1]._now.key = None
            return call(*arguments)

        return called

    for name in asked:
        monkeypatch.setattr(Numbers, name, forgetting(name))
    sections = {
        "training": digits({})["training"]
        | {"gradient_clipping": {"limit": 0.5}, "digital_optimizer": {"momentum": 0.9}, "max_mini_batches": 2},
        "schedule": {"kind": "gpipe", "stages": 2, "micro_batches": 2},
        "data": {"name": "digits", "samples": 20, "test_samples": 10},
    }
    assert weights(**sections)
    layers = [layer | ({"placement": "digital"} if layer["name"] == "first" else {}) for layer in OF_SEQUENCES]
    document = digits({"rounding": "stochastic"}, network={"input_shape": [64], "layers": layers}, **sections)
    assert archsim.simulate(archsim.load_experiment(document)).weights


def test_stochastic_rounding_depends_on_neither_schedule_nor_threads() -> None:
    run = digits({})["run"]
    expected = weights()
    gpipe = weights(schedule={"kind": "gpipe"})
    sequential = weights(schedule={"kind": "sequential", "stages": 1})
    threads, timed = weights(run=run | {"threads": 2}), weights(run=run | {"mode": "coupled"})
    other = weights(run=run | {"seed": 2})
    for name, array in expected.items():
        for found in (gpipe, sequential, threads, timed):
            assert (found[name] == array).all(), name
    assert any((other[name] != array).any() for name, array in expected.items())
