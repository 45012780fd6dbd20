"""Checkpoints: the state of a run between two events, stored and taken up again.

What is known before the clock starts (chip, plan, schedule, data, the making of crossbars) is rebuilt
from the experiment; a checkpoint refers to it by name. Everything that changes, from the position of
a stage in its list to a block under way on a link, is stored as the objects that hold it. Nothing is
drained and nothing is approximated: a run that is taken up again equals one that never stopped.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from archsim.errors import ArchsimError

__all__ = ["CheckpointError", "restore_objects", "store_objects"]


class CheckpointError(ArchsimError):
    """A checkpoint that cannot be written or read."""


#: What may stand in a checkpoint beside archsim's own classes. Nothing here runs code of the file.
_ALLOWED = frozenset(
    {
        ("array", "_array_reconstructor"),
        ("array", "array"),
        ("builtins", "frozenset"),
        ("builtins", "int"),
        ("builtins", "range"),
        ("builtins", "set"),
        ("collections", "Counter"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
    }
)


class _Pickler(pickle.Pickler):
    """Writes names in place of the objects that are rebuilt."""

    def __init__(self, file: io.BytesIO, rebuilt: Mapping[str, object]) -> None:
        super().__init__(file, protocol=5)
        self._names = {id(value): name for name, value in rebuilt.items()}

    def persistent_id(self, value: object) -> str | None:
        return self._names.get(id(value))


class _Unpickler(pickle.Unpickler):
    """Reads archsim's classes and plain containers only: a file from elsewhere can do no harm."""

    def __init__(self, file: io.BytesIO, rebuilt: Mapping[str, object]) -> None:
        super().__init__(file)
        self._rebuilt = rebuilt

    def persistent_load(self, name: Any) -> object:
        if name not in self._rebuilt:
            raise CheckpointError(f"the checkpoint refers to '{name}', which this experiment does not have")
        return self._rebuilt[name]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        if module.startswith("archsim.") and "." not in name:
            found = getattr(import_module(module), name, None)
            if isinstance(found, type):
                return found
        raise CheckpointError(f"the checkpoint holds a {module}.{name}, which does not belong there")


def store_objects(root: object, rebuilt: Mapping[str, object]) -> bytes:
    """Return everything below `root` as bytes, with names in place of what is rebuilt."""
    file = io.BytesIO()
    _Pickler(file, rebuilt).dump(root)
    return file.getvalue()


def restore_objects(stored: bytes, rebuilt: Mapping[str, object]) -> Any:
    """Return what `store_objects` stored, joined to newly built objects.

    Raises
    ------
    CheckpointError
        If the bytes are damaged or hold what does not belong there.
    """
    try:
        return _Unpickler(io.BytesIO(stored), rebuilt).load()
    except CheckpointError:
        raise
    except Exception as error:  # damaged bytes come back as any kind of error
        raise CheckpointError(f"the checkpoint is damaged ({type(error).__name__}: {error})") from error
