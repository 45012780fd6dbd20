"""What the arrays of a matrix give is a read, or a record of counts; where it is not, their class is told."""

from __future__ import annotations

from archsim.analog.observed import Counts, Read
from archsim.digital.arrays import FLOAT32_TYPE, described, is_float32
from archsim.errors import ArchsimError
from archsim.network.stationary import StationaryMatrix

__all__ = ["checked_counts", "checked_read"]


def checked_read(found: object, matrix: StationaryMatrix, part: int, rule: str, shape: tuple[int, int]) -> Read:
    """Return what a read of a part gave, if it is one of float32 of a shape.

    Raises
    ------
    ArchsimError
        If it is something else; `rule` is the method of its arrays.
    """
    if not isinstance(found, Read):
        raise _wrong(matrix, part, rule, described(found), "a Read")
    values = found.values
    if getattr(values, "shape", None) != shape or (values.dtype is not FLOAT32_TYPE and not is_float32(values, shape)):
        needed = f"a Read of an array of float32 of the shape {list(shape)}"
        raise _wrong(matrix, part, rule, f"a Read of {described(values)}", needed)
    return found


def checked_counts(found: object, matrix: StationaryMatrix, part: int, rule: str) -> Counts:
    """Return what an update, transfers or the end of a mini-batch took, if it is a record of counts.

    Raises
    ------
    ArchsimError
        If it is something else; `rule` is the method of its arrays.
    """
    if not isinstance(found, Counts):
        raise _wrong(matrix, part, rule, described(found), "a record of Counts")
    return found


def _wrong(matrix: StationaryMatrix, part: int, rule: str, found: str, needed: str) -> ArchsimError:
    array = matrix.computed_by(part)
    return ArchsimError(f"'{rule}' of {array.__module__}.{array.__qualname__} gave {found}, and {needed} is needed")
