"""Programmed arrays for tests."""

import numpy as np

from archsim.analog import Crossbar
from archsim.analog.inference import InferenceArray
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Ideal, IOParameters
from archsim.analog.specification.inference import DriftCompensation

PERFECT = IOParameters(is_perfect=True)
NONE = DriftCompensation(kind="none")


def crossbar(inputs, outputs, *, io=PERFECT, backward_io=PERFECT, dac_bits=None, adc_bits=None):
    """Return a crossbar of ideal devices behind perfect converters unless said otherwise."""
    return Crossbar(
        inputs,
        outputs,
        Ideal(),
        Periphery(io=io, backward_io=backward_io, dac_bits=dac_bits, adc_bits=adc_bits),
        Streams(noise_seed=2),
    )


def programmed(weights, noise=None, programming=None, compensation=NONE, **chain):
    """Return an array on which weights were programmed."""
    outputs, inputs = np.shape(weights)
    reader = crossbar(inputs, outputs, **chain)
    array = InferenceArray(reader, outputs, inputs, noise, programming, compensation, seed=3, identity=0)
    array.program(np.asarray(weights, np.float32))
    return array


def matrix(outputs, inputs, seed=5):
    """Return weights from U(-1, 1), one of them 1."""
    weights = np.random.default_rng(seed).uniform(-1, 1, (outputs, inputs)).astype(np.float32)
    weights.flat[0] = 1.0
    return weights
