"""Stochastic Hamiltonian descent: it swings on symmetric cells, and comes to rest on asymmetric ones."""

import numpy as np
import pytest

from archsim.analog.specification import Ideal, SoftBounds
from archsim.analog.specification.algorithms import HamiltonianDescentSettings
from tests.analog.algorithms.tiles import tile
from tests.analog.crossbars import quiet


def swing(array, steps, rate, start):
    """Return the weight of one cell after each step on the loss w^2 / 2."""
    array.program(np.full((1, 1), start))
    path = [start]
    for k in range(steps):
        array.update(np.ones((1, 1)), array.weights.copy(), rate, k)
        path.append(float(array.weights[0, 0]))
    return np.array(path)


def test_without_friction_it_swings_for_ever():
    """One momentum step, one position step: w_{k+1} - (2 - eta / m) w_k + w_{k-1} = 0, with a constant amplitude."""
    mass, rate = 20.0, 0.1
    array = tile(HamiltonianDescentSettings(mass=mass), 1, 1, Ideal())
    path = swing(array, 2000, rate, 0.5)
    np.testing.assert_allclose(path[2:] - (2 - rate / mass) * path[1:-1] + path[:-2], 0.0, atol=1e-5)
    assert np.abs(path[-200:]).max() == pytest.approx(np.abs(path[:200]).max(), rel=0.01)
    # One period is 2 pi / arccos(1 - eta / 2 m) steps: as many crossings of zero as that says.
    angle = np.arccos(1 - rate / mass / 2)
    assert abs((np.diff(np.sign(path)) != 0).sum() - 2000 * angle / np.pi) <= 1.5


def test_asymmetry_is_friction():
    device = quiet(SoftBounds, dw_min=1e-4, w_max=1.0, w_min=-1.0)
    settings = HamiltonianDescentSettings(mass=5.0)
    path = swing(tile(settings, 1, 1, device), 3000, 0.1, 0.5)
    free = swing(tile(settings, 1, 1, Ideal()), 3000, 0.1, 0.5)
    thirds = [np.abs(path[k : k + 500]).max() for k in (0, 1000, 2500)]
    assert thirds[0] > 1.3 * thirds[1] > 1.3 * 1.3 * thirds[2]
    assert np.abs(free[2500:]).max() > 0.45


@pytest.mark.parametrize(("every", "reads"), [(1, 1), (3, 1), (2, 2), (1, None)])
def test_the_velocity_does_not_depend_on_the_spacing_of_transfers(every, reads):
    """Under a constant gradient P = eta g t, and W = eta g t^2 / (2 m), up to the steps between visits."""
    settings = HamiltonianDescentSettings(mass=50.0, transfer_every=every, n_reads_per_transfer=reads)
    array = tile(settings, 2, 4, Ideal())
    steps = 1200
    array.update(np.ones((steps, 4)), np.full((steps, 2), -0.1), 0.01, 0)
    np.testing.assert_allclose(array.weights, 0.01 * 0.1 * steps**2 / (2 * 50.0), rtol=0.015)
