"""Small experiments in plain numbers, the documents that say the same, and the lists of actions they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .hardware import Hardware

__all__ = ["INPUT", "Case", "Doing", "Layer"]

INPUT = "input"
#: Operations on each number, forward and backward alike.
OPERATIONS = {"tanh": 1, "sigmoid": 1, "relu": 1, "identity": 0}
#: Operations on each output of the network for its loss.
LOSSES = {"softmax-cross-entropy": 3, "mean-squared-error": 2}

#: Kind of an action, its micro-batch (the last one of several), and how many micro-batches it is for.
Doing = tuple[str, int, int]


@dataclass(frozen=True)
class Layer:
    """A linear layer, or an element-wise function of what is before it."""

    name: str
    kind: str
    source: str
    inputs: int
    outputs: int
    trainable: bool = True

    @property
    def matrix(self) -> bool:
        return self.kind == "linear"

    def section(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.matrix:
            found["features"] = self.outputs
            if not self.trainable:
                found["trainable"] = False
        return found


@dataclass(frozen=True)
class Case:
    """A network on a chip under a schedule; `samples` are those of a micro-batch."""

    hardware: Hardware
    layers: tuple[Layer, ...]
    stages: tuple[tuple[str, ...], ...]
    loss: str
    kind: str
    update: str
    mini_batches: int
    micro_batches: int
    samples: int
    #: After how many vectors a line goes from the first array of a tile to the second; 0: there is one array.
    transfer_every: int = 0

    @property
    def trains(self) -> bool:
        return self.kind != "inference"

    @property
    def total(self) -> int:
        """Micro-batches of the run."""
        return self.mini_batches * self.micro_batches

    def document(self) -> dict[str, Any]:
        algorithm: Any = "analog-sgd"
        if self.transfer_every:
            algorithm = {"kind": "tiki-taka", "transfer_every": self.transfer_every, "units_in_mbatch": False}
        schedule: dict[str, Any] = {
            "kind": self.kind,
            "stages": [list(names) for names in self.stages],
            "micro_batches": self.micro_batches,
        }
        if self.trains:
            schedule["update"] = self.update
        return {
            "network": {
                "input_shape": [self.layers[0].inputs],
                "layers": [layer.section() for layer in self.layers],
                "loss": self.loss,
            },
            "chip": self.hardware.section(),
            "data": {"samples": self.total * self.samples},
            "training": {
                "algorithm": algorithm,
                "learning_rate": 0.1,
                "mini_batch": self.micro_batches * self.samples,
            },
            "schedule": schedule,
            "run": {"mode": "timing"},
        }

    def needs_gradient(self, name: str) -> bool:
        """Return whether something before a value learns."""
        found = {INPUT: False}
        for layer in self.layers:
            found[layer.name] = found[layer.source] or (layer.matrix and layer.trainable)
        return found[name]

    def doings(self, stage: int) -> Iterator[Doing]:
        """Yield what a stage does, in order."""
        for kind, micro_batch in self._order(stage):
            yield kind, micro_batch, 1
            if kind == "B":
                if self.update == "immediate":
                    yield "U", micro_batch, 1
                elif self._ends_mini_batch(micro_batch):
                    yield "U", micro_batch, self.micro_batches

    def _ends_mini_batch(self, micro_batch: int) -> bool:
        # All schedules here do the backwards in the order of the micro-batches.
        return (micro_batch + 1) % self.micro_batches == 0

    def _order(self, stage: int) -> Iterator[tuple[str, int]]:
        whole = self.kind in ("asynchronous", "inference")
        block = self.total if whole else self.micro_batches
        ahead = {"inference": block, "gpipe": block, "sequential": 1}.get(self.kind, len(self.stages) - stage)
        for start in range(0, self.total, block):
            forwards = [("F", start + k) for k in range(block)]
            if not self.trains:
                yield from forwards
                continue
            yield from forwards[:ahead]
            for k in range(block):
                yield "B", start + k
                yield from forwards[k + ahead : k + ahead + 1]
