"""Signed weights on pairs of conductances."""

import numpy as np
import pytest

from archsim.analog.inference import PairMapping
from archsim.errors import InputError

from .programmed import matrix


def test_one_conductance_of_a_pair_stays_lowest():
    weights = np.array([[0.5, -1.0, 0.0]])
    pairs = PairMapping.common(weights, 5.0, 25.0).targets(weights)
    assert pairs[:, 0].tolist() == [[15.0, 5.0, 5.0], [5.0, 25.0, 5.0]]


@pytest.mark.parametrize("make", [PairMapping.common, PairMapping.columnwise])
def test_weights_come_back(make):
    weights = matrix(4, 6) * np.array([[1.0], [0.1], [0.01], [0.3]], np.float32)
    mapping = make(weights, 1.0, 25.0)
    back = mapping.chain_weights(mapping.targets(weights)) * mapping.gains[:, None]
    assert np.allclose(back, weights, atol=1e-7)


def test_every_line_of_its_own_uses_the_whole_range():
    weights = matrix(4, 6) * np.array([[1.0], [0.1], [0.01], [0.0]], np.float32)
    mapping = PairMapping.columnwise(weights, 0.0, 25.0)
    targets = mapping.targets(weights)
    assert targets.max(axis=(0, 2)) == pytest.approx([25.0, 25.0, 25.0, 0.0])
    assert mapping.full == 1.0
    assert PairMapping.columnwise(weights, 0.0, 25.0, 0.5).chain_weights(targets).max() == pytest.approx(0.5)


def test_weights_beyond_the_range_are_clipped():
    mapping = PairMapping(0.0, 25.0, np.array([0.5]), 0.5)
    assert mapping.targets(np.array([[0.7, -0.9]]))[:, 0].tolist() == [[25.0, 0.0], [0.0, 25.0]]


@pytest.mark.parametrize("ranges", [[0.0], [-1.0], [np.nan]])
def test_a_range_is_positive(ranges):
    with pytest.raises(InputError, match="full conductance must be finite and above 0"):
        PairMapping(0.0, 25.0, np.array(ranges), 1.0)
