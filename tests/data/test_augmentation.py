"""Augmentation: every image is a shifted, perhaps mirrored copy, and which one belongs to sample and epoch alone."""

from __future__ import annotations

import numpy as np
import pytest

import archsim
from archsim.data import DataSet, epoch_order
from archsim.data.augmentation import Augmenter
from archsim.data.specification import Augmentation
from archsim.engine.numerics.feed import Feed
from archsim.errors import InputError
from archsim.schedule.actions import PipelineShape
from tests.sensitivity.bases import base, small_data

SHAPE = (2, 5, 4)


def images(count: int) -> np.ndarray:
    return np.random.default_rng(3).random((count, *SHAPE), dtype=np.float32)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 3])
def test_each_image_is_the_piece_that_its_word_says(flip: bool, padding: int) -> None:
    augmenter = Augmenter(Augmentation(horizontal_flip=flip, crop_padding=padding), SHAPE, seed=5)
    x, words = images(40), augmenter.words(2, 40)
    found = augmenter.apply(x, words)
    for image, word, got in zip(x, map(int, words), found, strict=True):
        row, column = ((word >> 32 & 0xFFFF) * (2 * padding + 1) >> 16, (word >> 48) * (2 * padding + 1) >> 16)
        padded = np.zeros((2, 5 + 2 * padding, 4 + 2 * padding), np.float32)
        padded[:, padding : padding + 5, padding : padding + 4] = image
        piece = padded[:, row : row + 5, column : column + 4]
        assert np.array_equal(got, piece[:, :, ::-1] if flip and word & 1 else piece)


def test_places_and_mirrors_are_equally_frequent() -> None:
    # False-alarm rate below 1e-6 for each of the 11 counts: 5.5 standard deviations of a binomial.
    words = Augmenter(Augmentation(), SHAPE, seed=1).words(0, 9000)
    for found, choices in ((words & np.uint64(1), 2), (words >> np.uint64(32) & np.uint64(0xFFFF), 9)):
        drawn = found if choices == 2 else found * np.uint64(choices) >> np.uint64(16)
        counts = np.bincount(drawn.astype(np.int64), minlength=choices)
        spread = np.sqrt(9000 * (1 / choices) * (1 - 1 / choices))
        assert len(counts) == choices
        assert np.abs(counts - 9000 / choices).max() < 5.5 * spread


def test_words_differ_by_epoch_and_seed_and_are_not_those_of_the_order() -> None:
    words = Augmenter(Augmentation(), SHAPE, seed=1).words(0, 64)
    for other in (Augmenter(Augmentation(), SHAPE, 1).words(1, 64), Augmenter(Augmentation(), SHAPE, 2).words(0, 64)):
        assert not (words == other).any()
    assert np.argsort(words, kind="stable").tolist() != epoch_order(1, 0, 64).tolist()


def test_images_do_not_depend_on_micro_batches_or_on_what_was_asked_before() -> None:
    x, labels = images(12), np.zeros(12, np.int64)
    data = DataSet("images", x, labels, x[:0], labels[:0], classes=1)
    augmenter = Augmenter(Augmentation(horizontal_flip=True, crop_padding=2), SHAPE, seed=9)

    def feed(micro_batches: int) -> Feed:
        return Feed(data, PipelineShape(1, 6, micro_batches), 4, lambda epoch: epoch_order(9, epoch, 12), augmenter)

    whole = np.concatenate([feed(1).inputs(k) for k in range(6)])
    parts = feed(4)
    assert np.array_equal(np.concatenate([parts.inputs(k) for k in range(24)]), whole)
    assert np.array_equal(feed(2).inputs(7), whole[14:16])
    # Two epochs of 12 samples: the same images, changed otherwise.
    order = [epoch_order(9, epoch, 12) for epoch in (0, 1)]
    first, second = (whole[12 * epoch : 12 * epoch + 12][np.argsort(order[epoch])] for epoch in (0, 1))
    assert not np.array_equal(first, second)


def document(**sections: object) -> dict[str, object]:
    layers = [{"name": "flat", "kind": "reshape"}, {"name": "out", "kind": "linear", "features": 4}]
    network = {"input_shape": [1, 2, 3], "layers": layers}
    data = {"samples": 12, "augmentation": {"horizontal_flip": True, "crop_padding": 1}}
    training = {"algorithm": "digital-sgd", "learning_rate": 0.5, "mini_batch": 4, "epochs": 2}
    schedule = {"kind": "synchronous", "stages": 1, "micro_batches": 2}
    return base() | {"network": network, "data": data, "training": training, "schedule": schedule} | sections


def test_schedules_and_modes_see_the_same_images() -> None:
    weights = [
        archsim.simulate(document(schedule={"kind": kind, "stages": 1}), mode=mode, data=small_data()).weights["out"]
        for kind, mode in (("sequential", "numerics"), ("sequential", "coupled"), ("synchronous", "coupled"))
    ]
    assert all(np.array_equal(found, weights[0]) for found in weights)
    plain = document(data={"samples": 12}, schedule={"kind": "sequential", "stages": 1})
    assert not np.array_equal(archsim.simulate(plain, mode="numerics", data=small_data()).weights["out"], weights[0])


def test_what_is_no_image_or_is_not_trained_on_is_refused() -> None:
    with pytest.raises(InputError, match="only images can be flipped and cropped"):
        archsim.simulate(base() | {"data": {"samples": 12, "augmentation": {}}}, data=small_data())
    forward = document(schedule={"kind": "inference", "stages": 1})
    with pytest.raises(InputError, match="trains nothing"):
        archsim.load_experiment(forward)
