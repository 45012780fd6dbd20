"""The way of an experiment through the rooms: from the document to a finished run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archsim import _core
from archsim.analog.algorithms import device_stack
from archsim.analog.threads import Workers
from archsim.chip.domain import as_designed
from archsim.data import DataSet, load_data, origin_of
from archsim.document import resolved
from archsim.engine.checkpoint.folder import CheckpointFolder
from archsim.engine.checkpoint.store import CheckpointError
from archsim.engine.checkpoint.writer import CheckpointWriter, rebuilt_names
from archsim.engine.events.fit import check_buffers, fitted
from archsim.engine.events.limits import check_vectors
from archsim.engine.events.machine import Machine
from archsim.engine.line_writes import line_writes
from archsim.engine.numerics.coupling import LearningSettings, Numbers
from archsim.engine.numerics.evaluation import Evaluator
from archsim.engine.numerics.expectations import expectations_of, matrix_rates
from archsim.engine.numerics.expected import Expected
from archsim.engine.numerics.feed import Feed, Samples
from archsim.engine.numerics.findings import Evidence, run_warnings
from archsim.engine.numerics.forward import ForwardNumbers, TestSamples
from archsim.engine.numerics.given_weights import LayerFit, fit_warnings, load_weights
from archsim.engine.numerics.inference import Deployment
from archsim.engine.numerics.model import build_matrices
from archsim.engine.numerics.seeds import Seeds
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.engine.observe import observe, observe_matrices, observe_untimed
from archsim.engine.observer import Observer, Progress
from archsim.engine.program import build_programs, edges_between
from archsim.engine.setup import Setup
from archsim.errors import ArchsimError, InputError
from archsim.experiment import Experiment, TrainingSpecification
from archsim.mapping import make_plan
from archsim.network.build import build_graph
from archsim.network.matrix import AnalogMatrix
from archsim.network.operators import Operator, load_operator
from archsim.results import Run, buffer_table, inference_table, make_run
from archsim.results.observations import Observations
from archsim.results.provenance import Provenance, collect_provenance
from archsim.results.timeline import Timeline
from archsim.schedule import Schedule, checked_profile, kind_of, make_schedule

__all__ = ["Interrupted", "Simulation", "identity", "schedule_of"]


class Interrupted(ArchsimError):  # noqa: N818
    """The run was stopped before its end.

    Attributes
    ----------
    run : Run
        What was observed until then.
    """

    exit_code = 130

    def __init__(self, run: Run) -> None:
        self.run = run
        super().__init__("interrupted")


def schedule_of(experiment: Experiment) -> Schedule:
    """Return what the stages of an experiment do, in order.

    Raises
    ------
    InputError
        If the experiment cannot be done as written.
    """
    return Simulation(experiment, None, None).setup.schedule


def identity(experiment: Experiment) -> str:
    """Return the text by which a run is known again: all that its results depend on, but for its length."""
    settings = experiment.run.model_copy(update={"threads": 1, "checkpoint_every": None})
    training = experiment.training
    if training is not None:  # How long it lasts may change; a schedule without updates may have no such section.
        training = training.model_copy(update={"epochs": 1, "max_mini_batches": None})
    return resolved(experiment.model_copy(update={"run": settings, "training": training}))


class Simulation:
    """The way through the house, room by room."""

    def __init__(
        self, experiment: Experiment, data: DataSet | None, progress: Callable[[Progress], None] | None
    ) -> None:
        self.experiment = experiment
        self.progress = progress
        self.started = datetime.now(UTC)
        self.clock = time.perf_counter()
        run = experiment.run
        self.seeds = Seeds.derive(run.seed, run.device_seed, run.noise_seed, run.data_seed)
        self.graph = build_graph(experiment.network)
        self.kind = kind_of(experiment.schedule)
        # Without training every sample is a micro-batch of its own.
        alone = TrainingSpecification(learning_rate=1.0, mini_batch=experiment.schedule.micro_batches)
        training = self.training = experiment.training or alone
        samples, chip = training.mini_batch // experiment.schedule.micro_batches, as_designed(experiment.chip)
        rates = matrix_rates(self.graph, chip, training.algorithm, training.mini_batch)
        trains = self.kind.trains
        plan = make_plan(self.graph, chip, experiment.schedule.stages, samples, rates, trains=trains)
        self.expected = expectations_of(self.graph, chip, plan, training.algorithm, training.mini_batch)
        self.data = None if run.mode == "timing" else (data or load_data(experiment.data))
        self.data_origin = None if self.data is None else asdict(origin_of(self.data))
        if self.data is not None:
            self.data = fitted(self.graph, self.data)
        schedule = make_schedule(experiment.schedule, len(plan.stages), self._mini_batches())
        programs = build_programs(self.graph, plan, self.expected.updates, schedule.kinds)
        stacks = {
            name: device_stack(settings.algorithm or training.algorithm, settings.device or chip.device)
            for name, settings in ((matrix.name, matrix.settings) for matrix in self.graph.matrices)
        }
        spare = device_stack(training.algorithm, chip.device)
        given = experiment.network.weights is not None
        programming = line_writes(self.graph, chip, given=given) if run.program else None
        self.setup = Setup(chip, plan, programs, schedule, samples, stacks, spare, programming)
        profile = checked_profile(schedule, edges_between(programs))
        if run.mode != "numerics":
            check_buffers(self.setup, profile)
        wanted = experiment.network.weights if self.data is not None else None
        self.given = None if wanted is None else load_weights(wanted, self.graph)
        self.fits: dict[str, LayerFit] = {}
        self.matrices: dict[str, AnalogMatrix] = {}
        self.rebuilt: dict[str, object] = {
            "expected": self.expected,
            "graph": self.graph,
            **rebuilt_names(self.setup),
        }

    def run(self, workspace: Path | None, resume: bool, interrupted: Callable[[], bool] | None) -> Run:
        """Run to the end, or to where it is interrupted."""
        machine = self._machine()
        folder = None
        if workspace is not None:
            workspace.mkdir(parents=True, exist_ok=True)
            folder = CheckpointFolder(workspace / "checkpoints", version("archsim"), self._identity())
        writer = CheckpointWriter(
            folder, self.experiment.run.checkpoint_every, interrupted, self.matrices, self.rebuilt
        )
        stored = folder.load() if resume and folder is not None else None
        if stored is None:
            run, finished = self._run(writer, machine, workspace)
        else:
            run, finished = self._go_on(writer, writer.restore(stored, machine), workspace)
        if not finished:
            raise Interrupted(run)
        return run

    def _identity(self) -> str:
        """Return the text by which checkpoints are known again: given weights are part of it, whatever their path."""
        return identity(self.experiment) + (f"weights: {self.given.sha256}\n" if self.given is not None else "")

    def _run(
        self, writer: CheckpointWriter, machine: Machine | UntimedMachine, workspace: Path | None
    ) -> tuple[Run, bool]:
        machine.observer.progress = self.progress
        if workspace is not None and isinstance(machine, Machine):
            machine.timeline.go_on_in(workspace / "timeline")
        finished = writer.run(machine)
        if not self.setup.schedule.shape.mini_batches:
            self._evaluate_untrained(machine)
        return self._result(machine, finished), finished

    def _go_on(
        self, writer: CheckpointWriter, machine: Machine | UntimedMachine, workspace: Path | None
    ) -> tuple[Run, bool]:
        # What a checkpoint says is well-formed by now; whether it makes sense is seen by going on with it.
        try:
            return self._run(writer, machine, workspace)
        except (AttributeError, LookupError, TypeError, ValueError, ZeroDivisionError, RuntimeError) as error:
            if isinstance(error, ArchsimError):
                raise
            raise CheckpointError(
                f"the run cannot go on from its checkpoint ({type(error).__name__}: {error})\n"
                "  remedy:  start it again with --force; if archsim wrote that checkpoint, please report this"
            ) from error

    def _machine(self) -> Machine | UntimedMachine:
        setup = self.setup
        if self.data is None:
            work: Expected | Numbers = Expected(setup.samples, self.expected)
            self.rebuilt["expected work"] = work
        else:
            work = self._numbers(self.data)
        completion = setup.schedule.completion
        observer = Observer(work, setup.schedule.shape, setup.samples, self.progress, completion)
        if self.experiment.run.mode == "numerics" or not setup.schedule.shape.mini_batches:
            return UntimedMachine(setup, work, observer)
        return Machine(setup, work, Timeline(store=self.experiment.run.timeline), observer)

    def _result(self, machine: Machine | UntimedMachine, finished: bool) -> Run:
        if isinstance(machine, Machine):
            seen, timeline = observe(machine), machine.timeline
            buffers = buffer_table({name: fill.points() for name, fill in machine.fills.items()})
        else:
            seen, timeline, buffers = observe_untimed(machine), Timeline(), buffer_table()
        if self.data is not None and self.setup.schedule.trains:
            seen = replace(seen, step_per_sample=self.training.learning_rate / self._averaged_over())
        if self.data is not None:
            seen = replace(seen, numerics=observe_matrices(self.matrices))
        return make_run(
            resolved(self.experiment),
            self.experiment.chip,
            seen,
            machine.observer.curve,
            timeline,
            self._provenance(),
            warnings=(*fit_warnings(self.fits), *run_warnings(self._evidence(seen))),
            weights=_exported(self.matrices),
            inference=self._inference() if finished else None,
            buffers=buffers,
        )

    def _evidence(self, seen: Observations) -> Evidence:
        vectors = {matrix.name: seen.samples * matrix.vectors for matrix in self.graph.matrices}
        given = self.given is not None
        return Evidence(self.experiment, seen, self.expected.updates, vectors, self.matrices, given)

    def _evaluate_untrained(self, machine: Machine | UntimedMachine) -> None:
        """Evaluate given weights that nothing is trained on."""
        if self.data is None:
            return
        evaluator = Evaluator(self.graph, self._operators(), self.matrices, self.data, self.experiment.run.threads)
        snapshots = {name: matrix.snapshot() for name, matrix in self.matrices.items()}
        machine.observer.curve.add(0, 0, 0, None, None, evaluator.accuracy(snapshots, 0))

    def _operators(self) -> dict[str, Operator]:
        return {node.name: load_operator(node.kind) for node in self.graph.nodes}

    def _inference(self) -> pd.DataFrame:
        """Evaluate the trained network on programmed conductances, if that is asked for."""
        experiment, data = self.experiment, self.data
        if experiment.inference is None or data is None:
            return inference_table()
        deployment = Deployment(
            self.graph,
            self._operators(),
            self.matrices,
            data,
            experiment.inference,
            seed=self.seeds.noise,
            threads=experiment.run.threads,
            first_evaluation=self.setup.schedule.shape.mini_batches + 1,
        )
        return inference_table([(point.time_s, point.accuracies) for point in deployment.accuracy_over_time()])

    def _mini_batches(self) -> int:
        training = self.training
        if self.data is not None:
            samples = len(self.data.train_inputs if self.kind.trains else self.data.test_inputs)
        elif self.experiment.data.samples is not None:
            samples = self.experiment.data.samples
        elif training.max_mini_batches is not None:
            samples = training.max_mini_batches * training.mini_batch
        else:
            raise InputError(
                "a timing run reads no data, so it must be told how many samples an epoch has",
                field="data.samples",
                remedy="set data.samples, or training.max_mini_batches",
            )
        per_epoch = samples // training.mini_batch
        if not per_epoch:
            raise InputError(
                f"a mini-batch is larger than the data: there are only {samples} samples",
                field="training.mini_batch",
                value=training.mini_batch,
                allowed=f"1 to {samples}",
            )
        total = per_epoch * (training.epochs if self.kind.trains else 1)
        if training.max_mini_batches is not None:
            total = min(total, training.max_mini_batches)
        longest = max(matrix.vectors for matrix in self.graph.matrices)
        check_vectors(total * training.mini_batch * longest, "training.epochs", training.epochs)
        return total

    def _numbers(self, data: DataSet) -> Numbers:
        experiment, setup = self.experiment, self.setup
        shape, threads = setup.schedule.shape, experiment.run.threads
        training, workers = self.training, Workers(threads)
        self.matrices, self.fits = build_matrices(
            self.graph, setup.chip, setup.plan, training.algorithm, training.mini_batch, self.seeds, workers, self.given
        )
        operators = self._operators()
        trains = setup.schedule.trains
        per_epoch = len(data.train_inputs if trains else data.test_inputs) // self.training.mini_batch
        every = experiment.run.evaluate_every or per_epoch
        settings = LearningSettings(
            _learning_rate(self.training, per_epoch),
            self._averaged_over(),
            every,
        )
        sharing = Workers(threads)
        feed: Samples = TestSamples(data, setup.samples, per_epoch * shape.micro_batches)
        if trains:
            feed = Feed(data, shape, self.training.mini_batch, self.seeds.data)
        evaluator = Evaluator(self.graph, operators, self.matrices, data, threads)
        self.rebuilt |= {
            "operators": operators,
            "matrices": self.matrices,
            "settings": settings,
            "feed": feed,
            "evaluator": evaluator,
            "workers": sharing,
        }
        make = Numbers if trains else ForwardNumbers
        return make(
            self.graph, setup.programs, operators, self.matrices, feed, evaluator, setup.schedule, settings, sharing
        )

    def _averaged_over(self) -> int:
        """Return over how many samples the loss is averaged."""
        training, setup = self.training, self.setup
        whole = training.average_over == "mini-batch" or setup.schedule.update == "deferred"
        return training.mini_batch if whole else setup.samples

    def _provenance(self) -> Provenance:
        return collect_provenance(
            seeds={
                "device": self.seeds.device,
                "noise": self.seeds.noise,
                "data": self.seeds.data,
                "weights": self.seeds.weights,
            },
            instruction_set=_core.ISA,
            threads=self.experiment.run.threads,
            started=self.started,
            duration_s=time.perf_counter() - self.clock,
            data=self.data_origin,
            weights=None if self.given is None else self.given.record(self.fits),
        )


def _exported(matrices: Mapping[str, AnalogMatrix]) -> dict[str, NDArray[np.float32]]:
    """Return weights by the name of their matrix, scales and biases by ``NAME.scale`` and ``NAME.bias``."""
    found = {}
    for matrix_name, matrix in matrices.items():
        for name, array in matrix.parameters().items():
            found[matrix_name if name == "weights" else f"{matrix_name}.{name}"] = array.astype(np.float32)
    return found


def _learning_rate(training: TrainingSpecification, per_epoch: int) -> Callable[[int], float]:
    step = training.learning_rate_step
    if step is None:
        return lambda mini_batch: training.learning_rate
    return lambda mini_batch: training.learning_rate * step.factor ** (mini_batch // per_epoch // step.epochs)
