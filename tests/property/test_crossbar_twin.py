"""Any crossbar does what its NumPy twin does."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim._core import UPDATE_CELL
from archsim.analog import Crossbar, reference
from archsim.analog.devices import populate
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import (
    ConstantStep,
    ExpStep,
    IOParameters,
    LinearStep,
    PiecewiseStep,
    PowStep,
    SoftBounds,
    UpdateParameters,
)

sizes = st.integers(1, 24)
bits = st.none() | st.integers(2, 12)
seeds = st.integers(0, 2**63 - 1)
small = st.just(0.0) | st.floats(1e-3, 1.0)

chains = st.builds(
    IOParameters,
    is_perfect=st.booleans(),
    inp_bound=st.floats(0.1, 2.0),
    inp_noise=small,
    inp_sto_round=st.booleans(),
    out_bound=st.floats(0.05, 20.0),
    out_noise=small,
    w_noise=small,
    noise_management=st.sampled_from(["none", "abs-max"]),
    bound_management=st.sampled_from(["none", "iterative"]),
    max_bm_factor=st.floats(1.0, 100.0),
)
devices = st.one_of(
    st.builds(kind, dw_min=st.floats(1e-4, 0.2), dw_min_std=small, up_down=st.floats(-0.5, 0.5))
    for kind in (ConstantStep, ExpStep, LinearStep, PiecewiseStep, PowStep, SoftBounds)
)
schemes = {
    "update_bl_management": st.booleans(),
    "um_grad_scale": st.floats(0.1, 2),
    "res": st.just(0.0) | st.floats(1e-3, 0.3),
    "pulse_by_pulse": st.booleans(),
}
updates = st.one_of(
    st.builds(UpdateParameters, desired_bl=st.integers(1, longest), pulse_type=st.sampled_from(types), **schemes)
    for types, longest in [
        (["stochastic-compressed", "stochastic-reuse"], 80),
        (["mean-count", "deterministic-implicit"], 31),
    ]
)


def block(rng, vectors, lines):
    values = rng.standard_normal((vectors, lines)) * rng.exponential(1.0, (vectors, 1))
    return (values * (rng.random((vectors, lines)) < 0.7)).astype(np.float32)


@settings(max_examples=60)
@given(
    inputs=sizes,
    outputs=sizes,
    vectors=st.integers(0, 5),
    first=st.integers(0, 2**40),
    io=chains,
    backward_io=chains,
    device=devices,
    update=updates,
    dac_bits=bits,
    adc_bits=bits,
    identity=st.integers(0, 2**20 - 1),
    device_seed=seeds,
    noise_seed=seeds,
    rate=st.floats(1e-4, 1.0),
)
def test_crossbar_equals_twin(
    inputs,
    outputs,
    vectors,
    first,
    io,
    backward_io,
    device,
    update,
    dac_bits,
    adc_bits,
    identity,
    device_seed,
    noise_seed,
    rate,
):
    rng = np.random.default_rng(inputs + 64 * outputs)
    crossbar = Crossbar(
        inputs,
        outputs,
        device,
        Periphery(io=io, backward_io=backward_io, update=update, dac_bits=dac_bits, adc_bits=adc_bits),
        Streams(identity, device_seed, noise_seed),
    )
    crossbar.program(rng.uniform(-0.3, 0.3, (outputs, inputs)))
    weights = crossbar.weights.copy()
    x, d = block(rng, vectors, inputs), block(rng, vectors, outputs)
    stream = {"key": noise_seed, "crossbar": identity, "first_vector": first}

    managed = io.bound_management == "iterative"
    values, reads = reference.read(
        io, dac_bits, adc_bits, weights, x, transposed=False, managed=managed, purpose=1, **stream
    )
    read = crossbar.forward(x, first)
    np.testing.assert_array_equal(read.values, values)
    assert read.reads == reads

    values, reads = reference.read(
        backward_io, dac_bits, adc_bits, weights, d, transposed=True, managed=False, purpose=2, **stream
    )
    read = crossbar.backward(d, first)
    np.testing.assert_array_equal(read.values, values)
    assert read.reads == reads

    population = populate(device, outputs, inputs, identity, device_seed)
    trains = reference.pulse_trains(update, population.granularity, x, d, rate, **stream)
    law = reference.Law.of(population, update.pulse_by_pulse)
    pulses = reference.Walk(law, population.cells, weights, None).apply(trains, purpose=UPDATE_CELL, **stream)
    done = crossbar.update(x, d, rate, first)
    np.testing.assert_array_equal(crossbar.weights, weights)
    assert (done.slots, done.pulses) == (trains.slots, pulses)
