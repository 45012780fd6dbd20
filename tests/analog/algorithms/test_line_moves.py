"""A block of updates and transfers in one call of the core, against the operations of crossbars pass after pass."""

import numpy as np
import pytest

from archsim.analog.algorithms.chopped_arrays import ChoppedArrays
from archsim.analog.specification import ConstantStep, IOParameters, PiecewiseStep, SoftBounds, UpdateParameters
from archsim.analog.specification.algorithms import ChoppedTransferSettings, DynamicTransferSettings
from archsim.errors import InputError
from tests.analog.algorithms.tiles import tile

NOISY = SoftBounds(dw_min=0.01, dw_min_std=1.0, w_max=0.8, w_min=-0.7, write_noise_std=2.0)
CURVED = PiecewiseStep(dw_min=0.01, piecewise_up=(1.0, 0.4, 0.3), piecewise_down=(0.2, 0.5, 1.0))
IO = IOParameters(out_bound=2.0, out_noise=0.1, w_noise=0.02)
#: Settings, device, trains of updates, of transfers, and the shape.
CASES = {
    "every vector": (ChoppedTransferSettings(in_chop_prob=0.2), NOISY, {}, {}, (6, 25)),
    "signs in turn": (ChoppedTransferSettings(in_chop_prob=0.3, in_chop_random=False), NOISY, {}, {}, (3, 4)),
    "no signs, every third": (ChoppedTransferSettings(in_chop_prob=0.0, transfer_every=3.0), CURVED, {}, {}, (5, 7)),
    "never": (ChoppedTransferSettings(transfer_every=0.0), NOISY, {}, {}, (5, 7)),
    "long passes": (ChoppedTransferSettings(auto_scale=True, fast_lr=0.5), NOISY, {}, {}, (4, 130)),
    "many outputs": (ChoppedTransferSettings(momentum=0.5), NOISY, {}, {}, (70, 3)),
    "a buffer that keeps": (ChoppedTransferSettings(forget_buffer=False, transfer_every=2.0), NOISY, {}, {}, (6, 9)),
    "corrected gradients": (
        ChoppedTransferSettings(correct_gradient_magnitudes=True, fast_lr=0.2),
        NOISY,
        {},
        {},
        (6, 9),
    ),
    "joint reads": (ChoppedTransferSettings(gamma=0.1), NOISY, {}, {}, (6, 9)),
    "pulse by pulse": (ChoppedTransferSettings(), NOISY, {"pulse_by_pulse": True}, {"desired_bl": 3}, (6, 9)),
    "counted": (ChoppedTransferSettings(), NOISY, {"pulse_type": "mean-count"}, {}, (6, 9)),
    "shared numbers": (
        ChoppedTransferSettings(),
        ConstantStep(dw_min=0.01),
        {"pulse_type": "stochastic-reuse"},
        {"pulse_type": "deterministic-implicit"},
        (6, 9),
    ),
    "AGAD": (DynamicTransferSettings(in_chop_prob=0.3, auto_scale=True), NOISY, {}, {}, (6, 9)),
    "AGAD, signs at random": (
        DynamicTransferSettings(
            in_chop_prob=0.4, in_chop_random=True, tail_weightening=0.5, buffer_cap=0.5, forget_buffer=False
        ),
        NOISY,
        {},
        {},
        (3, 4),
    ),
}


def pair(case):
    """Return two equal arrays, the second of which never gives a whole block to the core."""
    settings, device, trains, writes, (outputs, inputs) = CASES[case]
    settings = settings.model_copy(
        update={
            "update": UpdateParameters(desired_bl=7, **trains),
            "transfer_update": UpdateParameters(
                **{"desired_bl": 2, "update_bl_management": False, "update_management": False} | writes
            ),
        }
    )
    made = [tile(settings, outputs, inputs, device, io=IO, mini_batch=4) for _ in range(2)]
    made[1]._line_moves = lambda: None
    return made


@pytest.mark.parametrize("case", CASES)
def test_it_equals_the_operations_of_crossbars_bit_for_bit(case):
    whole, apart = pair(case)
    outputs, inputs = CASES[case][-1]
    random = np.random.default_rng(5)
    assert isinstance(whole, ChoppedArrays)
    assert whole._line_moves() is not None
    done = 0
    # Blocks that end within a pass and between two reads, longer and shorter than the sample's distance.
    for vectors, rate in ((1, 0.1), (97, 0.1), (3, 0.0), (2, 0.1), (150, 0.05), (64, 0.1)):
        x = random.normal(size=(vectors, inputs)).astype(np.float32)
        d = random.normal(size=(vectors, outputs)).astype(np.float32) * 0.3
        d[random.uniform(size=vectors) < 0.2] = 0.0
        counts = [array.update(x.copy(), d.copy(), rate, done) for array in (whole, apart)]
        assert counts[0] == counts[1]
        done += vectors
    states = whole.state(), apart.state()
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name], err_msg=name)
    for one, other in zip(whole.crossbars, apart.crossbars, strict=True):
        for mine, its in zip(one.samples.arrays(), other.samples.arrays(), strict=True):
            np.testing.assert_array_equal(mine, its)
    if "never" not in case:
        assert np.any(states[0]["hidden"]) or np.any(states[0]["1.weights"])


def test_other_cells_and_signs_of_outputs_are_left_to_crossbars():
    assert tile(ChoppedTransferSettings(out_chop_prob=0.1), 3, 4, NOISY)._line_moves() is None
    untrained = UpdateParameters(pulse_type="none-with-device")
    assert tile(ChoppedTransferSettings(update=untrained), 3, 4, NOISY)._line_moves() is None


def test_numbers_that_are_not_finite_are_refused():
    array, _ = pair("every vector")
    x, d = np.ones((30, 25), np.float32), np.ones((30, 6), np.float32)
    x[29, 3] = np.nan
    before = array.state()
    with pytest.raises(InputError, match="not finite"):
        array.update(x, d, 0.1, 0)
    for name, values in array.state().items():
        np.testing.assert_array_equal(values, before[name])
