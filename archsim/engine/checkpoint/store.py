"""Checkpoints: the state of a run between two events, stored and taken up again.

What is known before the clock starts (chip, plan, schedule, data, the making of crossbars) is rebuilt
from the experiment; a checkpoint refers to it by name. Everything that changes, from the position of
a stage in its list to a block under way on a link, is stored as the objects that hold it. Nothing is
drained and nothing is approximated: a run that is taken up again equals one that never stopped.

What can be stored is a list (`archsim.engine.checkpoint.kinds`), and no code comes from a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from archsim.engine.checkpoint.graph import Reader, Writer
from archsim.errors import ArchsimError

__all__ = ["CheckpointError", "restore_objects", "store_objects"]


class CheckpointError(ArchsimError):
    """A checkpoint that cannot be written or read."""


def store_objects(root: object, rebuilt: Mapping[str, object]) -> bytes:
    """Return everything below `root` as bytes, with names in place of what is rebuilt.

    Raises
    ------
    CheckpointError
        If there is an object that cannot be stored.
    """
    writer = Writer(rebuilt)
    try:
        tables = writer.write(root)
    except TypeError as error:
        raise CheckpointError(f"this run cannot be stored: {error}") from error
    return b"".join([json.dumps(tables, separators=(",", ":")).encode(), b"\n", *writer.elements])


def restore_objects(stored: bytes, rebuilt: Mapping[str, object]) -> Any:
    """Return what `store_objects` stored, joined to newly built objects.

    Raises
    ------
    CheckpointError
        If the bytes are damaged or hold what does not belong there.
    """
    end = stored.find(b"\n")
    try:
        tables = json.loads(stored[:end])
        return Reader(tables, memoryview(stored)[end + 1 :], rebuilt).read()
    except Exception as error:  # damaged bytes come back as any kind of error
        raise CheckpointError(f"the checkpoint is damaged or was not made by archsim: {_told(error)}") from error


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, (LookupError, ValueError)) and error.args else type(error).__name__
