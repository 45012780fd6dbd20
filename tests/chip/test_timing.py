"""Closed forms of the chip's times against the recurrence, and the recurrence against a simulation."""

from __future__ import annotations

import copy
from collections.abc import Generator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from archsim.chip import presets
from archsim.chip.specification import Adc, Chip, Dac
from archsim.chip.timing import (
    adc_conversion_ps,
    buffer_ps,
    chain_ps,
    dac_conversion_ps,
    host_ps,
    nmpu_ps,
    read_ps,
    read_units_ps,
    update_ps,
)

TIMES = npst.arrays(
    np.int64,
    npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8),
    elements=st.integers(0, 10**12),
)


def simulated(service_ps: npt.NDArray[np.int64]) -> int:
    """Vector by vector through a chain of SimPy resources: when the last one leaves."""
    environment = simpy.Environment(initial_time=0)
    units = [simpy.Resource(environment, capacity=1) for _ in range(service_ps.shape[1])]

    def vector(index: int) -> Generator[Any, Any, None]:
        for number, unit in enumerate(units):
            with unit.request() as grant:
                yield grant
                yield environment.timeout(int(service_ps[index, number]))

    for index in range(service_ps.shape[0]):
        environment.process(vector(index))
    environment.run()
    return int(environment.now)


RERAM = presets.reram_1024()


def reram(**changes: Any) -> Chip:
    """The preset with changed fields; a double underscore stands for a dot."""
    document = copy.deepcopy(RERAM)
    for path, value in changes.items():
        at = document
        *sections, last = path.split("__")
        for section in sections:
            at = at[section]
        at[last] = value
    return Chip.model_validate(document)


@given(TIMES)
def test_chain_equals_the_vector_by_vector_simulation(service_ps: npt.NDArray[np.int64]) -> None:
    assert chain_ps(service_ps) == simulated(service_ps)


@given(st.integers(1, 50), st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_chain_of_constant_service_is_fill_and_interval(vectors: int, units: list[int]) -> None:
    service = np.tile(np.array(units, dtype=np.int64), (vectors, 1))
    assert chain_ps(service) == sum(units) + (vectors - 1) * max(units)


@given(TIMES)
def test_chain_is_monotone_and_bounded(service_ps: npt.NDArray[np.int64]) -> None:
    done = chain_ps(service_ps)
    assert max(service_ps.sum(axis=0).max(), service_ps.sum(axis=1).max()) <= done <= service_ps.sum()
    assert chain_ps(service_ps + 1) > done


def test_chain_without_vectors_or_units_takes_no_time() -> None:
    assert chain_ps(np.zeros((0, 3), dtype=np.int64)) == 0
    assert chain_ps(np.zeros((3, 0), dtype=np.int64)) == 0


@given(
    st.integers(0, 40),
    st.integers(1, 1024),
    st.integers(1, 1024),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(1, 1024),
    st.integers(0, 500),
)
def test_read_is_the_chain_of_dac_integration_and_adc(
    vectors: int, rows: int, columns: int, transposed: bool, overlap: bool, per_tile: int | None, integration_ns: int
) -> None:
    chip = reram(tile__double_buffered=overlap, tile__integration_time=f"{integration_ns} ns", adc__per_tile=per_tile)
    units = read_units_ps(chip, rows, columns, transposed=transposed)
    lines = rows if transposed else columns
    assert units == (128_000, 1000 * integration_ns, 256_000 * (-(-lines // per_tile) if per_tile else 1))
    service = np.tile(np.array(units, dtype=np.int64), (vectors, 1))
    expected = chain_ps(service) if overlap else int(service.sum())
    assert read_ps(chip, rows, columns, vectors, transposed=transposed) == expected


def test_converter_times_follow_their_resolution() -> None:
    dac = Dac.model_validate({"bits": 5, "fixed_time": "3 ns", "step_time": "1 ns"})
    adc = Adc.model_validate({"bits": 5, "fixed_time": "3 ns", "step_time": "1 ns"})
    assert dac_conversion_ps(dac) == 19_000
    assert adc_conversion_ps(adc) == 35_000
    assert dac_conversion_ps(dac.model_copy(update={"bits": None})) == 3_000
    assert adc_conversion_ps(adc.model_copy(update={"bits": None})) == 3_000


def test_one_more_adc_bit_doubles_the_ramp() -> None:
    more, less = (read_units_ps(reram(adc__bits=bits), 8, 8)[2] for bits in (9, 8))
    assert more == 2 * less


@given(st.integers(0, 100), st.integers(0, 3000), st.integers(1, 4))
def test_update_time_counts_vectors_phases_and_slots(vectors: int, slots: int, phases: int) -> None:
    chip = reram(tile__phases=phases, tile__pulse_time="5 ns", tile__update_fixed_time="7 ns")
    assert update_ps(chip, vectors, slots) == 7_000 * vectors + 5_000 * phases * slots


@given(st.integers(0, 10**6))
def test_near_memory_unit_takes_whole_cycles(operations: int) -> None:
    chip = reram(nmpu__lanes=48, nmpu__pipeline_cycles=2, nmpu__clock="400 MHz")
    cycles = 2 + -(-operations // 48) if operations else 0
    assert nmpu_ps(chip, operations) == 2_500 * cycles


@given(st.integers(0, 10**6), st.sampled_from(["1 GHz", "300 MHz", "700 MHz"]))
def test_transfers_take_whole_cycles_of_a_rational_clock(size: int, clock: str) -> None:
    period = Fraction(10**6, int(clock.split()[0]) * (1000 if "GHz" in clock else 1))
    cycles = -(-size // 24)
    chip = reram(
        buffer__clock=clock,
        buffer__bytes_per_cycle=24,
        interconnect__clock=clock,
        interconnect__bytes_per_cycle=24,
        interconnect__hop_cycles=5,
        host__clock=clock,
        host__bytes_per_cycle=24,
        host__latency_cycles=10,
    )
    assert chip.interconnect is not None
    assert (
        buffer_ps(chip, size)
        == chip.interconnect.serialisation_ps(size)
        == -(-cycles * period.numerator // period.denominator)
    )
    assert chip.interconnect.hop_ps == -(-5 * period.numerator // period.denominator)
    whole = (cycles + 10) * period if size else Fraction(0)
    assert host_ps(chip, size) == -(-whole.numerator // whole.denominator)
