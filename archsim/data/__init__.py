"""Data sets as arrays in memory, by the names under which they are registered."""

from __future__ import annotations

from archsim import plugins
from archsim.data.dataset import DataSet, epoch_order, stream_order
from archsim.data.origin import DataOrigin, origin_of
from archsim.data.specification import DataSpecification

__all__ = ["DataOrigin", "DataSet", "epoch_order", "load_data", "origin_of", "stream_order"]


def load_data(specification: DataSpecification) -> DataSet:
    """Return the data set that a specification names: only the samples that it asks for, standardized if it says so.

    Raises
    ------
    InputError
        If there is no such data set, its files are missing or broken, or it has fewer samples.
    """
    load = plugins.load("archsim.datasets", specification.name, field="data.name")
    data = plugins.checked(load(specification), DataSet, "archsim.datasets", specification.name)
    data = data.capped(specification.samples, specification.test_samples)
    return data.standardized() if specification.standardize else data
