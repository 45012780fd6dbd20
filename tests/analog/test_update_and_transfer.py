"""Lines that are read while a block of vectors is applied, against updates and reads one after the other."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import ks_2samp

from archsim.analog.specification import ConstantStep, IOParameters, SoftBounds, UpdateParameters, Vector
from archsim.errors import InputError
from tests.analog.crossbars import PERFECT, make, quiet

INPUTS, OUTPUTS, VECTORS = 9, 70, 12
#: Reads in the middle, at the beginning and at the end; two after the same vector.
FIRST, AFTER = 3, [0, 2, 7, 7, 12]
STEP = 2.0**-10
QUIET = quiet(ConstantStep, dw_min=STEP, w_max=100.0, w_min=-100.0)
TRAINS = {
    "short": UpdateParameters(),
    "long": UpdateParameters(desired_bl=70, update_management=False, update_bl_management=False),
    "counted": UpdateParameters(pulse_type="mean-count"),
    "exact": UpdateParameters(pulse_by_pulse=True),
    "no-pulses": UpdateParameters(pulse_type="none-with-device"),
}


def block(size=0.3, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (VECTORS, INPUTS)).astype(np.float32)
    d = rng.normal(0, size, (VECTORS, OUTPUTS)).astype(np.float32)
    x[4] = d[6] = 0.0
    return x, d


def one_by_one(crossbar, x, d, rate):
    """Return what is read, and the work, of updates and reads one after the other."""
    values, works = [], []
    hot = np.eye(INPUTS, dtype=np.float32)
    bounds = [0, *AFTER, VECTORS]
    for number, (begin, end) in enumerate(pairwise(bounds)):
        works.append(crossbar.update(x[begin:end], d[begin:end], rate, 100 + begin))
        if number < len(AFTER):
            line = FIRST + number
            values.append(crossbar.transfer(hot[line : line + 1], 7 + number).values[0])
    return np.array(values), works


@pytest.mark.parametrize("device", [QUIET, Vector(devices=(QUIET, QUIET))], ids=["single", "vector"])
@pytest.mark.parametrize("trains", TRAINS)
@pytest.mark.parametrize("size", [0.003, 0.3], ids=["sparse", "dense"])
def test_without_noise_of_pulses_it_is_one_after_the_other(device, trains, size):
    x, d = block(size)
    whole, cut = (make(INPUTS, OUTPUTS, device=device, update=TRAINS[trains]) for _ in range(2))
    work, read = whole.update_and_transfer(x, d, 0.05, 100, FIRST, AFTER, 7)
    values, works = one_by_one(cut, x, d, 0.05)
    np.testing.assert_array_equal(read.values, values)
    np.testing.assert_array_equal(whole.weights, cut.weights)
    assert np.abs(whole.weights).max() > 0
    assert read.reads == len(AFTER)
    for name in ("slots", "pulses"):
        assert getattr(work, name) == sum(getattr(part, name) for part in works), name


def test_without_reads_it_is_an_update():
    x, d = block()
    one, other = make(INPUTS, OUTPUTS), make(INPUTS, OUTPUTS)
    work, read = one.update_and_transfer(x, d, 0.05, 100, 0, [], 0)
    assert work == other.update(x, d, 0.05, 100)
    assert read.values.shape == (0, OUTPUTS)
    np.testing.assert_array_equal(one.weights, other.weights)


def test_noise_has_the_same_law():
    """Of what is read, and of what the cells hold in the end. Eight comparisons at 1e-6: one false alarm in 1e5."""
    device = quiet(SoftBounds, dw_min=0.01, w_max=0.8, w_min=-0.8).model_copy(
        update={"dw_min_std": 0.5, "write_noise_std": 2.0}
    )
    x, d = block()
    found = {True: [], False: []}
    for seed in range(150):
        for together, kept in found.items():
            crossbar = make(INPUTS, OUTPUTS, device=device, io=PERFECT, noise_seed=1000 * together + seed)
            if together:
                values = crossbar.update_and_transfer(x, d, 0.05, 100, FIRST, AFTER, 7)[1].values
            else:
                values = one_by_one(crossbar, x, d, 0.05)[0]
            kept.append(np.concatenate([values, crossbar.weights.T[FIRST - 1 : FIRST + 4]]))
    one, other = np.array(found[True]), np.array(found[False])
    mean = np.concatenate([one, other]).mean(axis=0)
    for line in range(1, one.shape[1]):
        # Cells differ in their means; what is left are deviations of one law.
        assert ks_2samp((one - mean)[:, line].ravel(), (other - mean)[:, line].ravel()).pvalue > 1e-6
    difference = (one.mean(axis=0) - other.mean(axis=0))[1:]
    spread = np.sqrt((one.var(axis=0) + other.var(axis=0)) / len(one))[1:]
    assert np.abs(difference / spread).max() < 6


def test_threads_do_not_matter():
    from archsim.analog import Workers

    x, d = block()
    states = []
    for threads in (1, 3):
        crossbar = make(INPUTS, OUTPUTS, workers=Workers(threads))
        crossbar.update_and_transfer(x, d, 0.05, 100, FIRST, AFTER, 7)
        states.append(crossbar.weights.copy())
    np.testing.assert_array_equal(*states)


def test_reads_are_reads_with_noise():
    x, d = block()
    noisy, silent = (make(INPUTS, OUTPUTS, io=IOParameters(out_noise=noise)) for noise in (0.06, 0.0))
    values = [array.update_and_transfer(x, d, 0.05, 100, FIRST, AFTER, 7)[1].values for array in (noisy, silent)]
    np.testing.assert_array_equal(noisy.weights, silent.weights)
    assert (values[0] != values[1]).any()


def test_lines_that_are_not_there():
    with pytest.raises(InputError, match="input line"):
        make(INPUTS, OUTPUTS).update_and_transfer(*block(), 0.05, 0, INPUTS, [3], 0)
