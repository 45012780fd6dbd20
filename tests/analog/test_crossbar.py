"""A crossbar as the engine sees it."""

import numpy as np
import pytest

from archsim._core import EVALUATE, UPDATE_CELL
from archsim.analog import reference
from archsim.analog.blocks import BLOCK_VECTORS
from archsim.analog.devices import populate
from archsim.analog.specification import ConstantStep, Ideal, IOParameters, SoftBounds, UpdateParameters
from archsim.errors import InputError

from .crossbars import DEFAULTS, PERFECT, make, quiet


def some(seed, *shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def programmed(inputs=30, outputs=20, **changes):
    crossbar = make(inputs, outputs, **changes)
    crossbar.program(some(5, outputs, inputs) * np.float32(0.3))
    return crossbar


def test_perfect_reads_are_exact():
    crossbar = programmed(io=PERFECT, backward_io=PERFECT)
    x, d, w = some(1, 4, 30), some(2, 4, 20), crossbar.weights.astype(np.float64)
    forward, backward = crossbar.forward(x, 0), crossbar.backward(d, 0)
    np.testing.assert_allclose(forward.values, x @ w.T, atol=1e-6)
    np.testing.assert_allclose(backward.values, d @ w, atol=1e-6)
    assert (forward.reads, backward.reads) == (4, 4)


def test_reads_equal_the_twin():
    io, backward_io = IOParameters(out_bound=1.0), IOParameters(out_bound=0.5, out_noise=0.02)
    crossbar = programmed(io=io, backward_io=backward_io, identity=9, noise_seed=2**63 + 1, dac_bits=6, adc_bits=8)
    x, d = some(1, 4, 30), some(2, 4, 20)
    stream = {"key": 2**63 + 1, "crossbar": 9, "first_vector": 100}
    read = crossbar.forward(x, 100)
    values, reads = reference.read(io, 6, 8, crossbar.weights, x, transposed=False, managed=True, purpose=1, **stream)
    np.testing.assert_array_equal(read.values, values)
    assert read.reads == reads > 4
    read = crossbar.backward(d, 100)
    values, reads = reference.read(
        backward_io, 6, 8, crossbar.weights, d, transposed=True, managed=False, purpose=2, **stream
    )
    np.testing.assert_array_equal(read.values, values)
    assert read.reads == reads == 4


def test_evaluation_reads_a_snapshot_under_its_own_noise():
    crossbar = programmed()
    x, snapshot = some(1, 4, 30), crossbar.weights.copy()
    training = crossbar.forward(x, 0).values
    evaluation = crossbar.forward(x, 0, purpose=EVALUATE, weights=snapshot).values
    assert (training != evaluation).mean() > 0.5
    crossbar.update(x, some(2, 4, 20), 0.5, 0)
    assert (crossbar.weights != snapshot).any()
    np.testing.assert_array_equal(crossbar.forward(x, 0, purpose=EVALUATE, weights=snapshot).values, evaluation)


def test_update_equals_the_twin():
    device = SoftBounds(dw_min=0.01)
    crossbar = programmed(device=device, identity=4)
    expected = crossbar.weights.copy()
    x, d = some(1, 6, 30), some(2, 6, 20)
    update = crossbar.update(x, d, 0.05, 40)
    population = populate(device, 20, 30, 4, DEFAULTS["device_seed"])
    stream = {"key": DEFAULTS["noise_seed"], "crossbar": 4, "first_vector": 40}
    trains = reference.pulse_trains(UpdateParameters(), 0.01, x, d, 0.05, **stream)
    walk = reference.Walk(reference.Law.of(population), population.cells, expected, None)
    assert update.pulses == walk.apply(trains, purpose=UPDATE_CELL, **stream) > 0
    np.testing.assert_array_equal(crossbar.weights, expected)
    assert update.slots == trains.slots


def test_ideal_update_is_exact_and_unbounded():
    crossbar = make(3, 2, device=Ideal())
    crossbar.program(np.full((2, 3), 5.0))
    x, d = some(1, 4, 3), some(2, 4, 2)
    update = crossbar.update(x, d, 10.0, 0)
    np.testing.assert_allclose(crossbar.weights, 5.0 - 10.0 * d.T @ x, rtol=1e-5)
    assert (update.slots, update.pulses, crossbar.saturated()) == (0, 0, 0.0)


def test_a_positive_product_lowers_the_weight_and_a_negative_rate_turns_it():
    for rate, sign in [(0.05, -1), (-0.05, 1)]:
        crossbar = make(2, 2, device=quiet(ConstantStep, dw_min=0.01, w_max=1.0, w_min=-1.0))
        crossbar.update([[1.0, -1.0]], [[1.0, 1.0]], rate, 0)
        np.testing.assert_allclose(crossbar.weights, sign * np.array([[0.05, -0.05], [0.05, -0.05]]), rtol=1e-5)


def test_programming_is_exact_within_each_cells_bounds():
    crossbar = make(40, 30, device=SoftBounds(w_max=0.6, w_min=-0.6))
    wanted = some(3, 30, 40) * np.float32(0.9)
    crossbar.program(wanted)
    cells = crossbar.state()["cells"]
    low, high = cells[:, 0].reshape(30, 40), cells[:, 1].reshape(30, 40)
    np.testing.assert_array_equal(crossbar.weights, np.clip(wanted, low, high))
    clipped = (wanted <= low) | (wanted >= high)
    assert 0.1 < clipped.mean() < 0.9
    assert crossbar.saturated() == pytest.approx(clipped.mean())


def test_state_restores_to_the_bit():
    one, other = programmed(), make(30, 20, device_seed=77)
    assert (one.state()["cells"] != other.state()["cells"]).any()
    x, d = some(1, 4, 30), some(2, 4, 20)
    state = one.state()
    one.update(x, d, 0.1, 0)
    assert (state["weights"] != one.weights).any(), "a state is a copy"
    other.restore(state)
    other.update(x, d, 0.1, 0)
    np.testing.assert_array_equal(one.weights, other.weights)
    with pytest.raises(InputError, match="another array"):
        other.restore({"weights": state["weights"]})
    with pytest.raises(InputError, match="another array"):
        make(30, 21).restore(state)


def test_weights_cannot_be_changed_from_outside():
    crossbar = programmed()
    with pytest.raises(ValueError, match="read-only"):
        crossbar.weights[0, 0] = 1.0


def test_seeds_and_identity_separate_the_numbers():
    x = some(1, 4, 30)
    base = programmed()
    for changes in ({"noise_seed": 3}, {"identity": 1}):
        other = programmed(**changes)
        assert (base.forward(x, 0).values != other.forward(x, 0).values).mean() > 0.5
    assert (base.forward(x, 0).values != base.forward(x, 4).values).mean() > 0.5
    for changes in ({"device_seed": 3}, {"identity": 1}):
        assert (base.state()["cells"][:, 0] != make(30, 20, **changes).state()["cells"][:, 0]).all()


def test_long_blocks_are_the_same_as_short_ones():
    crossbar = programmed()
    x = some(1, 2 * BLOCK_VECTORS + 3, 30)
    whole = crossbar.forward(x, 7)
    parts = [crossbar.forward(x[begin : begin + 100], 7 + begin) for begin in range(0, len(x), 100)]
    np.testing.assert_array_equal(whole.values, np.concatenate([part.values for part in parts]))
    assert whole.reads == sum(part.reads for part in parts)


def test_any_layout_and_type_of_input_is_accepted():
    crossbar = programmed()
    x, d = some(1, 4, 30), some(2, 4, 20)
    expected = crossbar.forward(x, 0).values
    wide = np.zeros((4, 60), np.float32)
    wide[:, ::2] = x
    for same in (x.astype(np.float64), np.asfortranarray(x), wide[:, ::2], x.tolist()):
        np.testing.assert_array_equal(crossbar.forward(same, 0).values, expected)
    frozen = x.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(crossbar.forward(frozen, 0).values, expected)
    twin = programmed()
    crossbar.update(x, d, 0.1, 0)
    twin.update(np.asfortranarray(x), d.astype(np.float64), 0.1, 0)
    np.testing.assert_array_equal(crossbar.weights, twin.weights)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (0, 3), (3, 0), (5, 1), (1, 5)])
@pytest.mark.parametrize("vectors", [0, 1, 3])
@pytest.mark.parametrize("device", [Ideal(), SoftBounds(dw_min=0.01)], ids=["ideal", "soft"])
def test_odd_sizes(inputs, outputs, vectors, device):
    crossbar = make(inputs, outputs, device=device)
    x, d = np.ones((vectors, inputs), np.float32), np.ones((vectors, outputs), np.float32)
    read = crossbar.forward(x, 0)
    assert read.values.shape == (vectors, outputs)
    assert read.reads == vectors
    assert crossbar.backward(d, 0).values.shape == (vectors, inputs)
    update = crossbar.update(x, d, 0.1, 0)
    assert (update.pulses > 0) == (not isinstance(device, Ideal) and inputs * outputs * vectors > 0)
    assert (crossbar.weights < 0).all() or vectors == 0
    assert 0.0 <= crossbar.saturated() <= 1.0


def test_wrong_shapes_are_named():
    crossbar = programmed()
    for wrong in (np.ones(30), np.ones((2, 29)), np.ones((1, 2, 30))):
        with pytest.raises(InputError, match=r"x has the wrong shape[\s\S]*\[vectors, 30\]"):
            crossbar.forward(wrong, 0)
    with pytest.raises(InputError, match="d has the wrong shape"):
        crossbar.backward(np.ones((2, 30)), 0)
    with pytest.raises(InputError, match="same number of vectors"):
        crossbar.update(np.ones((2, 30)), np.ones((3, 20)), 0.1, 0)
    for wrong in (np.ones((20, 29)), np.ones((30, 20)), np.ones((19, 30))):
        with pytest.raises(InputError, match="weights has the wrong shape"):
            crossbar.program(wrong)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("device", [Ideal(), SoftBounds(dw_min=0.01)], ids=["ideal", "soft"])
def test_nothing_changes_where_a_number_is_not_finite(device, bad):
    crossbar = programmed(device=device)
    before = crossbar.weights.copy()
    x, d = some(1, 4, 30), some(2, 4, 20)
    broken_x, broken_d, weights = x.copy(), d.copy(), before.copy()
    broken_x[3, 7] = broken_d[3, 7] = weights[3, 7] = bad
    for call in (
        lambda: crossbar.update(broken_x, d, 0.1, 0),
        lambda: crossbar.update(x, broken_d, 0.1, 0),
        lambda: crossbar.update(x, d, bad, 0),
        lambda: crossbar.forward(broken_x, 0),
        lambda: crossbar.backward(broken_d, 0),
        lambda: crossbar.program(weights),
    ):
        with pytest.raises(InputError, match="not finite"):
            call()
        with pytest.raises(ValueError, match="not finite"):
            call()
    np.testing.assert_array_equal(crossbar.weights, before)


def test_too_many_crossbars_are_refused():
    with pytest.raises(InputError, match="too many crossbars"):
        make(2, 2, identity=2**20)
