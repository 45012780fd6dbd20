"""Several devices that hold one weight."""

import numpy as np
import pytest

from archsim.analog.devices import devices_per_cell
from archsim.analog.specification import (
    ConstantStep,
    LinearResponse,
    OneSided,
    ReferenceCell,
    SoftBounds,
    UpdateParameters,
    Vector,
)

from .arrays import NOISE, VARIATION, array, changed, some

EXACT = {**NOISE, **VARIATION}


def steps(**settings):
    return changed(ConstantStep(**{"dw_min": 0.01, "w_max": 2.0, "w_min": -2.0, **settings}), **EXACT)


def test_a_cell_says_how_many_devices_it_has():
    assert devices_per_cell(SoftBounds()) == 1
    assert devices_per_cell(OneSided()) == 2
    assert devices_per_cell(ReferenceCell()) == 2
    assert devices_per_cell(Vector(devices=(SoftBounds(),) * 5)) == 5


class TestOneSided:
    def test_pulses_go_up_on_one_side_or_the_other(self):
        made = array(OneSided(device=steps(w_min=0.0)))
        x, d = some(1, 5, 9), some(2, 5, 6)
        plus, minus = (part.weights for part in made.parts)
        for v in range(5):
            before = plus.copy(), minus.copy()
            update = made.update(x[v : v + 1], d[v : v + 1], 0.05, v)
            up = np.outer(d[v], x[v]) < 0
            assert ((plus > before[0]) <= up).all()
            assert ((minus > before[1]) <= ~up).all()
            assert (plus >= before[0]).all()
            assert (minus >= before[1]).all()
            moved = np.rint((plus - before[0] + minus - before[1]) / 0.01).sum()
            assert update.pulses == moved
        np.testing.assert_allclose(made.weights, plus - minus, atol=1e-6)

    def test_both_sides_get_the_trains_of_one_pair(self):
        # Constant steps without bounds in the way: the pair follows a single device, pulse by pulse.
        pair, single = array(OneSided(device=steps(w_min=0.0))), array(steps())
        x, d = some(1, 20, 9), some(2, 20, 6)
        assert pair.update(x, d, 0.02, 3) == single.update(x, d, 0.02, 3)
        np.testing.assert_allclose(pair.weights, single.weights, atol=1e-5)
        assert pair.write(x, d, 0.02, 3) == single.write(x, d, 0.02, 3)
        columns, counts = np.array([4, 7], np.int32), np.array([[3, -2, 0, 0, 1, -1], [0, 0, 0, 0, 0, -5]], np.int32)
        assert pair.pulse(columns, counts, 5) == single.pulse(columns, counts, 5)
        np.testing.assert_allclose(pair.weights, single.weights, atol=1e-5)

    def test_programming_splits_signs(self):
        made = array(OneSided(device=steps(w_min=0.0)))
        wanted = some(1, 6, 9)
        made.program(wanted)
        np.testing.assert_allclose(made.weights, np.clip(wanted, -2, 2), rtol=1e-6)
        assert (np.minimum(made.parts[0].weights, made.parts[1].weights) == 0.0).all()

    def test_a_refresh_rewrites_pairs_that_have_come_far(self):
        device = steps(w_min=0.0, dw_min=0.05)
        made = array(OneSided(device=device), 2, 2)
        plus, minus = (part.weights for part in made.parts)
        plus[...] = [[1.9, 1.9], [1.0, 0.6]]
        minus[...] = [[0.9, 0.4], [0.9, 1.6]]
        update = made.refresh()
        # Larger than 0.75 of 2, smaller than 0.25 of 2: the first and the last pair.
        np.testing.assert_allclose(plus, [[1.0, 1.9], [1.0, 0.0]], atol=0.051)
        np.testing.assert_allclose(minus, [[0.0, 0.4], [0.9, 1.0]], atol=0.051)
        np.testing.assert_allclose(made.weights, plus - minus, atol=1e-6)
        assert update.transfer_reads == 4
        assert update.transfer_slots == 40
        assert update.pulses == pytest.approx(40, abs=2)

    @pytest.mark.parametrize("lr_sign", [1, -1])
    def test_refreshes_come_when_they_are_due(self, lr_sign):
        by_vector = array(OneSided(device=steps(w_min=0.0), refresh_every=4, units_in_mbatch=False))
        x, d = some(1, 10, 9), lr_sign * some(2, 10, 6)
        assert by_vector.update(x, d, 0.05, 2).transfer_reads == 3 * 2 * 9  # before the vectors 4, 8 and 12
        by_batch = array(OneSided(device=steps(w_min=0.0), refresh_every=2))
        assert [by_batch.age(k).transfer_reads for k in range(4)] == [0, 18, 0, 18]
        never = array(OneSided(device=steps(w_min=0.0)))
        assert never.age(0).transfer_reads == never.update(x, d, 0.05, 0).transfer_reads == 0

    def test_refreshes_keep_a_pair_going_beyond_its_bounds(self):
        # 400 up and down pulses saturate a pair of 100 pulses' range, but not one that is refreshed.
        ends = {}
        for every in (0, 1):
            device = OneSided(device=steps(w_max=1.0, w_min=0.0), refresh_every=every)
            made = array(device, 1, 1, transfer_update=UpdateParameters(desired_bl=31))
            for k in range(400):
                made.pulse(np.zeros(1, np.int32), np.array([[1 if k % 2 else -1]], np.int32), k)
                made.age(k)
            made.pulse(np.zeros(1, np.int32), np.array([[20]], np.int32), 400)
            ends[every] = float(made.weights[0, 0])
        assert ends[0] == 0.0
        assert ends[1] == pytest.approx(0.2, abs=0.031)


class TestVector:
    def test_all_devices_get_the_same_pulses(self):
        made, single = array(Vector(devices=(steps(), steps(), steps()))), array(steps())
        x, d = some(1, 20, 9), some(2, 20, 6)
        update, alone = made.update(x, d, 0.02, 3), single.update(x, d, 0.02, 3)
        for part in made.parts:
            np.testing.assert_array_equal(part.weights, single.weights)
        np.testing.assert_allclose(made.weights, single.weights, atol=1e-6)
        assert update.pulses == 3 * alone.pulses
        assert update.slots == alone.slots

    def test_the_granularity_is_the_mean(self):
        assert array(Vector(devices=(steps(dw_min=0.01), steps(dw_min=0.03)))).granularity == pytest.approx(0.02)

    @pytest.mark.parametrize("policy", ["single-fixed", "single-sequential", "single-random"])
    def test_one_device_takes_each_update(self, policy):
        made = array(Vector(devices=(steps(),) * 3, update_policy=policy, first_update_idx=1))
        x, d = np.ones((1, 9), np.float32), np.ones((1, 6), np.float32)
        turns = []
        for v in range(60):
            before = [part.weights.copy() for part in made.parts]
            made.update(x, d, 0.01, v)
            turns += [i for i, part in enumerate(made.parts) if (part.weights != before[i]).any()]
        assert len(turns) == 60
        if policy == "single-fixed":
            assert turns == [1] * 60
        elif policy == "single-sequential":
            assert turns == [(v + 1) % 3 for v in range(60)]
        else:
            # Each of three is drawn 20 +- 3.65 times; 4 standard deviations, a rate of 2e-4 for all three.
            assert all(abs(turns.count(i) - 20) < 15 for i in range(3))
            assert turns != sorted(turns)

    def test_the_mean_of_n_moves_by_one_in_n_if_one_is_updated(self):
        made = array(Vector(devices=(steps(),) * 4, update_policy="single-sequential"))
        made.update(np.ones((1, 9), np.float32), np.ones((1, 6), np.float32), 0.05, 0)
        np.testing.assert_allclose(made.weights, -0.05 / 4, rtol=1e-5)

    def test_a_weighted_sum_is_programmed_and_read(self):
        made = array(Vector(devices=(steps(), steps(w_max=9.0, w_min=-9.0)), gamma_vec=(1.0, 0.1)))
        wanted = 0.3 * some(1, 6, 9)
        made.program(wanted)
        np.testing.assert_allclose(made.weights, wanted, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(made.parts[0].weights, 10 * made.parts[1].weights, rtol=1e-5)

    def test_random_turns_do_not_depend_on_blocks(self):
        device = changed(Vector(update_policy="single-random"), **NOISE)
        whole, cut = array(device), array(device)
        x, d = some(1, 8, 9), some(2, 8, 6)
        whole.update(x, d, 0.05, 5)
        for v in range(8):
            cut.update(x[v : v + 1], d[v : v + 1], 0.05, 5 + v)
        np.testing.assert_array_equal(whole.weights, cut.weights)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"gamma_vec": (1.0,)}, "one number for each"),
            ({"gamma_vec": (0.0, 0.0)}, "all zero"),
            ({"first_update_idx": 2}, "position of a device"),
            ({"devices": ()}, "at least 1"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, wrong, message):
        with pytest.raises(ValueError, match=message):
            Vector(**wrong)


class TestReferenceCell:
    def test_updates_leave_the_reference_alone(self):
        made = array(ReferenceCell(device=steps(), reference=LinearResponse()))
        made.parts[1].program(np.full((6, 9), 0.25, np.float32))
        made.program(np.full((6, 9), 0.5, np.float32))
        np.testing.assert_allclose(made.parts[0].weights, 0.75)
        made.update(np.ones((1, 9), np.float32), -np.ones((1, 6), np.float32), 0.05, 0)
        np.testing.assert_allclose(made.weights, 0.55, rtol=1e-5)
        assert (made.parts[1].weights == 0.25).all()

    def test_it_learns_like_its_device(self):
        made, single = array(ReferenceCell(device=steps())), array(steps())
        x, d = some(1, 5, 9), some(2, 5, 6)
        assert made.update(x, d, 0.03, 0) == single.update(x, d, 0.03, 0)
        np.testing.assert_array_equal(made.weights, single.weights)
