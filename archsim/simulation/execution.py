"""What was prepared is run to its end, or to where it is interrupted, and bound to what came out."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from archsim import _core
from archsim.document import resolved
from archsim.engine.checkpoint.context import Context
from archsim.engine.checkpoint.folder import CheckpointFolder
from archsim.engine.checkpoint.store import CheckpointError
from archsim.engine.checkpoint.writer import CheckpointWriter
from archsim.engine.events.machine import Machine
from archsim.engine.numerics.coupling import Numbers
from archsim.engine.numerics.expected import Expected
from archsim.engine.numerics.findings import Evidence, run_warnings
from archsim.engine.numerics.given_weights import fit_warnings
from archsim.engine.numerics.network import NumericNetwork
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.engine.observe import buffer_fills, observe_discrepancy, observe_run, observe_staleness
from archsim.engine.observer import Observer
from archsim.errors import ArchsimError
from archsim.plugins import as_plugin_error
from archsim.results import Run, make_run
from archsim.results.observations import Observations
from archsim.results.provenance import Provenance, collect_provenance
from archsim.results.timeline import Timeline
from archsim.simulation.identity import identity
from archsim.simulation.length import left_out
from archsim.simulation.options import RunOptions
from archsim.simulation.prepared import Prepared
from archsim.training import StopAt

__all__ = ["Execution", "Interrupted", "Start"]


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


@dataclass(frozen=True, slots=True)
class Start:
    """When a simulation began: on the calendar, and on a clock that only goes forward (seconds)."""

    date: datetime
    clock_s: float

    @classmethod
    def now(cls) -> Start:
        """Return this moment."""
        return cls(datetime.now(UTC), time.perf_counter())


class Execution:
    """A run under way.

    Parameters
    ----------
    prepared : Prepared
        What is run.
    network : NumericNetwork or None
        Its numbers; None in a timing run.
    start : Start
        When the simulation began.
    options : RunOptions
        What the caller says about it.
    """

    def __init__(
        self,
        prepared: Prepared,
        network: NumericNetwork | None,
        start: Start,
        options: RunOptions,
    ) -> None:
        self.prepared = prepared
        self.network = network
        self.start = start
        self.options = options

    def run(self) -> Run:
        """Run to the end, or to where it is interrupted.

        Raises
        ------
        Interrupted
            With what was observed until then.
        """
        work = self._work()
        machine = self._machine(work)
        writer = self._writer(work)
        stored = writer.folder.load() if self.options.resume and writer.folder is not None else None
        if stored is None:
            run, finished = self._run(writer, machine)
        else:
            run, finished = self._go_on(writer, writer.restore(stored, machine))
        if not finished:
            raise Interrupted(run)
        return run

    def _work(self) -> Expected | Numbers:
        if self.network is not None:
            return self.network.work
        return Expected(self.prepared.setup.samples, self.prepared.layout.expected)

    def _machine(self, work: Expected | Numbers) -> Machine | UntimedMachine:
        setup, settings = self.prepared.setup, self.prepared.experiment.run
        schedule = setup.schedule
        observer = Observer(work, schedule, setup.samples, self.options.progress)
        if settings.mode == "numerics" or not schedule.shape.mini_batches:
            self.options.check_without_clock()
            return UntimedMachine(setup, work, observer)
        return Machine(setup, work, Timeline(store=settings.timeline), observer, self.options.components)

    def _writer(self, work: Expected | Numbers) -> CheckpointWriter:
        prepared, network, workspace = self.prepared, self.network, self.options.workspace
        if network is None:
            context = Context(prepared.setup, prepared.graph, prepared.layout.expected, work=work)
        else:
            context = Context(prepared.setup, prepared.graph, prepared.layout.expected, parts=network.parts)
        folder = None
        if workspace is not None:
            workspace.mkdir(parents=True, exist_ok=True)
        if workspace is not None and not self.options.components:
            folder = CheckpointFolder(workspace / "checkpoints", version("archsim"), self._identity())
        return CheckpointWriter(folder, prepared.experiment.run.checkpoint_every, self.options.interrupted, context)

    def _identity(self) -> dict[str, str]:
        """Return what checkpoints are known again by: what files hold is part of it, whatever their paths."""
        parts = {"experiment": identity(self.prepared.experiment)}
        if (listed := self.prepared.layout.schedule_file) is not None:
            parts["actions"] = listed["sha256"]
        if self.network is not None:
            parts["data"] = str(sorted(self.network.sources.origin.sha256.items()))
            if self.network.sources.given is not None:
                parts["weights"] = self.network.sources.given.sha256
        return parts

    def _run(self, writer: CheckpointWriter, machine: Machine | UntimedMachine) -> tuple[Run, bool]:
        machine.observer.progress, workspace = self.options.progress, self.options.workspace
        machine.observer.target = self.prepared.layout.training.stop_at
        if workspace is not None and isinstance(machine, Machine):
            machine.timeline.go_on_in(workspace / "timeline")
        finished = writer.run(machine)
        if not self.prepared.schedule.shape.mini_batches and self.network is not None:
            # Given weights that nothing is trained on.
            machine.observer.curve.add(0, 0, 0, None, None, self.network.score())
        return self._result(machine, finished), finished

    def _go_on(self, writer: CheckpointWriter, machine: Machine | UntimedMachine) -> tuple[Run, bool]:
        # What a checkpoint says is well-formed by now; whether it makes sense is seen by going on with it.
        try:
            return self._run(writer, machine)
        except (AttributeError, LookupError, TypeError, ValueError, ZeroDivisionError, RuntimeError) as error:
            if isinstance(error, ArchsimError) or as_plugin_error(error) is not None:
                raise
            raise CheckpointError(
                f"the run cannot go on from its checkpoint ({type(error).__name__}: {error})\n"
                "  remedy:  start it again with --force; if archsim wrote that checkpoint, please report this"
            ) from error

    def _result(self, machine: Machine | UntimedMachine, finished: bool) -> Run:
        experiment, work = self.prepared.experiment, machine.work
        if self.network is not None and isinstance(work, Numbers):
            self.network = self.network.after(work)
        network = self.network
        wanted = experiment.run.target_accuracy
        target = self.prepared.layout.training.stop_at if wanted is None else StopAt(accuracy=wanted)
        seen = observe_run(machine, network, target)
        staleness, discrepancy = observe_staleness(machine), observe_discrepancy(machine)
        fits = () if network is None else fit_warnings(network.fits)
        data = None if network is None else network.sources.data
        rest = left_out(self.prepared.layout, data, seen.samples)
        warnings = (*self.options.warnings, *self.prepared.warnings, *fits, *rest, *run_warnings(self._evidence(seen)))
        inference = network.inference() if finished and network is not None else None
        buffers, weights = buffer_fills(machine), None if network is None else network.weights()
        timeline = machine.timeline if isinstance(machine, Machine) else Timeline()
        return make_run(
            resolved(experiment),
            experiment.chip,
            seen,
            machine.observer.curve,
            timeline,
            self._provenance(),
            warnings=warnings,
            weights=weights,
            inference=inference,
            buffers=buffers,
            staleness=staleness,
            discrepancy=discrepancy,
        )

    def _evidence(self, seen: Observations) -> Evidence:
        prepared, network = self.prepared, self.network
        vectors = {matrix.name: seen.samples * matrix.vectors for matrix in prepared.graph.matrices}
        matrices, given = ({}, False) if network is None else (network.on_crossbars, network.sources.given is not None)
        updates, schedule = prepared.layout.expected.updates, prepared.schedule
        return Evidence(prepared.experiment, seen, updates, vectors, matrices, given, schedule)

    def _provenance(self) -> Provenance:
        settings, network = self.prepared.experiment.run, self.network
        given = None if network is None else network.sources.given
        return collect_provenance(
            seeds=asdict(self.prepared.layout.seeds),
            instruction_set=_core.ISA,
            threads=settings.threads,
            started=self.start.date,
            duration_s=time.perf_counter() - self.start.clock_s,
            data=None if network is None else asdict(network.sources.origin),
            weights=None if network is None or given is None else given.record(network.fits),
            schedule=self.prepared.layout.schedule_file,
        )
