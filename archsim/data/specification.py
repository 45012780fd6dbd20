"""What a user says about the data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from archsim.specification import Specification

__all__ = ["DataSpecification"]


class DataSpecification(Specification):
    """Which data set, where it lies, and how much of it is used.

    ``samples`` caps the training samples; a timing run, which reads no data, takes it as their
    number. ``test_samples`` caps the test samples.
    """

    name: str = "digits"
    path: str | None = None
    samples: Annotated[int, Field(ge=1)] | None = None
    test_samples: Annotated[int, Field(ge=1)] | None = None
