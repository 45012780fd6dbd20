"""The error that copies of conductances are said to leave, beside copies that were made."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.analog.copies import CopyWriter, copy_error
from archsim.analog.specification.inference import ConductanceNoise, PCMLike, ReRAMWan2022


@pytest.mark.parametrize(
    "noise",
    [
        ReRAMWan2022(),
        ReRAMWan2022(noise_scale=0.3, g_max=20),
        PCMLike(),
        PCMLike(prog_coeff=(1.0, 2.0)),
        PCMLike(prog_coeff=(4.0, -1.0)),
        PCMLike(g_min=5.0),
    ],
)
def test_the_error_is_that_of_copies(noise: ConductanceNoise) -> None:
    weights = np.linspace(-0.6, 0.6, 400 * 400, dtype=np.float32).reshape(400, 400)
    missed = CopyWriter(noise, seed=3).written(weights, 1, 0).astype(np.float64) - weights
    assert copy_error(noise) == pytest.approx(np.sqrt(np.mean(missed**2)) / 0.6, rel=0.02)


def test_no_noise_is_no_error() -> None:
    assert copy_error(ReRAMWan2022(noise_scale=0)) == pytest.approx(0, abs=1e-12)
