"""What a sample of reads and pulse trains says, beside plain NumPy."""

import numpy as np
import pytest

from archsim import make_tile
from archsim.analog import Periphery
from archsim.analog.samples import EVERY, sampled
from archsim.analog.specification import AnalogSGDSettings, ConstantStep, Ideal, IOParameters, UpdateParameters

RNG = np.random.default_rng(2)
VECTORS, INPUTS, OUTPUTS = 64 * 30, 20, 15
WEIGHTS = RNG.uniform(-0.5, 0.5, (OUTPUTS, INPUTS)).astype(np.float32)
X = RNG.normal(0.0, 1.0, (VECTORS, INPUTS)).astype(np.float32)
D = RNG.normal(0.0, 1.0, (VECTORS, OUTPUTS)).astype(np.float32)


def converted(x, weights, bound, bits, management):
    """What the ADC gives in its own units: scaled inputs, an exact product, rounded and clipped."""
    scale = np.abs(x).max(axis=1, keepdims=True) if management == "abs-max" else np.ones((len(x), 1))
    scaled = x / scale if management == "abs-max" else np.clip(x, -1.0, 1.0)
    step = 2 * bound / (2**bits - 2)
    return np.clip(step * np.rint(scaled.astype(np.float64) @ weights.T / step), -bound, bound), step


@pytest.mark.parametrize("management", ["abs-max", "none"])
@pytest.mark.parametrize(("bound", "bits"), [(0.5, 8), (12.0, 4), (1.0, 6)])
def test_shares_of_reads_are_those_of_the_vectors_that_were_looked_at(management, bound, bits):
    io = IOParameters(out_noise=0.0, out_bound=bound, noise_management=management, bound_management="none")
    tile = make_tile(
        AnalogSGDSettings(), Ideal(), OUTPUTS, INPUTS, periphery=Periphery(io=io, dac_bits=None, adc_bits=bits)
    ).array
    tile.program(WEIGHTS)
    for begin in range(0, VECTORS, 48):
        tile.forward(X[begin : begin + 48], begin)
        tile.backward(D[begin : begin + 48], begin)
    samples = tile.crossbars[0].samples
    for reads, vectors, weights in ((samples.forward, X, WEIGHTS), (samples.backward, D, WEIGHTS.T)):
        codes, step = converted(vectors[::EVERY], weights, bound, bits, management)
        assert reads.counts[0] == codes.size
        # float32 beside float64: an output in a thousand may be rounded the other way
        assert reads.clipped == pytest.approx((np.abs(codes) >= bound * (1 - 1e-9)).mean(), abs=2e-3)
        assert reads.lost == pytest.approx((np.abs(codes) < 0.5 * step).mean(), abs=2e-3)
    assert samples.transfer.clipped is None


def test_bound_management_leaves_nothing_clipped():
    for management, clipped in (("none", True), ("iterative", False)):
        io = IOParameters(out_noise=0.0, out_bound=0.5, bound_management=management)
        tile = make_tile(
            AnalogSGDSettings(), Ideal(), OUTPUTS, INPUTS, periphery=Periphery(io=io, dac_bits=None, adc_bits=9)
        ).array
        tile.program(WEIGHTS)
        tile.forward(X, 0)
        share = tile.crossbars[0].samples.forward.clipped
        assert share > 0.2 if clipped else share < 0.02


def test_differing_adcs_are_counted_in_their_own_units():
    """Gains and offsets are made up for digitally: a clipped output is the extreme value of its line."""
    io = IOParameters(out_noise=0.0, out_bound=0.5, out_gain_std=0.2, out_offset_std=0.1, out_calibration=True)
    io = io.model_copy(update={"bound_management": "none", "noise_management": "none"})
    tile = make_tile(
        AnalogSGDSettings(), Ideal(), OUTPUTS, INPUTS, periphery=Periphery(io=io, dac_bits=None, adc_bits=8)
    ).array
    tile.program(WEIGHTS)
    values = tile.forward(X, 0).values
    extreme = (values >= values.max(axis=0) - 1e-4) | (values <= values.min(axis=0) + 1e-4)
    reads = tile.crossbars[0].samples.forward
    assert 0.2 < reads.clipped < 0.8
    assert reads.clipped == pytest.approx(extreme[::EVERY].mean(), abs=2e-3)


def test_evaluations_are_left_out():
    tile = make_tile(AnalogSGDSettings(), Ideal(), OUTPUTS, INPUTS).array
    tile.forward(X, 0, purpose=6, weights=WEIGHTS)
    assert tile.crossbars[0].samples.forward.counts[0] == 0


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_the_same_vectors_are_looked_at_however_they_come(block):
    seen = []
    for begin in range(0, VECTORS, block):
        vectors = np.arange(begin, min(begin + block, VECTORS))
        some = sampled(begin, len(vectors))
        seen += [] if some is None else vectors[some].tolist()
    assert seen == list(range(0, VECTORS, EVERY))


@pytest.mark.parametrize("management", [True, False])
def test_full_trains_are_those_whose_mean_pulses_fall_short(management):
    """By the mean coincidences of the most active cell over many repeats: full trains give less than what was asked."""
    device = ConstantStep(
        dw_min=1e-3, w_max=1e4, w_min=-1e4, dw_min_dtod=0.0, dw_min_std=0.0, up_down_dtod=0.0,
        w_max_dtod=0.0, w_min_dtod=0.0,
    )  # fmt: skip
    update = UpdateParameters(desired_bl=10, update_management=management, update_bl_management=management)
    rate, repeats = 0.05, EVERY * 8
    for x_largest, d_largest in ((0.1, 0.5), (0.5, 0.5), (2.0, 0.1), (1.0, 1.0)):
        tile = make_tile(AnalogSGDSettings(), device, 1, 1, periphery=Periphery(update=update)).array
        x, d = (np.full((repeats, 1), value, np.float32) for value in (x_largest, d_largest))
        tile.update(x, d, rate, 0)
        given = -float(tile.weights[0, 0]) / (1e-3 * repeats)
        asked = rate * x_largest * d_largest / 1e-3
        trains = tile.crossbars[0].samples.updates
        assert trains.counts[0] == 8
        if given < 0.9 * asked:
            assert trains.full == 1.0
            assert trains.asked == pytest.approx(asked, abs=0.1)
            assert trains.given == pytest.approx(given, abs=0.5)
        else:
            # 512 trains of at most ten slots: four deviations of their mean
            assert given == pytest.approx(asked, abs=4 * np.sqrt(10 / 4 / repeats))
            assert trains.full == 0.0
