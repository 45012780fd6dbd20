"""A matrix whose parts have learned input ranges."""

import numpy as np
import pytest

from archsim.analog import Crossbar
from archsim.analog.inference import InferenceArray
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Ideal, IOParameters
from archsim.analog.specification.inference import PCMLike
from archsim.digital.affine import Affine
from archsim.digital.input_range import InputRange, InputRangeRules
from archsim.network.matrix import AnalogMatrix, PartRange

UNSCALED = IOParameters(noise_management="none", bound_management="none", out_noise=0.0)
QUIET = {"prog_noise_scale": 0.0, "read_noise_scale": 0.0, "drift_scale": 0.0, "drift_std_scale": 0.0, "g_min": 0.0}
RNG = np.random.default_rng(4)
WEIGHTS = RNG.uniform(-0.5, 0.5, (3, 8)).astype(np.float32)


def make(rules, io=UNSCALED):
    """A matrix of 3 x 8 on two arrays that share its inputs."""
    arrays = [
        Crossbar(4, 3, Ideal(), Periphery(io=io, dac_bits=None, adc_bits=None), Streams(identity=k)) for k in range(2)
    ]
    ranges = [PartRange((0, 4), (0, 3)), PartRange((4, 8), (0, 3))]
    reaches = [] if rules is None else [InputRange(rules) for _ in range(2)]
    matrix = AnalogMatrix((8, 3), ranges, arrays, Affine(None, None, learn_scale=False), reaches)
    matrix.program(WEIGHTS)
    return matrix


def forward(matrix, x):
    return matrix.add_outputs([matrix.forward_part(part, x, 0).values for part in range(2)])


def test_inputs_are_clipped_to_the_range_and_outputs_scaled_back():
    matrix = make(InputRangeRules(init_value=2.0, init_from_data=0))
    x = RNG.normal(0, 2, (6, 8)).astype(np.float32)
    assert np.abs(x).max() > 2.0
    assert np.allclose(forward(matrix, x), np.clip(x, -2, 2) @ WEIGHTS.T, atol=1e-5)
    assert np.allclose(forward(make(None), x), np.clip(x, -1, 1) @ WEIGHTS.T, atol=1e-5), "the bound of the DAC"


@pytest.mark.parametrize("perfect", [False, True])
def test_every_read_sees_the_inputs_of_the_update(perfect):
    """Forward, as an evaluation and as a deployed array; with converters, and without any that would clip."""
    io = UNSCALED.model_copy(update={"is_perfect": perfect, "out_bound": 100.0})
    matrix = make(InputRangeRules(init_value=0.7, init_from_data=0, learn=False), io)
    x = RNG.normal(0, 2, (6, 8)).astype(np.float32)
    clipped = np.clip(x, np.float32(-0.7), np.float32(0.7))
    np.testing.assert_allclose(forward(matrix, x), clipped @ WEIGHTS.T, atol=1e-5)
    np.testing.assert_allclose(matrix.evaluate(matrix.snapshot(), x, 0), clipped @ WEIGHTS.T, atol=1e-5)
    deployed = InferenceArray(matrix.arrays[0], 3, 4, PCMLike(**QUIET), seed=1, identity=9)
    deployed.program(WEIGHTS[:, :4])
    deployed.input_range = 0.7
    seen = deployed.forward(x[:, :4], 0, deployed.snapshot(0.0, 0)).values
    np.testing.assert_allclose(seen, clipped[:, :4] @ WEIGHTS[:, :4].T, atol=1e-5)
    d = RNG.normal(0, 1, (6, 3)).astype(np.float32)
    for part in range(2):
        matrix.update_part(part, x, d, 0.1, 0)
    np.testing.assert_allclose(matrix.weights, WEIGHTS - 0.1 * d.T @ clipped, atol=1e-5)


def test_every_part_has_a_range_of_its_own():
    matrix = make(InputRangeRules(init_from_data=1, init_std_alpha=3.0))
    x = np.concatenate([RNG.normal(0, 1, (50, 4)), RNG.normal(0, 0.1, (50, 4))], axis=1).astype(np.float32)
    forward(matrix, x)
    assert [reach.value for reach in matrix.input_ranges] == pytest.approx([3.0, 0.3], rel=0.2)


def test_the_update_is_that_of_the_inputs_which_were_seen():
    rules = InputRangeRules(init_value=0.5, init_from_data=0, decay=0.0)
    matrix = make(rules)
    x, d = RNG.uniform(-1, 1, (6, 8)).astype(np.float32), RNG.normal(0, 1, (6, 3)).astype(np.float32)
    done = [matrix.update_part(part, x, d, 0.1, 0) for part in range(2)]
    assert np.allclose(matrix.weights, WEIGHTS - 0.1 * d.T @ np.clip(x, -0.5, 0.5), atol=1e-5)
    g = d @ WEIGHTS
    for part, reach in enumerate(matrix.input_ranges):
        cut = slice(4 * part, 4 * part + 4)
        slope = np.minimum(g[:, cut][x[:, cut] >= 0.5], 0).sum() - np.maximum(g[:, cut][x[:, cut] <= -0.5], 0).sum()
        assert reach.value == pytest.approx(0.5 * (1 - 0.1 * slope), rel=1e-5)
        assert done[part].digital_operations == 24, "a comparison for each input"


def test_snapshots_and_states_hold_the_ranges():
    rules = InputRangeRules(init_from_data=2)
    matrix, other = make(rules), make(rules)
    x, d = RNG.normal(0, 1, (6, 8)).astype(np.float32), RNG.normal(0, 1, (6, 3)).astype(np.float32)
    forward(matrix, x)
    snapshot, state = matrix.snapshot(), matrix.state()
    seen = matrix.evaluate(snapshot, x, 0)
    forward(matrix, 5 * x)
    assert np.array_equal(matrix.evaluate(snapshot, x, 0), seen), "as it was when the snapshot was taken"
    other.restore(state)
    forward(other, 5 * x)
    for part in range(2):
        for each in (matrix, other):
            each.update_part(part, x, d, 0.1, 0)
    assert np.array_equal(matrix.weights, other.weights)
    assert matrix.state().input_ranges == other.state().input_ranges
