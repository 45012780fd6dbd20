"""The learned range of inputs."""

import numpy as np
import pytest
from scipy import stats

from archsim.digital.input_range import InputRange, InputRangeRules

RNG = np.random.default_rng(3)


def normal(deviation, *shape):
    return RNG.normal(0, deviation, shape).astype(np.float32)


def test_the_first_blocks_decide_it():
    reach = InputRange(InputRangeRules(init_value=50.0, init_from_data=10, init_std_alpha=3.0))
    assert reach.value == 50.0
    blocks = [normal(deviation, 40, 5) for deviation in (0.2, 0.4) for _ in range(5)]
    for block in blocks:
        assert not reach.met.learns
        reach.observe(block)
    assert reach.value == pytest.approx(3.0 * np.mean([block.std() for block in blocks]), rel=1e-5)
    reach.observe(normal(100.0, 40, 5))
    assert reach.value < 2.0, "later blocks do not"


def test_blocks_without_any_input_do_not_count():
    reach = InputRange(InputRangeRules(init_from_data=1))
    reach.observe(np.zeros((3, 4), np.float32))
    reach.observe(np.zeros((0, 4), np.float32))
    assert (reach.value, reach.state().blocks) == (3.0, 0)


@pytest.mark.parametrize("share", [0.95, 0.8])
def test_decay_ends_where_enough_inputs_are_clipped(share):
    # Without any gradient the range settles at a quantile of the inputs: the first step of 1 % below it is the last.
    rules = InputRangeRules(init_value=3.0, init_from_data=0, decay=0.1, input_min_percentage=share)
    reach = InputRange(rules)
    x = normal(0.5, 200, 200)
    for _ in range(300):
        reach.learn(reach.met, x, np.zeros(x.shape), 0.1)
    quantile = np.quantile(np.abs(x), share)
    assert 0.989 * quantile < reach.value <= quantile
    assert quantile == pytest.approx(0.5 * stats.norm.isf((1 - share) / 2), rel=0.03)


def test_clipped_inputs_that_the_loss_wants_larger_widen_it():
    # y = clip(x) shall be x: descent removes the clipping error of inputs from U(-1, 1), whose largest is 1.
    reach = InputRange(InputRangeRules(init_value=0.3, init_from_data=0, decay=0.0))
    for _ in range(3000):
        x = RNG.uniform(-1, 1, (20, 10)).astype(np.float32)
        reach.learn(reach.met, x, (reach.met.clip(x) - x).astype(np.float64) / x.size, 0.5)
    assert 0.95 < reach.value <= 1.0 + 1e-6


def test_gradients_of_the_other_sign_do_not_narrow_it():
    reach = InputRange(InputRangeRules(init_value=1.0, init_from_data=0, decay=0.0))
    x = np.array([[2.0, -2.0, 0.5]], np.float32)
    reach.learn(reach.met, x, np.array([[1.0, -1.0, -5.0]]), 0.1)
    assert reach.value == 1.0
    reach.learn(reach.met, x, np.array([[-1.0, 1.0, -5.0]]), 0.1)
    assert reach.value == pytest.approx(1.2)


def test_a_large_step_leaves_it_positive():
    reach = InputRange(InputRangeRules(init_value=1.0, init_from_data=0, decay=1.0))
    reach.learn(reach.met, np.full((1, 3), 0.1, np.float32), np.zeros((1, 3)), 1000.0)
    assert reach.value == 0.5


def test_a_fixed_range_stays():
    reach = InputRange(InputRangeRules(init_value=1.0, init_from_data=0, learn=False))
    reach.learn(reach.met, np.ones((1, 3), np.float32), -np.ones((1, 3)), 1.0)
    assert reach.value == 1.0


def test_a_restored_range_goes_on_equally():
    rules = InputRangeRules(init_from_data=4)
    one, two = InputRange(rules), InputRange(rules)
    for _ in range(3):
        one.observe(normal(1.0, 5, 5))
    two.restore(one.state())
    for _ in range(4):
        x, g = normal(1.0, 5, 5), RNG.normal(0, 1, (5, 5))
        for reach in (one, two):
            reach.observe(x)
            reach.learn(reach.met, x, g, 0.1)
        assert one.state() == two.state()
