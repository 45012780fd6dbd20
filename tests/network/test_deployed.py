"""A trained matrix on programmed conductances."""

import numpy as np
import pytest

from archsim import make_tile
from archsim.analog import Periphery, Streams
from archsim.analog.specification import Ideal, IOParameters
from archsim.analog.specification.algorithms import AnalogSGDSettings, DigitalSGDSettings
from archsim.analog.specification.hardware_aware import HardwareAwareSettings
from archsim.analog.specification.inference import DriftCompensation, InferenceParameters, PCMLike, PostTraining
from archsim.digital.affine import Affine
from archsim.digital.input_range import InputRange, InputRangeRules
from archsim.network.deployed import DeployedMatrix
from archsim.network.matrix import AnalogMatrix, PartRange

EXACT = PCMLike(prog_noise_scale=0, read_noise_scale=0, drift_scale=0)
NONE = DriftCompensation(kind="none")
PERFECT = IOParameters(is_perfect=True)
UNSCALED = IOParameters(noise_management="none", bound_management="none", out_noise=0.01)
RNG = np.random.default_rng(4)
WEIGHTS = RNG.uniform(-0.5, 0.5, (3, 8)).astype(np.float32) * np.array([[1.0], [0.1], [0.03]], np.float32)
X = RNG.normal(0, 0.5, (40, 8)).astype(np.float32)
BIAS = np.array([0.1, -0.2, 0.3], np.float32)
SCALE = np.array([1.0, 2.0, 0.5], np.float32)


def trained(settings=None, io=PERFECT, reach=None):
    """A matrix of 3 x 8 on two arrays, with scales and biases."""
    settings = settings or AnalogSGDSettings()
    bits = {"dac_bits": 8, "adc_bits": 9} if io is UNSCALED else {"dac_bits": None, "adc_bits": None}
    periphery = Periphery(io=io, **bits)
    tiles = [make_tile(settings, Ideal(), 3, 4, periphery=periphery, streams=Streams(k)) for k in range(2)]
    arrays = [tile.array for tile in tiles]
    ranges = [PartRange((0, 4), (0, 3)), PartRange((4, 8), (0, 3))]
    reaches = [InputRange(InputRangeRules(init_value=reach)) for _ in range(2)] if reach else []
    matrix = AnalogMatrix((8, 3), ranges, arrays, Affine(SCALE, BIAS, learn_scale=False), reaches)
    matrix.program(WEIGHTS)
    return matrix


def deploy(matrix, **changes):
    parameters = InferenceParameters(**({"noise": EXACT, "drift_compensation": NONE} | changes))
    return DeployedMatrix(matrix, parameters, seed=2, first_identity=0)


def read(deployed, x=X, time_s=0.0, evaluation=0):
    return deployed.evaluate(deployed.snapshot(time_s, evaluation), x, evaluation * len(x))


def error(deployed, repeats=6, time_s=0.0):
    wanted = SCALE * (X @ WEIGHTS.T) + BIAS
    found = []
    for repeat in range(repeats):
        deployed.program()
        found.append(np.mean((read(deployed, time_s=time_s, evaluation=repeat) - wanted) ** 2, axis=0))
    return np.mean(found, axis=0)


@pytest.mark.parametrize("columnwise", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        None,
        HardwareAwareSettings(modifier=None, weight_scaling_omega=0),
        HardwareAwareSettings(modifier=None, weight_scaling_omega=0.7),
    ],
    ids=["analog-sgd", "hardware-aware", "omega"],
)
def test_without_noise_it_computes_what_was_trained(settings, columnwise):
    deployed = deploy(trained(settings), columnwise=columnwise)
    deployed.program()
    assert np.allclose(read(deployed), SCALE * (X @ WEIGHTS.T) + BIAS, atol=1e-5)


def test_learned_ranges_go_with_it():
    deployed = deploy(trained(io=UNSCALED, reach=0.4))
    deployed.program()
    assert np.allclose(read(deployed), SCALE * (np.clip(X, -0.4, 0.4) @ WEIGHTS.T) + BIAS, atol=0.1)
    assert [array.input_range for array in deployed.arrays] == [0.4, 0.4]


def test_parts_have_their_own_noise():
    matrix = trained()
    matrix.program(np.tile(WEIGHTS[:, :4], (1, 2)))
    deployed = deploy(matrix, noise=PCMLike())
    deployed.program()
    one, two = (array.weights(0.0, 0) for array in deployed.arrays)
    assert (one != two).mean() > 0.9


def test_a_range_for_each_line_keeps_small_lines_exact():
    # Lines of a tenth and a thirtieth of the largest weight: with a common range their programming noise is relative to
    # weights that they do not have. The mean over 6 programmings of 8 cells scatters by a third.
    common, own = (error(deploy(trained(), noise=PCMLike(), columnwise=each)) for each in (False, True))
    assert own[2] < 0.3 * common[2]


def test_ranges_chosen_after_training_lower_the_error():
    plain = deploy(trained(io=UNSCALED), noise=PCMLike())
    both = PostTraining(conductance_ranges=True, dac_ranges=True, time=0.0)
    chosen = deploy(trained(io=UNSCALED), noise=PCMLike(), post_training=both)
    chosen.optimise(X)
    assert error(chosen).mean() < 0.5 * error(plain).mean()
    assert all(array.input_range is not None for array in chosen.arrays)


def test_times_must_have_been_measured():
    with pytest.raises(ValueError, match="was not measured at 3600 seconds"):
        InferenceParameters.model_validate({"noise": {"kind": "reram-wan2022"}})
    wan = {"noise": {"kind": "reram-wan2022"}, "times": [1, 86400]}
    assert InferenceParameters.model_validate(wan).times == (1.0, 86_400.0)
    with pytest.raises(ValueError, match="was not measured at 5 seconds"):
        InferenceParameters.model_validate(wan | {"post_training": {"dac_ranges": True, "time": 5.0}})


def test_a_network_that_was_trained_exactly_is_read_through_the_converters_of_the_chip():
    exact = trained(DigitalSGDSettings(), UNSCALED)
    assert np.array_equal(exact.arrays[0].forward(X[:, :4], 0).values, exact.arrays[0].forward(X[:, :4], 9).values)
    deployed, pulsed = deploy(exact), deploy(trained(io=UNSCALED))
    for one in (deployed, pulsed):
        one.program()
    assert not np.array_equal(read(deployed, evaluation=0), read(deployed, evaluation=1)), "noise of the converters"
    assert np.array_equal(read(deployed), read(pulsed)), "whatever trained the same weights"
