"""What every device must do, whoever made it: derive a class whose fixture `device` returns settings of the kind."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from archsim.analog.blocks import restore_arrays
from archsim.analog.devices import devices_per_cell
from archsim.analog.devices.population import W_MAX, W_MIN
from archsim.analog.devices.response import pulsed
from archsim.analog.observed import Counts
from archsim.analog.specification import Device, UpdateParameters

from .arrays import NOISE, array, changed, parts, single_pulses, some

ADAPTER = TypeAdapter(Device)


def bounds(part):
    """Return the lower and the upper bound of each cell."""
    return (part.population.cells[:, column].reshape(part.persistent.shape) for column in (W_MIN, W_MAX))


class Conformance:
    def test_settings_survive_a_document(self, device):
        assert ADAPTER.validate_json(ADAPTER.dump_json(device), strict=True) == device
        assert ADAPTER.validate_python(device) is device

    def test_cells_are_one_or_more_devices(self, device):
        assert devices_per_cell(device) >= 1

    def test_the_devices_of_a_cell_are_drawn_apart(self, device):
        populations = [part.population.cells for part in parts(array(device))]
        assert len(populations) in (0, devices_per_cell(device))
        for i, one in enumerate(populations):
            assert all((one != other).any() for other in populations[:i])

    def test_no_update_leads_out_of_the_bounds(self, device):
        made = array(device)
        for k in range(4):
            made.update(some(k, 5, 9), some(k + 10, 5, 6), 10 * (made.granularity or 0.01), 5 * k)
            made.age(k)
            assert np.isfinite(made.weights).all()
            for part in parts(made):
                low, high = bounds(part)
                assert (part.persistent >= low).all()
                assert (part.persistent <= high).all()

    def test_updates_descend(self, device):
        made = array(changed(device, **NOISE))
        before = made.weights.copy()
        made.update(np.ones((1, 9), np.float32), np.ones((1, 6), np.float32), 3 * (made.granularity or 0.01), 0)
        assert (made.weights < before).all()
        before = made.weights.copy()
        made.update(np.ones((1, 9), np.float32), -np.ones((1, 6), np.float32), 3 * (made.granularity or 0.01), 1)
        assert (made.weights > before).all()

    def test_trains_are_made_for_the_granularity(self, device):
        made = array(device)
        assert np.isfinite(made.granularity)
        update = made.update(np.ones((1, 9), np.float32), np.ones((1, 6), np.float32), 4.5 * made.granularity, 0)
        assert update.slots == (5 if made.granularity else 0)

    def test_single_pulses_follow_the_curve(self, device):
        made = array(changed(device, **NOISE))
        assert bool(parts(made)) == (made.granularity > 0)
        for part in parts(made):
            for up in (True, False):
                for start in (-0.3, 0.0, 0.45):
                    part.program(np.full((6, 9), start, np.float32))
                    expected = pulsed(part.population, part.weights.reshape(-1), up)
                    single_pulses(part, up)
                    np.testing.assert_allclose(part.weights.reshape(-1), expected, rtol=2e-6, atol=2e-7)

    def test_programming_is_exact_within_the_bounds(self, device):
        made = array(changed(device, **NOISE))
        wanted = 0.05 * some(1, 6, 9)
        made.program(wanted)
        within = np.ones((6, 9), bool)
        for part in parts(made):
            low, high = bounds(part)
            within &= (part.persistent > low) & (part.persistent < high) | (part.persistent == 0.0)
        np.testing.assert_allclose(made.weights[within], wanted[within], rtol=1e-6)
        assert within.mean() > 0.9

    def test_a_weight_beyond_the_bounds_saturates(self, device):
        made = array(changed(device, **NOISE))
        made.program(np.full((6, 9), 1e4, np.float32))
        # A pair holds the difference of two bounds, so one of its devices is at its lower one.
        at_bounds = [np.logical_or(*(part.persistent == bound for bound in bounds(part))) for part in parts(made)]
        assert made.saturated() == (float(np.mean(at_bounds)) if at_bounds else 0.0)
        assert all(part.all() for part in at_bounds if part.any())
        assert bool(at_bounds) == any(part.any() for part in at_bounds)

    def test_pulses_do_not_depend_on_blocks(self, device):
        # The noise of pulses belongs to a block, the pulses to their vectors: without noise no cut changes anything.
        quiet = changed(device, **NOISE)
        one_by_one = UpdateParameters(pulse_by_pulse=True)
        whole, cut = (array(quiet, update=one_by_one) for _ in range(2))
        x, d, rate = some(1, 6, 9), some(2, 6, 6), 4 * (whole.granularity or 0.01)
        done = whole.update(x, d, rate, 7)
        parts_done = [cut.update(x[:2], d[:2], rate, 7), cut.update(x[2:], d[2:], rate, 9)]
        np.testing.assert_array_equal(whole.weights, cut.weights)
        for name in Counts.__dataclass_fields__:
            assert getattr(done, name) == sum(getattr(part, name) for part in parts_done), name

    def test_the_same_calls_give_the_same_weights(self, device):
        found = []
        for seed in (2, 2, 3):
            made = array(device, noise_seed=seed)
            for k in range(2):
                made.update(some(k, 6, 9), some(k + 2, 6, 6), 4 * (made.granularity or 0.01), 6 * k)
            found.append(made.weights.copy())
        np.testing.assert_array_equal(found[0], found[1])
        assert made.granularity == 0 or (found[0] != found[2]).any()

    def test_a_restored_array_goes_on_as_if_nothing_had_been(self, device):
        def go_on(made, begin):
            for k in range(begin, begin + 3):
                made.update(some(k, 4, 9), some(k + 5, 4, 6), 6 * (made.granularity or 0.01), 4 * k)
                if made.granularity:
                    single_pulses(made, up=k % 2 == 0, first_vector=4 * k)
                made.age(k)

        made, other = array(device), array(device, device_seed=9)
        made.program(0.1 * some(3, 6, 9))
        go_on(made, 0)
        state = {name: values.copy() for name, values in made.arrays().items()}
        go_on(made, 3)
        restore_arrays(other.arrays(), state)
        go_on(other, 3)
        for name, values in made.arrays().items():
            np.testing.assert_array_equal(values, other.arrays()[name], err_msg=name)

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1)])
    def test_small_arrays_and_empty_blocks_are_no_trouble(self, device, shape):
        made = array(device, *shape)
        for vectors in (0, 2):
            x, d = some(1, vectors, shape[1]), some(2, vectors, shape[0])
            made.update(x, d, 0.01, 0)
            made.write(x, d, 0.01, 0)
            made.age(vectors)
        made.program(np.zeros(shape, np.float32))
        assert made.weights.shape == shape
        assert 0.0 <= made.saturated() <= 1.0

    def test_stuck_cells_stay(self, device):
        stuck = changed(device, corrupt_devices_prob=1.0, diffusion=0.1, lifetime=3.0, write_noise_std=0.0)
        made = array(stuck)
        before = made.weights.copy()
        made.program(some(1, 6, 9))
        made.update(some(2, 4, 9), some(3, 4, 6), 0.1, 0)
        made.age(0)
        if parts(made) and stuck != device:
            np.testing.assert_array_equal(made.weights, before)
