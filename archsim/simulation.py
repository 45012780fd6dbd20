"""Simulate an experiment: from the document to a finished run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from threadpoolctl import threadpool_limits

from archsim import _core
from archsim.analog.threads import Workers
from archsim.chip.specification import Chip
from archsim.data import DataSet, load_data
from archsim.document import load_experiment, resolved
from archsim.engine.evaluation import Evaluator
from archsim.engine.feed import Feed
from archsim.engine.machine import Machine, footprint_bytes
from archsim.engine.model import build_matrices
from archsim.engine.numbers import LearningSettings, Numbers
from archsim.engine.observe import observe, observe_untimed
from archsim.engine.observer import Observer, Progress
from archsim.engine.program import StageProgram, build_programs
from archsim.engine.seeds import Seeds
from archsim.engine.setup import Setup
from archsim.engine.untimed import UntimedMachine
from archsim.engine.warnings import training_warnings
from archsim.engine.work import Expected
from archsim.errors import DoesNotFit, InputError, Shortage
from archsim.experiment import Experiment, TrainingSpecification
from archsim.mapping import make_plan
from archsim.network.build import build_graph
from archsim.network.graph import Graph
from archsim.network.matrix import AnalogMatrix
from archsim.network.operators import load_operator
from archsim.results import Run, make_run
from archsim.results.observations import Observations
from archsim.results.provenance import Provenance, collect_provenance
from archsim.results.timeline import Timeline
from archsim.schedule import Profile, dry_run, make_schedule

__all__ = ["simulate"]


def simulate(
    experiment: Experiment | str | Path | Mapping[str, object],
    *,
    data: DataSet | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Run an experiment and return what came out: time, energy and accuracy from one run.

    Parameters
    ----------
    experiment : Experiment, path, workload name or mapping
        What to simulate; anything but an `Experiment` goes through `archsim.load_experiment`.
    data : DataSet, optional
        Data to use instead of what ``data`` in the experiment names.
    progress : callable, optional
        Called with a `Progress` after every mini-batch.

    Raises
    ------
    InputError
        If the experiment cannot be done as written; the text says what to change.
    """
    if not isinstance(experiment, Experiment):
        experiment = load_experiment(experiment)
    return _Simulation(experiment, data, progress).run()


class _Simulation:
    """The way through the house, room by room."""

    def __init__(
        self, experiment: Experiment, data: DataSet | None, progress: Callable[[Progress], None] | None
    ) -> None:
        self.experiment = experiment
        self.started = datetime.now(UTC)
        self.clock = time.perf_counter()
        self.mode = experiment.run.mode
        run = experiment.run
        self.seeds = Seeds.derive(run.seed, run.device_seed, run.noise_seed, run.data_seed)
        self.graph = build_graph(experiment.network)
        self.vectors = experiment.training.mini_batch // experiment.schedule.micro_batches
        self.plan = make_plan(self.graph, experiment.chip, experiment.schedule.stages, self.vectors)
        self.programs = build_programs(self.graph, self.plan)
        self.data = None if self.mode == "timing" else (data or load_data(experiment.data))
        if self.data is not None:
            _check_shapes(self.graph, self.data)
        self.schedule = make_schedule(experiment.schedule, len(self.plan.stages), self._mini_batches())
        self.profile = dry_run(self.schedule)
        if self.mode != "numerics":
            _check_buffers(experiment.chip, self.programs, self.profile, self.vectors)
        self.matrices: dict[str, AnalogMatrix] = {}
        self.progress = progress

    def run(self) -> Run:
        # One BLAS thread: results must not depend on how a library splits its sums.
        with threadpool_limits(1, user_api="blas"):
            return self._run()

    def _run(self) -> Run:
        setup = Setup(self.experiment.chip, self.plan, self.programs, self.schedule, self.vectors)
        work = Expected(setup.chip, self.vectors) if self.data is None else self._numbers(self.data)
        observer = Observer(work, self.schedule.shape, self.vectors, self.progress)
        timeline = Timeline(store=self.experiment.run.timeline)
        if self.mode == "numerics":
            untimed = UntimedMachine(setup, work, observer)
            untimed.run()
            seen = observe_untimed(untimed)
        else:
            machine = Machine(setup, work, timeline, observer)
            machine.run()
            seen = observe(machine)
        return make_run(
            resolved(self.experiment),
            setup.chip,
            seen,
            observer.curve,
            timeline,
            self._provenance(),
            warnings=self._warnings(seen),
            weights={name: matrix.weights for name, matrix in self.matrices.items()},
        )

    def _mini_batches(self) -> int:
        training = self.experiment.training
        if self.data is not None:
            samples = len(self.data.train_inputs)
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
                f"a mini-batch is larger than the data: there are only {samples} training samples",
                field="training.mini_batch",
                value=training.mini_batch,
                allowed=f"1 to {samples}",
            )
        total = per_epoch * training.epochs
        return total if training.max_mini_batches is None else min(total, training.max_mini_batches)

    def _numbers(self, data: DataSet) -> Numbers:
        experiment, shape = self.experiment, self.schedule.shape
        threads = experiment.run.threads
        self.matrices = build_matrices(
            self.graph, experiment.chip, self.plan, experiment.training.algorithm, self.seeds, Workers(threads)
        )
        operators = {node.name: load_operator(node.kind, f"network.layers.{node.name}") for node in self.graph.nodes}
        per_epoch = len(data.train_inputs) // experiment.training.mini_batch
        every = experiment.run.evaluate_every or per_epoch
        applied = self.vectors if self.schedule.update == "immediate" else experiment.training.mini_batch
        settings = LearningSettings(
            _learning_rate(experiment.training, per_epoch),
            applied,
            frozenset(range(every, shape.mini_batches, every)) | {shape.mini_batches},
        )
        return Numbers(
            self.graph,
            self.programs,
            operators,
            self.matrices,
            Feed(data, shape, experiment.training.mini_batch, self.seeds.data),
            Evaluator(self.graph, operators, self.matrices, data, threads),
            shape,
            settings,
        )

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
        )

    def _warnings(self, seen: Observations) -> tuple[str, ...]:
        if self.data is None:
            return ()
        return training_warnings(self.matrices, seen)


def _learning_rate(training: TrainingSpecification, per_epoch: int) -> Callable[[int], float]:
    step = training.learning_rate_step
    if step is None:
        return lambda mini_batch: training.learning_rate
    return lambda mini_batch: training.learning_rate * step.factor ** (mini_batch // per_epoch // step.epochs)


def _check_shapes(graph: Graph, data: DataSet) -> None:
    found = data.train_inputs.shape[1:]
    if found != graph.input_shape:
        raise InputError(
            f"the samples of '{data.name}' have the shape {list(found)}",
            field="network.input_shape",
            value=list(graph.input_shape),
            allowed=str(list(found)),
        )
    outputs = graph.nodes[-1].shape[0]
    if graph.loss == "softmax-cross-entropy":
        if data.classes is None or data.classes > outputs:
            raise InputError(
                f"'{data.name}' has {data.classes or 'no'} classes, but the network has {outputs} outputs",
                field="network.loss",
                value=graph.loss,
                remedy="give the last layer one output per class, or use the loss mean-squared-error for values",
            )
    elif data.train_targets.shape[1:] != (outputs,):
        raise InputError(
            f"the targets of '{data.name}' have the shape {list(data.train_targets.shape[1:])}, "
            f"but the network has {outputs} outputs",
            field="network.loss",
            value=graph.loss,
            remedy="use the loss softmax-cross-entropy for classes",
        )


def _check_buffers(chip: Chip, programs: tuple[StageProgram, ...], profile: Profile, vectors: int) -> None:
    """Refuse a schedule that stores more than a stage's buffer holds, before the clock starts."""
    if chip.buffer is None or chip.buffer.capacity is None or chip.stage_engine is not None:
        return
    short = []
    for program, resident in zip(programs, profile.resident_max, strict=True):
        demand = resident * footprint_bytes(chip, program, vectors)
        if demand > chip.buffer.capacity:
            short.append(
                Shortage(
                    f"buffer of stage {program.index}",
                    f"{demand} B ({resident} micro-batches of {demand // resident} B)",
                    f"{chip.buffer.capacity} B",
                    "a larger chip.buffer.capacity, smaller micro-batches, or a schedule with fewer in flight",
                )
            )
    if short:
        raise DoesNotFit("what the stages must store does not fit their buffers", short, field="chip.buffer.capacity")
