"""Least squares with noisy gradients: analog SGD stops at a floor that no step size moves; Tiki-Taka goes below it.

The setting of arXiv:2406.12774, Figures 1 and 3, small: f(w) = |A w - b|^2 / N with b = A w*, soft bounds.
"""

import numpy as np

from archsim.analog.specification import SoftBounds
from archsim.analog.specification.algorithms import ResidualLearningSettings, TikiTakaSettings
from tests.analog.algorithms.tiles import preset, tile
from tests.analog.crossbars import quiet

SIZE, ROWS, NOISE = 10, 30, 0.3
DEVICE = quiet(SoftBounds, dw_min=1e-4, w_max=1.0, w_min=-1.0)


def end(settings, rate, steps):
    """Return the mean loss of the last quarter of the steps."""
    rng = np.random.default_rng(1)
    matrix, target = rng.normal(size=(ROWS, SIZE)), 0.3 * rng.choice([-1.0, 1.0], SIZE)
    array = tile(settings, 1, SIZE, DEVICE)
    losses = []
    for k in range(steps):
        error = matrix @ (array.weights[0] - target)
        gradient = 2 / ROWS * matrix.T @ error + NOISE * rng.normal(size=SIZE)
        array.update(gradient[None], np.ones((1, 1)), rate, k)
        if k >= steps * 3 // 4:
            losses.append(np.mean(error**2))
    return np.mean(losses)


def test_only_analog_sgd_has_a_floor():
    floors = [end(preset("analog-sgd"), rate, steps) for rate, steps in ((0.04, 1500), (0.02, 3000), (0.01, 6000))]
    assert max(floors) < 1.6 * min(floors)
    # Friction (r / tau) E|g| of the auxiliary array has to keep up with the transfers, else the two arrays swing.
    tiki_taka = TikiTakaSettings(
        units_in_mbatch=False,
        n_reads_per_transfer=SIZE,
        fast_lr=0.1,
        scale_fast_lr=False,
        transfer_lr=7e-4,
        scale_transfer_lr=False,
    )
    residual = ResidualLearningSettings(gamma=0.4, transfer_lr=0.02, n_reads_per_transfer=None)
    assert end(tiki_taka, 0.01, 6000) < 0.1 * min(floors)
    assert end(residual, 0.01, 6000) < 0.5 * min(floors)
