"""Data sets as arrays: what belongs together, what is cut off, and in which order an epoch goes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.data import DataSet, epoch_order, load_data, stream_order
from archsim.data.specification import DataSpecification
from archsim.errors import InputError


def arrays(**changes: Any) -> dict[str, Any]:
    return {
        "name": "mine",
        "train_inputs": np.zeros((6, 3), np.float32),
        "train_targets": np.arange(6) % 2,
        "test_inputs": np.ones((2, 3), np.float32),
        "test_targets": np.array([0, 1]),
        "classes": 2,
        **changes,
    }


def test_digits_are_split_and_scaled() -> None:
    data = load_data(DataSpecification())
    assert data.train_inputs.shape == (1438, 64)
    assert data.test_inputs.shape == (359, 64)
    assert data.train_inputs.dtype == np.float32
    assert data.train_targets.dtype == np.int64
    assert data.shape == (64,)
    assert data.classes == 10
    assert data.train_inputs.min() == 0.0
    assert data.train_inputs.max() == 1.0
    # The first digits of the collection are 0, 1, 2, 3, 4, ...: every fifth is a test sample.
    assert data.train_targets[:5].tolist() == [0, 1, 2, 3, 5]
    assert data.test_targets[:2].tolist() == [4, 9]


def test_the_digits_are_those_of_the_repository() -> None:
    """Digests of ``sklearn.datasets.load_digits`` (scikit-learn 1.7), pixels divided by 16, in its order."""
    data = load_data(DataSpecification())
    inputs, targets = np.empty((1797, 64), np.float32), np.empty(1797, np.int64)
    test = np.arange(1797) % 5 == 4
    inputs[test], inputs[~test] = data.test_inputs, data.train_inputs
    targets[test], targets[~test] = data.test_targets, data.train_targets
    digest = hashlib.sha256(inputs.tobytes()).hexdigest()
    assert digest == "9f578524b6cec1fc800cc52dfc87ebe56264983d490aa72a4bd928ba2570ec77"
    digest = hashlib.sha256(targets.tobytes()).hexdigest()
    assert digest == "a3c91c262eddcf7ba8f0e37507c30284493c9b20412ffe4af30d536401f7ba21"


def test_caps_take_the_first_samples() -> None:
    whole = load_data(DataSpecification())
    part = load_data(DataSpecification(samples=100, test_samples=7))
    assert np.array_equal(part.train_inputs, whole.train_inputs[:100])
    assert np.array_equal(part.train_targets, whole.train_targets[:100])
    assert np.array_equal(part.test_inputs, whole.test_inputs[:7])
    assert len(part.test_targets) == 7


@pytest.mark.parametrize(("field", "there"), [("samples", 1438), ("test_samples", 359)])
def test_more_samples_than_there_are(field: str, there: int) -> None:
    with pytest.raises(InputError, match=f"data.{field}: the data set 'digits' has fewer samples") as caught:
        load_data(DataSpecification(**{field: there + 1}))
    assert f"up to {there}" in str(caught.value)


def test_an_unknown_data_set_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match=r"data\.name: there is no dataset") as caught:
        load_data(DataSpecification(name="digit"))
    assert "did you mean 'digits'?" in str(caught.value)


def test_digits_have_no_path() -> None:
    with pytest.raises(InputError, match=r"data\.path: the data set 'digits' is embedded"):
        load_data(DataSpecification(path="somewhere"))


def test_a_data_set_made_by_hand() -> None:
    assert DataSet(**arrays()).shape == (3,)
    values = arrays(classes=None, train_targets=np.zeros((6, 2), np.float32), test_targets=np.zeros((2, 2), np.float32))
    assert DataSet(**values).classes is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_inputs": np.zeros((6, 3))}, "train_inputs: wrong kind of inputs"),
        ({"train_inputs": np.zeros(6, np.float32)}, "train_inputs: wrong kind of inputs"),
        ({"test_inputs": np.full((2, 3), np.nan, np.float32)}, "test_inputs: inputs must be finite"),
        ({"test_inputs": np.zeros((2, 4), np.float32)}, "training samples have the shape"),
        ({"train_targets": np.zeros(5, np.int64)}, "6 inputs and 5 targets"),
        ({"train_targets": np.zeros(6, np.int32)}, "train_targets: wrong kind of targets"),
        ({"train_targets": np.full(6, 2)}, "a class that does not exist"),
        ({"train_targets": np.full(6, -1)}, "a class that does not exist"),
        ({"classes": None}, "train_targets: wrong kind of targets"),
        ({"train_inputs": np.zeros((0, 3), np.float32), "train_targets": np.zeros(0, np.int64)}, "no training samples"),
    ],
)
def test_arrays_that_do_not_belong_together(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match="data set 'mine'") as caught:
        DataSet(**arrays(**changes))
    assert words in str(caught.value)


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**6), st.integers(0, 300))
def test_an_epoch_walks_through_every_sample_once(seed: int, epoch: int, samples: int) -> None:
    order = epoch_order(seed, epoch, samples)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(samples))
    assert np.array_equal(order, epoch_order(seed, epoch, samples))


def test_epochs_and_seeds_differ() -> None:
    orders = {tuple(epoch_order(seed, epoch, 50)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_the_order_never_changes() -> None:
    assert epoch_order(1, 0, 10).tolist() == [3, 5, 2, 9, 7, 0, 8, 6, 1, 4]
    assert epoch_order(1, 1, 10).tolist() == [0, 6, 5, 3, 4, 9, 7, 8, 2, 1]


def test_streams_are_runs_of_neighbours_side_by_side() -> None:
    assert stream_order(11, 3).reshape(-1, 3).T.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert stream_order(4, 4).tolist() == [0, 1, 2, 3]
    assert not len(stream_order(3, 4))
