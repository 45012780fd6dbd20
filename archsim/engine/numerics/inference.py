"""What becomes of a trained network on programmed conductances."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.analog.inference import InferencePoint, InferenceSnapshot, evaluate_over_time
from archsim.analog.specification.inference import InferenceParameters
from archsim.data import DataSet
from archsim.engine.numerics.evaluation import Evaluator
from archsim.network.deployed import DeployedMatrix
from archsim.network.graph import Graph
from archsim.network.logic import DigitalLogic
from archsim.network.matrix import AnalogMatrix, MatrixSnapshot
from archsim.network.operators import MatrixOperator

__all__ = ["Deployment"]


class Deployment:
    """A trained network whose matrices are programmed for inference.

    Parameters
    ----------
    graph : Graph
        The network.
    logic : DigitalLogic
        What its units compute.
    matrices : mapping of str to AnalogMatrix
        Its trained matrices.
    data : DataSet
        The test set is evaluated, samples of the training set calibrate.
    parameters : InferenceParameters
        How.
    seed : int
        Seed of the noise.
    threads : int
        Blocks of test samples that may be evaluated at once.
    first_evaluation : int
        Evaluations before it have used their random numbers for reads.
    """

    def __init__(
        self,
        graph: Graph,
        logic: DigitalLogic,
        matrices: Mapping[str, AnalogMatrix],
        data: DataSet,
        parameters: InferenceParameters,
        *,
        seed: int,
        threads: int,
        first_evaluation: int,
    ) -> None:
        self._parameters = parameters
        self._first = first_evaluation
        self._matrices: dict[str, DeployedMatrix] = {}
        identity = 0
        for name, matrix in matrices.items():
            self._matrices[name] = DeployedMatrix(matrix, parameters, seed=seed, first_identity=identity)
            identity += len(matrix.arrays)
        self._evaluator: Evaluator[tuple[InferenceSnapshot, ...]] = Evaluator(
            graph, logic, self._matrices, data, threads
        )
        wanted = parameters.post_training
        if wanted.conductance_ranges or wanted.dac_ranges:
            self._optimise(graph, logic, Evaluator(graph, logic, matrices, data, threads), matrices, data)

    def accuracy_over_time(self) -> tuple[InferencePoint, ...]:
        """Return the accuracy at each of the times; nothing where nothing is classified."""
        if not self._evaluator.classifies:
            return ()
        return evaluate_over_time(self._program, self._accuracy, self._parameters.times, self._parameters.repeats)

    def _program(self) -> None:
        for matrix in self._matrices.values():
            matrix.program()

    def _accuracy(self, time_s: float, evaluation: int) -> float:
        snapshots = {name: matrix.snapshot(time_s, evaluation) for name, matrix in self._matrices.items()}
        accuracy = self._evaluator.accuracy(snapshots, self._first + evaluation)
        return 0.0 if accuracy is None else accuracy

    def _optimise(
        self,
        graph: Graph,
        logic: DigitalLogic,
        trained: Evaluator[MatrixSnapshot],
        matrices: Mapping[str, AnalogMatrix],
        data: DataSet,
    ) -> None:
        """Choose ranges matrix by matrix, on what the trained network gives each for training samples."""
        snapshots = {name: matrix.snapshot() for name, matrix in matrices.items()}
        samples = data.train_inputs[: self._parameters.post_training.samples]
        values = trained.values(snapshots, samples, self._first * len(data.test_inputs))
        for node in graph.nodes:
            inputs = tuple(values[name] for name in node.inputs)
            operator = logic.operators[node.name]
            if isinstance(operator, MatrixOperator):
                for matrix in node.matrices:
                    self._matrices[matrix.name].optimise(operator.unfold(node, matrix, inputs))
