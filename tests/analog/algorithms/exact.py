"""Blocks of vectors whose pulses are certain: numbers of slots and probabilities are powers of two."""

import numpy as np

from archsim.analog.specification import ConstantStep
from tests.analog.crossbars import quiet

#: A pulse of 2**-10; a vector of signs and errors of +-2**-4 under the rate 2**-4 gives every cell exactly 4 pulses.
STEP = 2.0**-10
RATE = ERROR = 2.0**-4
DEVICE = quiet(ConstantStep, dw_min=STEP, w_max=100.0, w_min=-100.0)


def certain_block(vectors, outputs, inputs, seed=3):
    rng = np.random.default_rng(seed)
    # Signs that lean to one side, so that something builds up.
    x = np.where(rng.random((vectors, inputs)) < 0.8, 1.0, -1.0)
    d = np.where(rng.random((vectors, outputs)) < 0.3, ERROR, -ERROR)
    return x, d * np.where(np.arange(outputs) % 2, 1.0, -1.0)
