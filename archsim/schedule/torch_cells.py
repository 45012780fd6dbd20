"""What the schedules of ``torch.distributed.pipelining`` call actions, in the terms of a crossbar.

There ``F`` is the forward, ``I`` the gradient of the input, ``W`` that of the weights, and ``B`` both. The gradient of
the input is what a backward of a crossbar computes; that of the weights is never computed as numbers, since the update
applies it to the cells. So ``I`` is B, ``W`` is U where it stands, and a ``B`` in a file that has ``W`` is B with U
right behind. In a file without ``W`` it is B alone, and the rule of updates (``schedule.update``) says when a stage
updates: torch applies gradients at the end of the mini-batch, which is ``deferred``.

Messages (``SEND_F`` and the like) need not be told, since stages send what they have made; nor do weights spread over
devices (``UNSHARD``, ``RESHARD``, ``REDUCE_GRAD``), of which a crossbar knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from archsim import plugins
from archsim.schedule.cells import Cell, mistake

__all__ = ["translated"]

_INPUT_GRADIENT, _WEIGHT_GRADIENT = "I", "W"
_BACKWARD, _UPDATE = "B", "U"
#: What a chip does by itself, or has not.
_LEFT_OUT = frozenset({"SEND_F", "RECV_F", "SEND_B", "RECV_B", "UNSHARD", "RESHARD", "REDUCE_GRAD"})


def translated(rows: Iterable[list[Cell]]) -> list[list[Cell]]:
    """Return rows in which torch's names of actions are those of archsim.

    Raises
    ------
    InputError
        If a file has updates under both names.
    """
    known = plugins.names("archsim.actions")
    rows = [[cell for cell in row if cell.symbol in known or cell.symbol not in _LEFT_OUT] for row in rows]
    splits = {_INPUT_GRADIENT, _WEIGHT_GRADIENT} - {*known}
    apart = next((cell for row in rows for cell in row if cell.symbol in splits), None)
    if apart is None:
        return rows
    update = next((cell for row in rows for cell in row if cell.symbol == _UPDATE), None)
    if update is not None:
        raise mistake(
            update,
            f"a file says when stages update by {_WEIGHT_GRADIENT}, as torch writes it, or by {_UPDATE}, and this one "
            f"has both, such as {apart.text} in row {apart.row + 1}",
            f"write {_BACKWARD} for {_INPUT_GRADIENT} and {_UPDATE} for {_WEIGHT_GRADIENT}",
        )
    return [[new for cell in row for new in _translated(cell)] for row in rows]


def _translated(cell: Cell) -> Iterator[Cell]:
    if cell.symbol == _WEIGHT_GRADIENT:
        yield replace(cell, symbol=_UPDATE)
    elif cell.symbol == _INPUT_GRADIENT:
        yield replace(cell, symbol=_BACKWARD)
    else:
        yield cell
        if cell.symbol == _BACKWARD:
            yield replace(cell, symbol=_UPDATE)
