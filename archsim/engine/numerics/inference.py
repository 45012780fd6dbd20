"""What becomes of a trained network on programmed conductances."""

from __future__ import annotations

from typing import Any

from archsim.analog.inference import InferencePoint, InferenceSnapshot, evaluate_over_time
from archsim.analog.specification.inference import InferenceParameters
from archsim.data import DataSet
from archsim.engine.numerics.evaluation import EvaluatedMatrix, Evaluator
from archsim.engine.numerics.numeric_parts import NumericParts
from archsim.network.deployed import DeployedMatrix
from archsim.network.matrix import AnalogMatrix
from archsim.network.parameters import ParameterValues
from archsim.network.stationary import MatrixSnapshot

__all__ = ["Deployment"]


class Deployment:
    """A trained network whose matrices on crossbars are programmed for inference; what is digital stays as it is.

    Parameters
    ----------
    trained : NumericParts
        The trained network.
    data : DataSet
        The test set is evaluated, samples of the training set calibrate.
    parameters : InferenceParameters
        How.
    seed : int
        Seed of the noise.
    first_evaluation : int
        Evaluations before it have used their random numbers for reads.
    """

    def __init__(
        self, trained: NumericParts, data: DataSet, parameters: InferenceParameters, seed: int, first_evaluation: int
    ) -> None:
        self._parameters = parameters
        self._first = first_evaluation
        self._matrices: dict[str, DeployedMatrix] = {}
        #: What digital units hold: it stays as it was trained.
        self._digital: dict[str, MatrixSnapshot | ParameterValues] = {
            name: held.snapshot() for name, held in trained.parameters.items()
        }
        matrices: dict[str, EvaluatedMatrix[Any]] = {}
        identity = 0
        for name, matrix in trained.matrices.items():
            matrices[name] = matrix
            if isinstance(matrix, AnalogMatrix):
                deployed = DeployedMatrix(matrix, parameters, seed=seed, first_identity=identity)
                matrices[name] = self._matrices[name] = deployed
                identity += len(matrix.arrays)
            else:
                self._digital[name] = matrix.snapshot()
        self._evaluator: Evaluator[Any] = Evaluator(
            trained.graph, trained.logic, matrices, data, trained.workers.threads, trained.evaluator.streams
        )
        wanted = parameters.post_training
        if wanted.conductance_ranges or wanted.dac_ranges:
            self._optimise(trained, data)

    def accuracy_over_time(self) -> tuple[InferencePoint, ...]:
        """Return the accuracy at each of the times; nothing where nothing is classified."""
        if not self._evaluator.scoring.classifies:
            return ()
        return evaluate_over_time(self._program, self._accuracy, self._parameters.times, self._parameters.repeats)

    def _program(self) -> None:
        for matrix in self._matrices.values():
            matrix.program()

    def _accuracy(self, time_s: float, evaluation: int) -> float:
        snapshots: dict[str, tuple[InferenceSnapshot, ...] | MatrixSnapshot | ParameterValues] = dict(self._digital)
        for name, matrix in self._matrices.items():
            snapshots[name] = matrix.snapshot(time_s, evaluation)
        return self._evaluator.score(snapshots, self._first + evaluation).accuracy or 0.0

    def _optimise(self, trained: NumericParts, data: DataSet) -> None:
        """Choose ranges matrix by matrix, on what the trained network gives each for training samples."""
        samples = data.train_inputs[: self._parameters.post_training.samples]
        snapshots, first = trained.snapshots(), self._first * len(data.test_inputs)
        values = trained.evaluator.values(snapshots, samples, first)
        for node in trained.graph.nodes:
            for name, vectors in trained.evaluator.vectors(snapshots, node, values, first).items():
                if name in self._matrices:
                    self._matrices[name].optimise(vectors)
