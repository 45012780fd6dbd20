"""What a user says about the data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.specification import Specification

__all__ = ["COMPRESSED", "ArrayNames", "Augmentation", "DataSpecification", "TextWindows"]

#: Endings of compressed files, which may be left out where a file is named; every other file is read as it is.
COMPRESSED = (".gz", ".xz")

Count = Annotated[int, Field(ge=1)]
FileNames = Annotated[tuple[str, ...], Field(min_length=1)]


class ArrayNames(Specification):
    """Which array of an ``.npz`` file holds what.

    Inputs have the shape (samples, ...) and are used as they are; targets are whole class numbers
    from 0 of shape (samples,), or values of shape (samples, outputs), which the loss softmax-cross-entropy takes as
    classes if every sample has one 1 among zeros. Without test arrays, every fifth sample is a test sample.
    ``classes`` is a single whole number; without it, an array of that name is used if there is one, else the
    highest class tells.
    """

    train_inputs: str = "train_inputs"
    train_targets: str = "train_targets"
    test_inputs: str = "test_inputs"
    test_targets: str = "test_targets"
    classes: str | None = None


class TextWindows(Specification):
    """How a text is cut into samples.

    A window has ``length`` characters, and the next window begins where it ends. ``encoding`` says what stands at a
    position: a 1 among zeros, one for each distinct character, or the number of the character.
    """

    length: Count = 32
    encoding: Literal["one-hot", "index"] = "one-hot"


class Augmentation(Specification):
    """How training images are changed, anew in each epoch.

    The host pads an image with ``crop_padding`` zeros on every side and cuts out a piece of its own size at a random
    place; ``horizontal_flip`` mirrors every second image on average.
    """

    horizontal_flip: bool = False
    crop_padding: Annotated[int, Field(ge=0, le=1024)] = 0


class DataSpecification(Specification):
    """Which data set, where it lies, and how much of it is used.

    ``samples`` caps the training samples; a timing run, which reads no data, takes it as their
    number. ``test_samples`` caps the test samples. ``standardize`` subtracts the mean of the training
    samples in use from all samples and divides by their standard deviation: for each channel where a
    sample has the shape (channels, ...), over all values where it is a vector.

    ``order`` says how an epoch goes through the training samples: ``shuffled`` anew each time, or as ``streams`` of
    neighbouring samples, of which a mini-batch has the next sample of each; a rest that is too short for a further
    sample of every stream is left out.
    """

    name: str = "digits"
    path: str | None = None
    train_files: FileNames | None = None
    test_files: FileNames | None = None
    arrays: ArrayNames | None = None
    windows: TextWindows | None = None
    standardize: bool = False
    order: Literal["shuffled", "streams"] = "shuffled"
    augmentation: Augmentation | None = None
    samples: Count | None = None
    test_samples: Count | None = None
