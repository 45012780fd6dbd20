"""Tiki-Taka, version 1, against plain loops and closed forms on cells that follow exactly."""

import numpy as np
import pytest
from pydantic import ValidationError

from archsim.analog.algorithms import TileOutline
from archsim.analog.algorithms.tiki_taka import TikiTaka
from archsim.analog.specification import ConstantStep, Ideal, IOParameters, SoftBounds, UpdateParameters
from archsim.analog.specification.algorithms import TikiTakaSettings
from tests.analog.algorithms.tiles import preset, tile
from tests.analog.crossbars import quiet


def expected(settings, x, d, rate, mini_batch, start):
    """Return the arrays after the vectors of x and d, written as loops over what the algorithm says."""
    n, (outputs, inputs) = settings.n_devices, start.shape
    arrays = [np.zeros((outputs, inputs)) for _ in range(n - 1)] + [start.copy()]
    fast = settings.fast_lr * (rate if settings.scale_fast_lr else 1) if settings.fast_lr else rate
    move = settings.transfer_lr * (rate if settings.scale_transfer_lr else 1)
    reads = settings.n_reads_per_transfer
    next_line = [0] * (n - 1)
    for t in range(1, len(x) + 1):
        arrays[0] -= fast * np.outer(d[t - 1], x[t - 1])
        for j in range(n - 1):
            every = settings.transfer_every * (inputs / reads) ** j
            every = np.ceil(every * mini_batch) if settings.units_in_mbatch else np.round(every)
            if every == 0 or t % every:
                continue
            for _ in range(reads):
                arrays[j + 1][:, next_line[j]] += move * arrays[j][:, next_line[j]]
                next_line[j] = (next_line[j] + 1) % inputs
    return arrays


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"units_in_mbatch": False, "transfer_every": 2.4},
        {"units_in_mbatch": True, "transfer_every": 0.7},
        {"n_reads_per_transfer": 2, "transfer_lr": 0.3},
        {"n_devices": 3, "units_in_mbatch": False, "n_reads_per_transfer": 2},
        {"fast_lr": 0.4, "scale_fast_lr": False, "transfer_lr": 0.02, "scale_transfer_lr": False},
        {"fast_lr": 0.0, "gamma": 0.3},
        {"n_devices": 4, "gamma": 0.5, "units_in_mbatch": False},
        {"transfer_every": 0.0, "gamma": 0.5},
    ],
    ids=str,
)
def test_ideal_cells_follow_the_equations(changes):
    settings = TikiTakaSettings(**changes)
    rng = np.random.default_rng(4)
    outputs, inputs, mini_batch = 3, 5, 4
    x, d = rng.uniform(-1, 1, (83, inputs)), rng.uniform(-1, 1, (83, outputs))
    start = rng.uniform(-0.5, 0.5, (outputs, inputs))
    array = tile(settings, outputs, inputs, Ideal(), mini_batch=mini_batch)
    array.program(start)
    array.update(x, d, 0.1, 0)
    arrays = expected(settings, x, d, 0.1, mini_batch, start)
    seen = sum(settings.gamma ** (settings.n_devices - 1 - i) * w for i, w in enumerate(arrays))
    for i, w in enumerate(arrays):
        np.testing.assert_allclose(array.state()[f"{i}.weights"], w, atol=1e-5)
    np.testing.assert_allclose(array.weights, seen, atol=1e-5)
    np.testing.assert_allclose(array.forward(x, 0).values, x @ seen.T, atol=1e-4)
    np.testing.assert_allclose(array.backward(d, 0).values, d @ seen, atol=1e-4)


def test_a_random_line_is_any_line():
    settings = TikiTakaSettings(random_selection=True, units_in_mbatch=False)
    array = tile(settings, 1, 4, Ideal())
    moved = []
    for k in range(400):
        before = array.weights.copy()
        array.update(np.ones((1, 4)), -np.ones((1, 1)), 0.1, k)
        moved += np.flatnonzero(array.weights != before).tolist()
    counts = np.bincount(moved, minlength=4)
    # Binomial(400, 1/4) leaves 100 +- 40 with a probability below 4e-6 a line.
    assert counts.sum() == 400
    assert np.abs(counts - 100).max() <= 40


def test_what_it_costs_is_counted():
    array = tile(TikiTakaSettings(units_in_mbatch=False, transfer_every=3.0, n_reads_per_transfer=2), 4, 6)
    rng = np.random.default_rng(1)
    work = array.update(rng.uniform(-1, 1, (10, 6)), rng.uniform(-1, 1, (10, 4)), 0.01, 0)
    assert work.transfer_reads == 3 * 2
    assert work.digital_operations == 3 * 2 * (6 + 4)
    assert work.memory_bits == 0
    assert work.transfer_slots > 0


def test_the_fast_array_may_have_another_device():
    coarse = quiet(ConstantStep, dw_min=0.5, w_max=100.0, w_min=-100.0)
    array = tile(TikiTakaSettings(fast_device=coarse, transfer_every=0.0), 1, 1)
    array.update(np.ones((1, 1)), -np.ones((1, 1)), 1.0, 0)
    np.testing.assert_allclose(array.state()["0.weights"], 1.0)


def test_it_has_no_floor_where_analog_sgd_has_one():
    """f = (w - w*)^2 / 2 under gradient noise sigma, on soft-bounds cells with tau = 1.

    The drift -(lr / tau) E|noise| w holds the mean of analog SGD at w* / (1 + sigma sqrt(2 / pi) / tau) (its law for
    noise well above the error; arXiv:2406.12774), here 0.3 / 1.239. Tiki-Taka settles at w* = 0.3. Means over 200
    independent cells and 1,000 steps fluctuate by 0.001, a fifth of the smaller tolerance.
    """
    device = quiet(SoftBounds, dw_min=2e-4, w_max=1.0, w_min=-1.0)
    sigma, target, cells, steps = 0.3, 0.3, 200, 4000
    found = {}
    slow = TikiTakaSettings(fast_lr=1.0, transfer_lr=0.05, scale_transfer_lr=False, units_in_mbatch=False)
    for name, settings in {"analog-sgd": preset("analog-sgd"), "tiki-taka": slow}.items():
        array = tile(settings, cells, 1, device)
        array.program(np.full((cells, 1), target))
        rng = np.random.default_rng(7)
        total = 0.0
        one = np.ones((1, 1))
        for k in range(steps):
            d = array.weights.T - target + sigma * rng.normal(size=(1, cells))
            array.update(one, d, 0.01, k)
            if k >= steps - 1000:
                total += array.weights.mean() / 1000
        found[name] = total
    assert abs(found["analog-sgd"] - 0.3 / (1 + sigma * np.sqrt(2 / np.pi))) < 0.01
    assert abs(found["tiki-taka"] - 0.3) < 0.005


def test_every_read_of_a_line_has_noise_of_its_own():
    """With A = 0 only the noise of reads is moved: n independent reads of a line add up to sqrt(n) sigma.

    Over 800 cells the relative error of a standard deviation is 1 / sqrt(1600) = 0.025: five times that either way.
    """
    sigma, reads = 0.1, 64
    settings = TikiTakaSettings(
        units_in_mbatch=False,
        n_reads_per_transfer=2,
        scale_transfer_lr=False,
        transfer_io=IOParameters(out_noise=sigma, noise_management="none"),
    )
    array = tile(settings, 200, 4, Ideal(), dac_bits=None, adc_bits=None)
    zeros = np.zeros((2 * reads, 4)), np.zeros((2 * reads, 200))
    array.update(*zeros, 0.1, 0)
    assert abs(array.weights.std() / (np.sqrt(reads) * sigma) - 1) < 0.125
    correlation = np.corrcoef(array.weights.T)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(200)


def test_every_write_has_noise_of_its_own():
    """A holds 1 in every cell and is moved n times by one pulse each: cycle noise of 1 adds up to sqrt(n) dw.

    Over 500 cells the relative error of a standard deviation is 1 / sqrt(1000): five times that either way.
    """
    noisy, writes = quiet(ConstantStep, dw_min=0.001, w_max=100.0, w_min=-100.0, dw_min_std=1.0), 100
    settings = TikiTakaSettings(
        units_in_mbatch=False,
        fast_device=Ideal(),
        fast_lr=1.0,
        scale_fast_lr=False,
        transfer_lr=0.001,
        scale_transfer_lr=False,
    )
    array = tile(settings, 500, 1, noisy)
    d = np.zeros((writes, 500))
    d[0] = -1.0
    array.update(np.ones((writes, 1)), d, 0.1, 0)
    assert abs(array.weights.mean() - 0.001 * writes) < 0.003
    assert abs(array.weights.std() / (0.001 * np.sqrt(writes)) - 1) < 5 / np.sqrt(1000)


#: Three arrays, of which the first two are read.
OUTLINE = TileOutline(2, 4, 1, Ideal(), UpdateParameters(), IOParameters(is_perfect=True))
CHAIN = {"kind": "tiki-taka", "n_devices": 3, "units_in_mbatch": False, "scale_fast_lr": False}


def descended(settings, vectors, inputs=4):
    """The arrays after so many vectors with the gradient -1 in every cell, exact cells, and what that took."""
    array = tile(TikiTakaSettings.model_validate(settings), 2, inputs, Ideal())
    work = array.update(np.ones((vectors, inputs)), -np.ones((vectors, 2)), 1.0, 0)
    return [crossbar.weights[0] for crossbar in array.crossbars], work


def chained(vectors, inputs, every, reads, rates):
    """Plain loops: one vector, then every array in turn that is due."""
    arrays, lines, moved = [np.zeros(inputs) for _ in range(3)], [0, 0], 0
    for vector in range(1, vectors + 1):
        arrays[0] += 1.0
        for k in range(2):
            if vector % every[k] == 0:
                for _ in range(reads[k]):
                    arrays[k + 1][lines[k]] += rates[k] * arrays[k][lines[k]]
                    lines[k] = (lines[k] + 1) % inputs
                    moved += 1
    return arrays, moved


def mean(settings, name):
    """What is expected of an update, for each vector."""
    expected = TikiTaka.expected(settings, OUTLINE)
    return getattr(expected, name) + sum(
        getattr(part, name) / part.every for part in (*expected.transfers, *expected.later)
    )


@pytest.mark.parametrize(
    ("every", "reads", "rates"),
    [
        ([1, 1], [1, 1], [1.0, 1.0]),
        ([2, 3], [1, 2], [0.5, 0.25]),
        ([3, 2], [4, 1], [0.1, 2.0]),
        ([5, 1], [2, 3], [1, 1]),
    ],
)
def test_every_array_of_a_chain_has_its_own_rhythm_and_rate(every, reads, rates):
    given = {"transfer_every": every, "n_reads_per_transfer": reads, "transfer_lr": rates}
    found, work = descended(CHAIN | given, 24)
    expected, moved = chained(24, 4, every, reads, rates)
    for weights, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(weights, wanted, rtol=1e-5)
    assert work.transfer_reads == moved


def test_a_single_number_spaces_later_arrays_by_a_pass_over_the_one_before():
    single, _ = descended(CHAIN | {"transfer_every": 2, "n_reads_per_transfer": 2}, 24)
    listed, _ = descended(CHAIN | {"transfer_every": [2, 4], "n_reads_per_transfer": [2, 2]}, 24)
    for one, other in zip(single, listed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_a_chain_takes_on_average_is_what_it_takes():
    given = CHAIN | {"transfer_every": [3, 2], "n_reads_per_transfer": [2, 3], "transfer_lr": [1, 0.5]}
    settings = TikiTakaSettings.model_validate(given)
    _, work = descended(given, 600)
    assert mean(settings, "transfer_reads") * 600 == work.transfer_reads == 600 * 2 // 3 + 600 * 3 // 2
    assert mean(settings, "digital_operations") * 600 == work.digital_operations
    silent = settings.model_copy(update={"transfer_lr": (1.0, 0.0)})
    assert mean(silent, "transfer_reads") * 600 == 600 * 2 // 3
    assert TikiTaka.expected(silent, OUTLINE).first_writes.first is None


def test_the_first_write_is_when_the_weights_first_change():
    for every, reads in (([3, 2], [1, 1]), ([1, 5], [2, 1]), ([2, 8], [1, 1]), (2, 1)):
        settings = TikiTakaSettings.model_validate(CHAIN | {"transfer_every": every, "n_reads_per_transfer": reads})
        writes = TikiTaka.expected(settings, OUTLINE).first_writes
        changed = [descended(settings.model_dump(), vectors)[0][-1].any() for vectors in range(1, writes.first + 1)]
        assert changed == [False] * (writes.first - 1) + [True]
        assert not descended(settings.model_dump(), writes.last - 1)[0][-1].all()
        assert descended(settings.model_dump(), writes.last)[0][-1].all()


@pytest.mark.parametrize("name", ["transfer_every", "n_reads_per_transfer", "transfer_lr"])
def test_a_list_has_one_for_each_array_that_is_read(name):
    with pytest.raises(ValidationError, match=f"{name}.*2 with n_devices 3, not 3"):
        TikiTakaSettings.model_validate(CHAIN | {name: [1, 1, 1]})
