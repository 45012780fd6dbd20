"""What the numbers of a run are computed with, and how it learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from archsim.analog.copies import CopyWriter
from archsim.analog.threads import Workers
from archsim.digital.descent import PLAIN, DescentRule
from archsim.engine.numerics.evaluation import Evaluator
from archsim.engine.numerics.feed import Samples
from archsim.engine.numerics.held import Holder
from archsim.engine.numerics.weight_sets import WeightSet, newest_of
from archsim.network.graph import Graph
from archsim.network.logic import DigitalLogic
from archsim.network.parameters import DigitalParameters, ParameterValues
from archsim.network.stationary import MatrixSnapshot, StationaryMatrix
from archsim.training import DelayCompensation

__all__ = ["LearningSettings", "NumericParts"]


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """How the run learns.

    Attributes
    ----------
    learning_rate : callable
        ``learning_rate(mini_batch, late)``, for mini-batches counted from 0 and gradients so many updates late.
    averaged_over : int
        The loss is averaged over so many samples: a mini-batch or a micro-batch.
    evaluate_every : int
        The test set is evaluated after so many mini-batches, again and again, and at the end.
    descent : DescentRule
        How digital numbers descend, and how large the gradient of a vector may be.
    compensation : DelayCompensation or None
        What is done about late gradients, beside the learning rate.
    discrepancy_every : int or None
        Weights of backwards are compared with those of forwards for every so many micro-batches; never without.
    """

    learning_rate: Callable[[int, int], float]
    averaged_over: int
    evaluate_every: int
    descent: DescentRule = PLAIN
    compensation: DelayCompensation | None = None
    discrepancy_every: int | None = None

    @property
    def corrects_momentum(self) -> bool:
        """Whether momentum falls where gradients are late."""
        return self.compensation is not None and self.compensation.momentum_correction


@dataclass(frozen=True, slots=True)
class NumericParts:
    """What numbers are computed with.

    Attributes
    ----------
    graph : Graph
        The network.
    logic : DigitalLogic
        What its units compute.
    sets : tuple of WeightSet
        Who holds all weights, for each set of crossbars.
    feed : Samples
        What passes the network.
    evaluator : Evaluator
        Measures how well snapshots do.
    learning : LearningSettings
        Learning rate, loss average, evaluations.
    workers : Workers
        Threads that share the parts of a matrix; others than a crossbar uses within a part.
    copying : CopyWriter or None
        What programs conductances that are copied from set to set; None for exact copies.
    newest : mapping of str to int
        The set with the newest version of each matrix and of each layer's digital parameters; without, the first.
    """

    graph: Graph
    logic: DigitalLogic
    sets: tuple[WeightSet, ...]
    feed: Samples
    evaluator: Evaluator[MatrixSnapshot]
    learning: LearningSettings
    workers: Workers
    copying: CopyWriter | None = None
    newest: Mapping[str, int] = field(default_factory=dict)

    @property
    def matrices(self) -> Mapping[str, StationaryMatrix]:
        """The matrices that hold what was trained."""
        return newest_of(self.sets, self.newest).matrices

    @property
    def parameters(self) -> Mapping[str, DigitalParameters]:
        """What digital units hold for operators, by layer."""
        return newest_of(self.sets, self.newest).parameters

    def snapshots(self) -> dict[str, MatrixSnapshot | ParameterValues]:
        """Return what all of these hold now."""
        held: dict[str, Holder] = {**self.matrices, **self.parameters}
        return {name: holder.snapshot() for name, holder in held.items()}
