"""Layers balanced over stages."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip import presets
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps, read_ps, update_ps
from archsim.mapping.balance import balanced_partition, operator_groups
from archsim.mapping.load import PhaseTimes, operator_times_ps
from archsim.network.graph import Graph, Node
from archsim.network.specification import ReshapeLayer

from .networks import perceptron

RERAM = Chip.model_validate(presets.reram_1024())


def sums(times: list[int], ends: tuple[int, ...]) -> list[int]:
    return [sum(times[start:end]) for start, end in zip((0, *ends[:-1]), ends, strict=True)]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9), st.data())
def test_largest_stage_is_as_small_as_by_brute_force(times: list[int], data: st.DataObject) -> None:
    stages = data.draw(st.integers(1, len(times)))
    ends = balanced_partition(times, stages)
    assert len(ends) == stages
    assert ends[-1] == len(times)
    assert all(a < b for a, b in zip((0, *ends), ends, strict=False))
    best = min(max(sums(times, (*cuts, len(times)))) for cuts in combinations(range(1, len(times)), stages - 1))
    assert max(sums(times, ends)) == best


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_more_stages_are_never_worse(times: list[int]) -> None:
    largest = [max(sums(times, balanced_partition(times, stages))) for stages in range(1, len(times) + 1)]
    assert largest == sorted(largest, reverse=True)
    assert largest[-1] == max(times)


@pytest.mark.parametrize("stages", [0, 4])
def test_an_impossible_number_of_stages_is_refused(stages: int) -> None:
    with pytest.raises(ValueError, match="3 times"):
        balanced_partition([1, 2, 3], stages)


def test_digital_operators_go_with_the_matrix_before_them_and_leading_ones_with_the_first() -> None:
    inner = perceptron([8, 8, 4])
    first = Node("reshape", "reshape", ("input",), ((2, 4),), (8,), ReshapeLayer(name="reshape", shape=(8,)))
    graph = Graph("net", (2, 4), (first, *inner.nodes), inner.loss)
    assert operator_groups(graph) == (("reshape", "fc1", "tanh1"), ("fc2",))


def test_modelled_time_of_a_layer_is_its_reads_digital_work_buffer_and_update() -> None:
    graph = perceptron([40, 30, 20])
    first, tanh, second = map(sum, operator_times_ps(graph, RERAM, 4))
    read, update = read_ps(RERAM, 40, 30, 4), update_ps(RERAM, 4, 0)
    move = buffer_ps(RERAM, 160) + buffer_ps(RERAM, 120)
    prepare = nmpu_ps(RERAM, 4 * 70) + buffer_ps(RERAM, 280)
    assert first == read + nmpu_ps(RERAM, 120) + move + prepare + update
    assert tanh == 2 * (nmpu_ps(RERAM, 120) + buffer_ps(RERAM, 120))
    move = buffer_ps(RERAM, 120) + buffer_ps(RERAM, 80)
    reads = 2 * read + nmpu_ps(RERAM, 80) + nmpu_ps(RERAM, 120) + 2 * move
    assert second == reads + nmpu_ps(RERAM, 200) + buffer_ps(RERAM, 200) + update


def test_frozen_layers_take_no_update_and_need_no_gradient_before_the_first_trained_one() -> None:
    trained = operator_times_ps(perceptron([40, 30, 20]), RERAM, 4)
    frozen = operator_times_ps(perceptron([40, 30, 20], frozen=[1]), RERAM, 4)
    assert all(sum(less) < sum(more) for less, more in zip(frozen, trained, strict=True))


def test_phases_of_a_layer_are_told_apart() -> None:
    first, tanh, second = operator_times_ps(perceptron([40, 30, 20]), RERAM, 4)
    assert first.backward == 0 < second.backward
    assert tanh == (tanh.forward, tanh.forward, 0)
    assert first.update == nmpu_ps(RERAM, 4 * 70) + buffer_ps(RERAM, 280) + update_ps(RERAM, 4, 0)
    assert PhaseTimes.total((first, tanh)) == tuple(map(sum, zip(first, tanh, strict=True)))
    forward_only = operator_times_ps(perceptron([40, 30, 20]), RERAM, 4, trains=False)
    assert forward_only == ((first.forward, 0, 0), (tanh.forward, 0, 0), (second.forward, 0, 0))


def test_beside_a_stage_engine_each_matrix_counts_as_one() -> None:
    chip = Chip.model_validate(presets.unit())
    assert operator_times_ps(perceptron([4, 3000, 2]), chip, 4) == ((1, 0, 0), (0, 0, 0), (1, 0, 0))
