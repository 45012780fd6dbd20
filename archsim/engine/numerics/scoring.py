"""Outputs judged by targets: how many are right, and how large the loss is.

It is a judge outside the chip: the loss is computed in float32 from the outputs as they are, whatever the arithmetic of
the chip's digital units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.data import DataSet
from archsim.digital.arrays import Array
from archsim.network.graph import Graph
from archsim.network.losses import checked_loss, gives_perplexity, load_loss
from archsim.results.learning import Score

__all__ = ["Judged", "Scoring"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What is counted of outputs.

    Attributes
    ----------
    samples, targets, correct : int
        Samples, their targets, and those told correctly.
    loss : float
        Summed over the samples.
    """

    samples: int = 0
    targets: int = 0
    correct: int = 0
    loss: float = 0.0

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.samples + other.samples,
            self.targets + other.targets,
            self.correct + other.correct,
            self.loss + other.loss,
        )


class Scoring:
    """Judges the outputs of a network on some data.

    Parameters
    ----------
    graph : Graph
        The network.
    data : DataSet
        The data.

    Attributes
    ----------
    classifies : bool
        Whether there are test samples, and classes to tell.
    """

    def __init__(self, graph: Graph, data: DataSet) -> None:
        self.classifies = data.classes is not None and len(data.test_inputs) > 0
        self._name = graph.loss
        self._loss = load_loss(graph.loss)
        self._perplexity = gives_perplexity(graph)

    def judge(self, outputs: Array, targets: NDArray[Any]) -> Judged:
        """Return what is counted of a block."""
        loss, _ = checked_loss(self._loss.of(outputs, targets), outputs, self._name)
        correct = int(np.sum(outputs.argmax(axis=-1) == targets)) if self.classifies else 0
        return Judged(len(outputs), targets.size, correct, loss)

    def score(self, judged: Judged) -> Score:
        """Return what that tells."""
        if not judged.samples:
            return Score()
        loss = judged.loss / judged.samples
        return Score(
            judged.correct / judged.targets if self.classifies else None,
            loss,
            _exponential(loss) if self._perplexity else None,
        )


def _exponential(number: float) -> float:
    try:
        return math.exp(number)
    except OverflowError:
        return math.inf
