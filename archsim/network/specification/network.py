"""What a user says about a network: operators with explicit edges, shapes and a loss."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from archsim.network.specification.kinds import AnyLayer
from archsim.specification import Registered, Specification, contradiction

__all__ = ["NetworkSpecification"]


class NetworkSpecification(Specification):
    """A network: the shape of one sample, its operators in order, and the loss.

    ``weights`` names an ``.npz`` file, or the folder of a run, with the weights from which all layers start.
    """

    name: str = "network"
    input_shape: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1)]
    loss: Annotated[str, Registered("archsim.losses")] = "softmax-cross-entropy"
    weights: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> NetworkSpecification:
        seen: set[str] = {"input"}
        for layer in self.layers:
            if layer.name in seen:
                raise contradiction(
                    "a layer cannot be called 'input', the name of the network's input"
                    if layer.name == "input"
                    else f"two layers are called '{layer.name}'",
                    remedy="give every layer a name of its own",
                )
            seen.add(layer.name)
        return self
