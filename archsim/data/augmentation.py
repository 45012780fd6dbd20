"""Images turned and shifted at random: what the host does with training samples before it hands them over.

The usual augmentation of small images (He et al. 2016, arXiv:1512.03385, section 4.2): an image is padded with zeros on
all sides, a piece of its own size is cut out at a random place, and half of the pieces are mirrored.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim.data.specification import Augmentation
from archsim.errors import InputError

__all__ = ["Augmenter"]

Words = npt.NDArray[np.uint64]

#: Where the words of an epoch begin on the counter of the generator whose first words give the order of its samples.
_COUNTER = (0, 0, 0, 1)


class Augmenter:
    """Changes training images by random words that belong to the sample and the epoch, whoever asks and when.

    The word of a sample is one of a counter-based generator (Philox4x64, Salmon et al. 2011,
    doi:10.1145/2063384.2063405) keyed by seed and epoch, at the index of the sample in the data set. Its lowest bit
    mirrors, bits 32 to 47 choose the row and bits 48 to 63 the column at which the piece begins.

    Parameters
    ----------
    settings : Augmentation
        What is done.
    shape : tuple of int
        Shape of a sample: (channels, rows, columns).
    seed : int
        Data seed, 0 to 2**63 - 1.

    Raises
    ------
    InputError
        If samples are no images.
    """

    def __init__(self, settings: Augmentation, shape: tuple[int, ...], seed: int) -> None:
        if len(shape) != 3:
            raise InputError(
                f"only images can be flipped and cropped, and the samples have the shape {list(shape)}",
                field="data.augmentation",
                allowed="samples of the shape (channels, rows, columns)",
                remedy="remove data.augmentation, or let network.input_shape be that of an image",
            )
        self._settings = settings
        self._seed = seed

    def words(self, epoch: int, samples: int) -> Words:
        """Return the words of all samples in an epoch, uint64 [samples]."""
        key = np.array([self._seed, epoch], dtype=np.uint64)
        return np.random.Philox(key=key, counter=np.array(_COUNTER, np.uint64)).random_raw(samples)

    def apply(self, images: npt.NDArray[np.float32], words: Words) -> npt.NDArray[np.float32]:
        """Return images, float32 [samples, channels, rows, columns], changed as their words say."""
        padding = self._settings.crop_padding
        samples, channels, rows, columns = images.shape
        first_row = _up_to(words >> np.uint64(32) & np.uint64(0xFFFF), 2 * padding)
        first_column = _up_to(words >> np.uint64(48), 2 * padding)
        at_row = first_row[:, None] + np.arange(rows)
        at_column = first_column[:, None] + np.arange(columns)
        if self._settings.horizontal_flip:
            mirrored = (words & np.uint64(1)).astype(bool)
            at_column[mirrored] = at_column[mirrored, ::-1]
        whole = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding))) if padding else images
        of = np.arange(samples)[:, None, None, None], np.arange(channels)[None, :, None, None]
        found: npt.NDArray[np.float32] = whole[*of, at_row[:, None, :, None], at_column[:, None, None, :]]
        return found


def _up_to(bits: Words, most: int) -> npt.NDArray[np.int64]:
    """Return whole numbers from 0 to `most` from 16 random bits each."""
    return (bits * np.uint64(most + 1) >> np.uint64(16)).astype(np.int64)
