"""Zero-shifting: closed forms of the decay towards the symmetric point."""

import numpy as np
import pytest

from archsim.analog.algorithms.symmetric_point import estimate_symmetric_point
from archsim.analog.devices.population import DOWN, UP, W_MAX, W_MIN
from archsim.analog.specification import SoftBounds
from archsim.errors import InputError
from tests.analog.crossbars import make, quiet


def soft(step, up_down=0.0, **changes):
    return make(4, 3, device=quiet(SoftBounds, dw_min=step, w_max=1.0, w_min=-1.0, up_down=up_down), **changes)


@pytest.mark.parametrize("pairs", [1, 7, 200])
def test_a_pair_of_pulses_shrinks_the_error_by_its_factor(pairs):
    """Up: w (1 - s) + s; down: w (1 - s) - s. So a pair makes w (1 - s)^2 - s^2, about w (1 - 2 s)."""
    step, start = 0.01, 0.6
    crossbar = soft(step)
    crossbar.program(np.full((3, 4), start))
    found = estimate_symmetric_point(crossbar, 2 * pairs)
    factor = (1 - step) ** 2
    end = -(step**2) / (1 - factor)
    np.testing.assert_allclose(found, end + (start - end) * factor**pairs, atol=1e-5)
    assert factor == pytest.approx(1 - 2 * step, abs=2 * step**2)
    np.testing.assert_array_equal(crossbar.weights, found)


def test_it_finds_the_point_of_cells_with_an_offset():
    """u = 1 + r, v = 1 - r: w* = (u - v) / (u + v), within the size of a pulse."""
    crossbar = soft(0.005, up_down=-0.5)
    np.testing.assert_allclose(estimate_symmetric_point(crossbar, 4000), (0.5 - 1) / (0.5 + 1), atol=0.005)


def test_every_cell_has_a_point_of_its_own():
    device = SoftBounds(dw_min=0.005, dw_min_std=0.0, dw_min_dtod=0.0, w_max=1.0, w_min=-1.0, up_down_dtod=0.3)
    crossbar = make(4, 3, device=device)
    cells = crossbar.state()["cells"].astype(float)
    low, high = cells[:, W_MIN], cells[:, W_MAX]
    # soft bounds are told by their slopes: steps at weight 0, and the same once more by the bounds
    up, down = -cells[:, UP] * high, cells[:, DOWN] * low
    law = (up - down) / (up / high - down / low)
    np.testing.assert_allclose(estimate_symmetric_point(crossbar, 4000).ravel(), law, atol=0.01)


def test_random_signs_lead_there_too():
    """Mean (1 - s)^N of the start; fluctuations sqrt(s / 2) a cell: the mean over 12 cells within five of them."""
    crossbar = soft(0.01)
    crossbar.program(np.full((3, 4), 0.9))
    found = estimate_symmetric_point(crossbar, 100, order="random", seed=3)
    deviation = np.sqrt(0.01 / 2 / 12)
    assert abs(found.mean() - 0.9 * 0.99**100) < 5 * deviation
    found = estimate_symmetric_point(crossbar, 1500, order="random", seed=4)
    assert abs(found.mean()) < 5 * deviation
    assert 0.2 < found.std() / np.sqrt(0.01 / 2) < 2
    assert len(np.unique(found)) == 12


def test_every_pulse_has_noise_of_its_own():
    """Of cells that only feel noise of 1 % a pulse: n pulses move them by sqrt(n) of it, over 2,500 cells."""
    device = quiet(SoftBounds, dw_min=0.01, dw_min_std=1.0, w_max=100.0, w_min=-100.0)
    found = estimate_symmetric_point(make(50, 50, device=device), 64)
    assert abs(found.std() / 0.08 - 1) < 5 / np.sqrt(5000)


def test_bad_numbers_of_pulses_are_refused():
    with pytest.raises(InputError, match="pulses"):
        estimate_symmetric_point(soft(0.01), -1)
