"""Aggregates against the law of pulses one by one, clipped after each.

The twin makes the same aggregates as the core, bit for bit (test_update.py), and is asked for all normal numbers at
once: the distances are computed, not sampled, and there are no false alarms.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from archsim._core import UPDATE_CELL
from archsim.analog.reference.aggregate import Path, land, land_word
from archsim.analog.reference.response import in_full

from .families import SETTINGS, make_cells, make_law, make_response
from .instruction_sets import ALL, load
from .laws import law_after

Z = np.linspace(-3.9, 3.9, 157).astype(np.float32)
MOST = 1e-3


def aggregate(law, cell, start, words, alike, single):
    """Return the path, where it ends for every normal number of Z, and whether that may be used."""
    law, cells = in_full(law, np.repeat(cell[None], len(Z), axis=0))
    path = Path(law, cells, np.full(len(Z), start, np.float32))
    with np.errstate(all="ignore"):
        for (slots, ups), same in zip(words, alike, strict=True):
            path.advance(np.full(len(Z), slots, np.uint32), np.full(len(Z), ups, np.uint32), same)
        ends, failed = (land_word if single else land)(path, Z)
    assert failed.all() == failed.any()
    return path, ends, not failed[0]


#: How the pulses of a cell come.
WAYS = ["one pulse", "a word of one vector", "a listed vector", "a word of several vectors", "several words"]


def random_words(way, rng, most=8):
    """Return words of slots and ups, which of them are alike, and the directions in order."""
    words, alike, order = [], [], []
    for _ in range(int(rng.integers(2, most + 1)) if way == "several words" else 1):
        same = way == "a word of one vector" or (way == "several words" and rng.random() < 0.5)
        one_way = same or way == "a listed vector"
        count = 1 if way == "one pulse" else int(rng.integers(2, 32)) if same else int(rng.integers(1, 12))
        direction, slots, ups = rng.random() < 0.5, 0, 0
        for bit in sorted(rng.choice(32, count, replace=False).tolist()):
            up = bool(direction if one_way else rng.random() < 0.5)
            slots |= 1 << bit
            ups |= up << bit
            order.append(up)
        words.append((slots, ups))
        alike.append(same)
    return words, alike, order


def random_case(family, way, rng):
    deviation, step = float(rng.choice([0.1, 0.3, 1.0, 3.0])), float(10 ** rng.uniform(-3.3, -1.2))
    changes = {"deviation": deviation}
    if family in ("exponential", "power", "piecewise"):
        changes |= {"noise_add": float(rng.choice([0.0, step])), "noise_slope": float(rng.choice([0.0, 0.1 * step]))}
    law = make_law(family, **changes)
    cell = make_cells(family, 1, step, rng, deviation)[0]
    return (
        law,
        cell,
        np.float32(rng.uniform(0.9 * cell[0], 0.9 * cell[1])),
        *random_words(way, rng, 16 if family in ("constant", "additive") else 8),
    )


def excess(law, cell, start, order, path, ends):
    """Return by how much the law of the ends differs more from that pulse by pulse than rounding explains."""
    inside = (ends > cell[0]) & (ends < cell[1])
    exact = np.interp(ends, *law_after(law, cell, start, order))
    # weights are float32: what their last bit is worth
    rounding = 0.4 * np.abs(ends).max() * 2.0**-23 / path.spread()[0]
    return np.abs(exact - ndtr(Z.astype(np.float64)))[inside].max(initial=0) - rounding


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", SETTINGS)
def test_aggregates_are_close_to_the_law_pulse_by_pulse(family, way):
    """Steps from a tenth to a two-thousandth of the range, with a little to a lot of noise, from anywhere."""
    rng = np.random.default_rng([list(SETTINGS).index(family), WAYS.index(way)])
    aggregated = 0
    for _ in range(40):
        law, cell, start, words, alike, order = random_case(family, way, rng)
        path, ends, allowed = aggregate(law, cell, start, words, alike, way == "a word of several vectors")
        outside = path.lowest[0] - 4 * path.spread()[0] < cell[0] or path.highest[0] + 4 * path.spread()[0] > cell[1]
        assert allowed or len(order) > 1, "one pulse is always as good as an aggregate"
        assert not (allowed and outside and len(order) > 1), "an aggregate keeps away from the bounds"
        if not allowed or aggregated == 4:
            continue
        aggregated += 1
        assert excess(law, cell, start, order, path, ends) <= MOST
    assert aggregated >= (4 if family != "exponential" else 1)


@pytest.mark.parametrize("seed", [[2, 64, 1, 4], [3, 120, 1, 4]])
def test_noise_that_shrinks_with_a_curved_step_is_summed_up_right(seed):
    """Found among two thousand random cases: a tenth of a power step is gone at the end of two dozen pulses."""
    law, cell, start, words, alike, order = random_case("power", WAYS[1], np.random.default_rng(seed))
    path, ends, allowed = aggregate(law, cell, start, words, alike, single=False)
    assert allowed
    assert excess(law, cell, start, order, path, ends) <= 0.6 * MOST


CELLS = 64 * 1600


@pytest.fixture(params=ALL)
def kernels(request):
    return load(request.param)


def sample(kernels, law, cell, start, count):
    """Return the weights of many equal cells after pulses of one vector, at most 31 upwards."""
    weights = np.full((CELLS // 64, 64), start, np.float32).T.copy()
    outputs, inputs = weights.shape
    trains = kernels.Trains(outputs, inputs)
    trains.take(np.arange(inputs, dtype=np.int32), np.full((inputs, outputs), count, np.int32))
    cells = np.repeat(cell[None], weights.size, axis=0)
    response = make_response(kernels, law)
    kernels.apply_trains(trains, response, weights, None, cells, "both", 0, outputs, 1, 2, UPDATE_CELL, 3)
    return weights.reshape(-1)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("near_a_bound", [False, True])
@pytest.mark.parametrize("family", SETTINGS)
def test_cells_follow_the_law(kernels, family, near_a_bound, exact):
    """Kolmogorov-Smirnov with 102,400 cells, at a rate of 1e-4; aggregates may be 1e-3 away."""
    cell = make_cells(family, 1, 0.002, np.random.default_rng(3))[0]
    law = make_law(family, exact=exact, noise_add=0.0, noise_slope=0.0)
    start, count = (cell[1] - np.float32(0.005), 9) if near_a_bound else (np.float32(0.05), 7)
    weights = np.sort(sample(kernels, law, cell, start, count))
    edges, function = law_after(law, cell, start, [True] * count)
    found = np.searchsorted(weights, edges) / len(weights)
    allowed = stats.kstwobign.isf(1e-4) / np.sqrt(len(weights)) + (0.0 if exact or near_a_bound else MOST)
    assert np.abs(found - function).max() < allowed
    clipped = np.mean(weights == cell[1])
    assert clipped == 0.0 or near_a_bound
