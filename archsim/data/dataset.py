"""A data set as arrays, and the order in which an epoch walks through it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.errors import InputError

__all__ = ["DataSet", "epoch_order", "stream_order"]


@dataclass(frozen=True)
class DataSet:
    """Training and test samples.

    Attributes
    ----------
    name : str
        What results call it.
    train_inputs, test_inputs : ndarray of float32, shape (samples, \\*shape)
        Inputs; both parts have samples of one shape.
    train_targets, test_targets : ndarray of int64, shape (samples,), or of float32, shape (samples, outputs)
        Class numbers from 0, or values. Of sequences, class numbers may have the shape (samples, length).
    classes : int, optional
        Number of classes; None if the targets are values.
    files : tuple of Path
        The files that they were read from; none for arrays that never were in a file.

    Raises
    ------
    InputError
        If the arrays do not belong together.
    """

    name: str
    train_inputs: npt.NDArray[np.float32]
    train_targets: npt.NDArray[Any]
    test_inputs: npt.NDArray[np.float32]
    test_targets: npt.NDArray[Any]
    classes: int | None = None
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            self._check(part, getattr(self, f"{part}_inputs"), getattr(self, f"{part}_targets"))
        if self.train_inputs.shape[1:] != self.test_inputs.shape[1:]:
            raise InputError(
                f"training samples have the shape {self.train_inputs.shape[1:]}, "
                f"test samples {self.test_inputs.shape[1:]}",
                field=f"data set '{self.name}'",
            )
        if not len(self.train_inputs):
            raise InputError("there are no training samples", field=f"data set '{self.name}'")

    def _check(self, part: str, inputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> None:
        field = f"data set '{self.name}', {part}_"
        if inputs.dtype != np.float32 or inputs.ndim < 2:
            raise InputError(
                "wrong kind of inputs",
                field=f"{field}inputs",
                value=f"{inputs.dtype} of shape {inputs.shape}",
                allowed="float32 of shape (samples, ...)",
            )
        if 0 in inputs.shape[1:]:
            raise InputError("samples without a single value", field=f"{field}inputs", value=f"shape {inputs.shape}")
        if not np.isfinite(inputs).all():
            raise InputError("inputs must be finite numbers", field=f"{field}inputs")
        if len(inputs) != len(targets):
            raise InputError(f"{len(inputs)} inputs and {len(targets)} targets", field=f"{field}targets")
        if self.classes is None:
            if targets.dtype != np.float32 or targets.ndim != 2 or not np.isfinite(targets).all():
                raise InputError(
                    "wrong kind of targets",
                    field=f"{field}targets",
                    value=f"{targets.dtype} of shape {targets.shape}",
                    allowed="whole class numbers from 0, shape (samples,), or finite values, shape (samples, outputs)",
                    remedy="for one value a sample, reshape to (samples, 1)" if targets.ndim == 1 else None,
                )
            return
        if targets.dtype != np.int64 or targets.ndim not in (1, 2):
            raise InputError(
                "wrong kind of targets",
                field=f"{field}targets",
                value=f"{targets.dtype} of shape {targets.shape}",
                allowed="int64 of shape (samples,) or (samples, length)",
            )
        if targets.size and not 0 <= targets.min() <= targets.max() < self.classes:
            raise InputError(
                "a class that does not exist",
                field=f"{field}targets",
                value=int(targets.max() if targets.max() >= self.classes else targets.min()),
                allowed=f"0 to {self.classes - 1}",
                remedy="classes are counted from 0: subtract 1 from all" if targets.min() > 0 else None,
            )

    def with_classes(self) -> DataSet:
        """Return the data with one-hot targets (one 1 among zeros in each sample) as class numbers."""
        parts = (self.train_targets, self.test_targets)
        if self.classes is not None or not all(_one_hot(targets) for targets in parts):
            return self
        train, test = (targets.argmax(axis=1).astype(np.int64) for targets in parts)
        return replace(self, train_targets=train, test_targets=test, classes=self.train_targets.shape[1])

    def with_classes_of_positions(self) -> DataSet:
        """Return the data with targets that are whole numbers from 0, shape (samples, length), as class numbers."""
        parts = (self.train_targets, self.test_targets)
        if self.classes is not None or not all(((part >= 0) & (part % 1 == 0)).all() for part in parts):
            return self
        train, test = (part.astype(np.int64) for part in parts)
        classes = max(int(part.max(initial=0)) for part in (train, test)) + 1
        return replace(self, train_targets=train, test_targets=test, classes=classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample's input."""
        return self.train_inputs.shape[1:]

    def with_shape(self, shape: tuple[int, ...]) -> DataSet:
        """Return the data with another shape of each sample, which holds as many numbers."""
        train, test = (inputs.reshape(len(inputs), *shape) for inputs in (self.train_inputs, self.test_inputs))
        return replace(self, train_inputs=train, test_inputs=test)

    def standardized(self) -> DataSet:
        """Return the samples with the training inputs' mean 0 and standard deviation 1 in each channel.

        Channels are the first axis of a sample of shape (channels, ...); a vector is one channel. A
        channel that never changes becomes 0.
        """
        axes = (0, *range(2, self.train_inputs.ndim)) if self.train_inputs.ndim > 2 else (0, 1)
        mean = self.train_inputs.mean(axis=axes, dtype=np.float64, keepdims=True)
        deviation = self.train_inputs.std(axis=axes, dtype=np.float64, keepdims=True)
        deviation[deviation == 0] = 1.0

        def scaled(inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            result: npt.NDArray[np.float32] = inputs - mean.astype(np.float32)
            result /= deviation.astype(np.float32)
            return result

        return replace(self, train_inputs=scaled(self.train_inputs), test_inputs=scaled(self.test_inputs))

    def capped(self, samples: int | None, test_samples: int | None) -> DataSet:
        """Return the first samples only.

        Raises
        ------
        InputError
            If more are asked for than there are.
        """
        for field, wanted, there in (
            ("data.samples", samples, len(self.train_inputs)),
            ("data.test_samples", test_samples, len(self.test_inputs)),
        ):
            if wanted is not None and wanted > there:
                raise InputError(
                    f"the data set '{self.name}' has fewer samples", field=field, value=wanted, allowed=f"up to {there}"
                )
        return replace(
            self,
            train_inputs=self.train_inputs[:samples],
            train_targets=self.train_targets[:samples],
            test_inputs=self.test_inputs[:test_samples],
            test_targets=self.test_targets[:test_samples],
        )


def _one_hot(targets: npt.NDArray[Any]) -> bool:
    binary = np.isin(targets, (0, 1)).all()
    return targets.ndim == 2 and targets.shape[1] > 1 and bool(binary and (targets.sum(axis=1) == 1).all())


def epoch_order(seed: int, epoch: int, samples: int) -> npt.NDArray[np.int64]:
    """Return the order in which an epoch walks through the samples.

    It depends on the arguments alone: the samples are sorted by raw words of a counter-based
    generator (Philox4x64, Salmon et al. 2011, doi:10.1145/2063384.2063405) keyed by seed and epoch.

    Parameters
    ----------
    seed : int
        Data seed, 0 to 2**63 - 1.
    epoch : int
        Epoch from 0.
    samples : int
        Number of samples.
    """
    words = np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64)).random_raw(samples)
    return np.argsort(words, kind="stable").astype(np.int64)


def stream_order(samples: int, streams: int) -> npt.NDArray[np.int64]:
    """Return the order in which samples that follow each other are read as streams side by side.

    Each stream is a run of neighbouring samples, all of one length; a rest that is too short for it is left out. First
    comes the first sample of every stream, then the second of every stream.

    Parameters
    ----------
    samples : int
        Number of samples.
    streams : int
        Number of streams.
    """
    length = samples // streams
    return (np.arange(length)[:, None] + length * np.arange(streams)).reshape(-1)
