"""What an operator gives is what its layer says; where it is not, the layer and its kind are told."""

from __future__ import annotations

from typing import Any

from archsim.digital.arrays import described, is_float32
from archsim.errors import ArchsimError
from archsim.network.graph import Node

__all__ = ["check_array", "wrong_gradients"]


def check_array(node: Node, rule: str, found: Any, needed: tuple[int, ...]) -> None:
    """Refuse what a rule of an operator gave if it is no array of float32 of the shape that is needed.

    Parameters
    ----------
    node : Node
        The layer.
    rule : str
        The method of its operator.
    found : object
        What it gave.
    needed : tuple of int
        The shape that is needed.

    Raises
    ------
    ArchsimError
        If it is something else.
    """
    if not is_float32(found, needed):
        raise ArchsimError(
            f"layer '{node.name}': '{rule}' of the operator '{node.kind}' gave {described(found)}, "
            f"and an array of float32 of the shape {list(needed)} is needed"
        )


def wrong_gradients(node: Node, rule: str, found: Any) -> ArchsimError:
    """Return the error that says that a rule gave something else than one gradient for each input of a layer."""
    count = f"{len(found)} gradients" if isinstance(found, tuple | list) else f"a {type(found).__name__}"
    return ArchsimError(
        f"layer '{node.name}': '{rule}' of the operator '{node.kind}' gave {count}, "
        f"and a tuple of {len(node.inputs)} is needed, one for each input"
    )
