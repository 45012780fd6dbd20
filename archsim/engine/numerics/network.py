"""A network in numbers: its matrices on their crossbars, the samples they meet, and what couples both to the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archsim.analog.copies import CopyWriter
from archsim.analog.threads import Workers
from archsim.data import epoch_order, stream_order
from archsim.data.augmentation import Augmenter
from archsim.digital.arithmetic import make_arithmetic
from archsim.engine.numerics.coupling import Numbers
from archsim.engine.numerics.evaluation import Evaluator
from archsim.engine.numerics.feed import Feed, Samples
from archsim.engine.numerics.forward import ForwardNumbers, TestSamples
from archsim.engine.numerics.given_weights import LayerFit
from archsim.engine.numerics.inference import Deployment
from archsim.engine.numerics.model import build_matrices, build_parameters
from archsim.engine.numerics.numeric_parts import NumericParts
from archsim.engine.numerics.settings import NumericSettings, Sources
from archsim.engine.numerics.weight_sets import WeightSet, newest_of
from archsim.engine.setup import Setup
from archsim.network.graph import Graph
from archsim.network.logic import DigitalLogic
from archsim.network.matrix import AnalogMatrix
from archsim.network.parameters import DigitalParameters
from archsim.network.stationary import MatrixSnapshot, StationaryMatrix
from archsim.results import inference_table
from archsim.results.learning import Score

__all__ = ["NumericNetwork", "build_network"]


@dataclass(frozen=True)
class NumericNetwork:
    """A network whose numbers are computed.

    Attributes
    ----------
    graph, setup
        What is computed, and how it is made ready to run.
    settings : NumericSettings
        How.
    sources : Sources
        On what.
    logic : DigitalLogic
        What its units compute.
    sets : tuple of WeightSet
        Who holds all weights, for each set of crossbars.
    fits : dict of str to LayerFit
        How well each matrix holds the given weights; empty without them.
    newest : mapping of str to int
        The set with the newest version of each matrix and of each layer's digital parameters; without, the first.
    """

    graph: Graph
    setup: Setup
    settings: NumericSettings
    sources: Sources
    logic: DigitalLogic
    sets: tuple[WeightSet, ...]
    fits: dict[str, LayerFit]
    newest: Mapping[str, int] = field(default_factory=dict)

    @property
    def matrices(self) -> Mapping[str, StationaryMatrix]:
        """The matrices by name, whoever holds them: those with the newest weights."""
        return newest_of(self.sets, self.newest).matrices

    @property
    def parameters(self) -> Mapping[str, DigitalParameters]:
        """What digital units hold for operators, by layer; see `matrices`."""
        return newest_of(self.sets, self.newest).parameters

    def after(self, work: Numbers) -> NumericNetwork:
        """Return it with the newest weights of a run, wherever that has come to its end."""
        return replace(self, newest=work.newest)

    @cached_property
    def on_crossbars(self) -> dict[str, AnalogMatrix]:
        """The matrices on crossbars."""
        return {name: matrix for name, matrix in self.matrices.items() if isinstance(matrix, AnalogMatrix)}

    @cached_property
    def evaluator(self) -> Evaluator[MatrixSnapshot]:
        """What measures how well snapshots do."""
        streams = self.settings.mini_batch if self.sources.streams else None
        return Evaluator(self.graph, self.logic, self.matrices, self.sources.data, self.settings.threads, streams)

    @cached_property
    def feed(self) -> Samples:
        """The samples in the order in which the run sees them."""
        data, mini_batch, shape = self.sources.data, self.settings.mini_batch, self.setup.schedule.shape
        if self.setup.schedule.trains:
            return Feed(data, shape, mini_batch, self._order, self._augmenter)
        tests = len(data.test_inputs)
        order = stream_order(tests, mini_batch) if self.sources.streams else np.arange(tests)
        return TestSamples(data, order, self.setup.samples, tests // mini_batch * shape.micro_batches)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Return the training samples in the order of an epoch."""
        samples = len(self.sources.data.train_inputs)
        if self.sources.streams:
            return stream_order(samples, self.settings.mini_batch)
        return epoch_order(self.settings.seeds.data, epoch, samples)

    @property
    def _augmenter(self) -> Augmenter | None:
        wanted = self.sources.augmentation
        return None if wanted is None else Augmenter(wanted, self.sources.data.shape, self.settings.seeds.data)

    @cached_property
    def parts(self) -> NumericParts:
        """What the numbers are computed with."""
        return NumericParts(
            self.graph,
            self.logic,
            self.sets,
            self.feed,
            self.evaluator,
            self.settings.learning,
            Workers(self.settings.threads),
            self._copying,
            self.newest,
        )

    @property
    def _copying(self) -> CopyWriter | None:
        """What programs conductances that are copied from set to set; None where copies are exact, or are none."""
        noise = self.setup.copy_noise
        return None if noise is None else CopyWriter(noise, self.settings.seeds.noise)

    @cached_property
    def work(self) -> Numbers:
        """What the events call."""
        make = Numbers if self.setup.schedule.trains else ForwardNumbers
        return make(self.setup, self.parts)

    @property
    def step_per_sample(self) -> float:
        """The step that a sample contributes to an update, at the first learning rate."""
        learning = self.settings.learning
        return learning.learning_rate(0, 0) / learning.averaged_over

    def score(self) -> Score:
        """Return how well the weights as they are do on the test set."""
        return self.evaluator.score(self.parts.snapshots(), 0)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return weights by the name of their matrix, what digital units hold by ``NAME.scale``, ``NAME.bias``, ..."""
        found = {}
        for matrix_name, matrix in self.matrices.items():
            for name, array in matrix.parameters().items():
                found[matrix_name if name == "weights" else f"{matrix_name}.{name}"] = array.astype(np.float32)
        for layer, held in self.parameters.items():
            found |= {f"{layer}.{name}": array.astype(np.float32) for name, array in held.values.items()}
        return found

    def inference(self) -> pd.DataFrame:
        """Evaluate it on programmed conductances, if that is asked for; see `archsim.results.inference_table`."""
        settings = self.settings
        if settings.inference is None:
            return inference_table()
        first = self.setup.schedule.shape.mini_batches + 1
        deployment = Deployment(self.parts, self.sources.data, settings.inference, settings.seeds.noise, first)
        return inference_table([(point.time_s, point.accuracies) for point in deployment.accuracy_over_time()])


def build_network(graph: Graph, setup: Setup, settings: NumericSettings, sources: Sources) -> NumericNetwork:
    """Return the network with its devices drawn, its initial weights written, or given ones.

    Parameters
    ----------
    graph, setup
        What is computed, and how it is made ready to run.
    settings : NumericSettings
        How.
    sources : Sources
        On what.
    """
    arithmetic = make_arithmetic(setup.chip.arithmetic, settings.seeds.noise)
    logic = DigitalLogic.of(graph, arithmetic)
    made = [
        (matrices, build_parameters(graph, logic, settings, sources.given), fits)
        for matrices, fits in build_matrices(graph, setup, settings, arithmetic, sources.given)
    ]
    sets = tuple(WeightSet(matrices, parameters) for matrices, parameters, _ in made)
    return NumericNetwork(graph, setup, settings, sources, logic, sets, made[-1][2])
