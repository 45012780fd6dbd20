"""Evaluation: a snapshot of the weights reads the test set through the noisy chain.

A snapshot holds every stage's weights after the same number of mini-batches, whenever in time each
stage got there, so what is evaluated does not depend on how stages overlap. It costs neither time
nor energy and draws random numbers of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from archsim.data import DataSet, stream_order
from archsim.digital.arrays import Array
from archsim.engine.numerics.rules import Rule
from archsim.engine.numerics.scoring import Judged, Scoring
from archsim.network.graph import INPUT, Graph, Matrix, Node
from archsim.network.logic import DigitalLogic, held_inputs
from archsim.network.operators import DigitalOperator, MatrixOperator, Pass, RecurrentOperator, StatefulOperator
from archsim.network.operators.recurrent import unroll
from archsim.network.operators.shapes import check_array
from archsim.network.parameters import ParameterValues
from archsim.results.learning import Score

__all__ = ["EvaluatedMatrix", "Evaluator"]

Snapshot = TypeVar("Snapshot")
Seen = TypeVar("Seen", contravariant=True)

#: What is evaluated: of each matrix by its name, of each layer with digital parameters by that of the layer.
Snapshots: TypeAlias = Mapping[str, Snapshot | ParameterValues]

#: Samples of a block: fixed, so that results do not depend on the number of threads.
BLOCK = 250


class EvaluatedMatrix(Protocol[Seen]):
    """A matrix that can be read as a snapshot shows it."""

    def evaluate(self, snapshot: Seen, x: Array, first_vector: int) -> Array:
        """Read a snapshot through the noisy chain."""


class Evaluator(Generic[Snapshot]):
    """Measures how well snapshots do on the test set.

    Parameters
    ----------
    graph : Graph
        The network.
    logic : DigitalLogic
        What its units compute.
    matrices : mapping of str to EvaluatedMatrix
        The matrices, whose converters are used with a snapshot's weights.
    data : DataSet
        The data.
    threads : int
        Blocks of test samples that may be evaluated at once; one after the other where states are carried on.
    streams : int, optional
        As how many streams the test samples are read where layers carry states on from sample to sample; a rest that is
        too short for a further sample of every stream is then left out.

    Attributes
    ----------
    streams : int or None
        The same; None where no layer carries states.
    scoring : Scoring
        What judges outputs.
    """

    def __init__(
        self,
        graph: Graph,
        logic: DigitalLogic,
        matrices: Mapping[str, EvaluatedMatrix[Snapshot]],
        data: DataSet,
        threads: int,
        streams: int | None = None,
    ) -> None:
        self._graph = graph
        self._logic = logic
        self._matrices = matrices
        self._data = data
        self._threads = threads
        self.scoring = Scoring(graph, data)
        operators = ((node, logic.operators[node.name]) for node in graph.nodes)
        carries = any(isinstance(found, RecurrentOperator) and found.carries(node) for node, found in operators)
        self.streams = streams if carries else None

    def score(self, snapshots: Snapshots[Snapshot], mini_batch: int) -> Score:
        """Return how well snapshots do after a mini-batch."""
        blocks, first = self._blocks(), mini_batch * len(self._data.test_inputs)
        states: dict[str, Array] = {}

        def judged(position: int) -> Judged:
            block = blocks[position]
            values = self.values(
                snapshots,
                self._data.test_inputs[block],
                first + position * len(blocks[0]),
                states if self.streams else None,
            )
            return self.scoring.judge(values[self._graph.nodes[-1].name], self._data.test_targets[block])

        # Blocks are added in their order, whichever thread is done first.
        if self._threads == 1 or len(blocks) <= 1 or self.streams:
            total = sum(map(judged, range(len(blocks))), Judged())
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                total = sum(pool.map(judged, range(len(blocks))), Judged())
        return self.scoring.score(total)

    def _blocks(self) -> list[NDArray[np.int64]]:
        """Return the test samples of each block, all but the last as many."""
        samples = len(self._data.test_inputs)
        if not samples:
            return []
        if self.streams is None:
            return np.split(np.arange(samples), range(BLOCK, samples, BLOCK))
        streams = min(self.streams, samples)
        return np.split(stream_order(samples, streams), samples // streams)

    def values(
        self,
        snapshots: Snapshots[Snapshot],
        x: Array,
        first_sample: int,
        states: MutableMapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """Return what every operator gives for a block of inputs, by its name, and the inputs themselves.

        Snapshots are those of matrices by name, and of digital parameters by the name of their layer. Of `states`, by
        the name of their layer, those are carried on that layers carry, and replaced by those behind the block.
        """
        arithmetic = self._logic.arithmetic
        arithmetic.begin((Rule.EVALUATE,), first_sample, len(x))
        values: dict[str, Array] = {INPUT: held_inputs(self._graph, x, arithmetic)}
        read = self._reader(snapshots, first_sample)
        for index, node in enumerate(self._graph.nodes):
            arithmetic.begin((Rule.EVALUATE, index), first_sample, len(x))
            inputs = tuple(values[name] for name in node.inputs)
            operator = self._logic.operators[node.name]
            if isinstance(operator, StatefulOperator):
                held = cast(ParameterValues, snapshots[node.name])
                at = Pass(held, training=False, first_sample=first_sample)
                rule, output = "forward_pass", operator.forward_pass(node, inputs, at)
            elif isinstance(operator, DigitalOperator):
                rule, output = "forward", operator.forward(node, inputs)
            elif isinstance(operator, MatrixOperator):
                outputs = tuple(read(matrix, None, operator.unfold(node, matrix, inputs)) for matrix in node.matrices)
                rule, output = "fold", operator.fold(node, outputs)
            elif isinstance(operator, RecurrentOperator):
                before = states.get(node.name) if states is not None and operator.carries(node) else None
                rule, (output, behind) = "output", unroll(operator, node, inputs, read, before)
                if states is not None:
                    states[node.name] = behind
            else:
                continue
            check_array(node, rule, output, (len(x), *node.shape))
            values[node.name] = output
        return values

    def vectors(
        self, snapshots: Snapshots[Snapshot], node: Node, values: Mapping[str, Array], first_sample: int
    ) -> dict[str, Array]:
        """Return what meets each matrix of a node, by its name, where its inputs are those that `values` returned."""
        inputs, operator = tuple(values[name] for name in node.inputs), self._logic.operators[node.name]
        if isinstance(operator, MatrixOperator):
            return {matrix.name: operator.unfold(node, matrix, inputs) for matrix in node.matrices}
        met: dict[str, list[Array]] = {matrix.name: [] for matrix in node.matrices}
        if isinstance(operator, RecurrentOperator):
            read = self._reader(snapshots, first_sample)

            def note(matrix: Matrix, step: int, vectors: Array) -> Array:
                met[matrix.name].append(vectors)
                return read(matrix, step, vectors)

            unroll(operator, node, inputs, note)
        return {name: np.concatenate(blocks) for name, blocks in met.items()}

    def _reader(
        self, snapshots: Snapshots[Snapshot], first_sample: int
    ) -> Callable[[Matrix, int | None, Array], Array]:
        """Return what reads a matrix, in a time step if any."""

        def read(matrix: Matrix, step: int | None, vectors: Array) -> Array:
            first = matrix.first_vector(first_sample, step)
            return self._matrices[matrix.name].evaluate(cast(Snapshot, snapshots[matrix.name]), vectors, first)

        return read
