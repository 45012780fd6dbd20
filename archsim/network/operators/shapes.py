"""What an operator gives has the shape that its layer says; where it has not, the layer and its kind are told."""

from __future__ import annotations

from typing import Any

from archsim.errors import ArchsimError
from archsim.network.graph import Node

__all__ = ["wrong_gradients", "wrong_shape"]


def wrong_shape(node: Node, rule: str, found: Any, needed: tuple[int, ...]) -> ArchsimError:
    """Return the error that says that a rule of an operator gave an array of another shape than is needed.

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
    """
    shape = getattr(found, "shape", None)
    what = f"a {type(found).__name__}" if shape is None else f"an array of the shape {list(shape)}"
    return ArchsimError(
        f"layer '{node.name}': '{rule}' of the operator '{node.kind}' gave {what}, "
        f"and an array of the shape {list(needed)} is needed"
    )


def wrong_gradients(node: Node, rule: str, found: Any) -> ArchsimError:
    """Return the error that says that a rule gave something else than one gradient for each input of a layer."""
    count = f"{len(found)} gradients" if isinstance(found, tuple | list) else f"a {type(found).__name__}"
    return ArchsimError(
        f"layer '{node.name}': '{rule}' of the operator '{node.kind}' gave {count}, "
        f"and a tuple of {len(node.inputs)} is needed, one for each input"
    )
