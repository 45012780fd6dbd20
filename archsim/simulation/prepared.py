"""An experiment made ready: where everything lies, in which order it is done, and whether it fits. Nothing is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archsim.analog.algorithms import kind_of as algorithm_kind
from archsim.chip.area import Built
from archsim.chip.specification import Chip
from archsim.engine.events.chip_model import model_of
from archsim.engine.events.fit import StageMemory, check_buffers, stage_memory
from archsim.engine.line_copies import LineCopy
from archsim.engine.line_writes import line_writes
from archsim.engine.numerics.expectations import matrix_rates
from archsim.engine.program import edges_between
from archsim.engine.program_builder import build_programs
from archsim.engine.separate_transfers import SeparateTransfers
from archsim.engine.setup import Setup, device_stacks
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.mapping import Plan
from archsim.mapping.load import PhaseTimes, operator_times_ps
from archsim.network.graph import Graph
from archsim.notebook import facts_html, facts_text
from archsim.plugins import plugin_failures
from archsim.schedule import (
    KnownForms,
    Profile,
    Schedule,
    StageCycles,
    checked_profile,
    gradients_of,
    make_schedule,
)
from archsim.schedule.action_times import ActionTimes, action_times
from archsim.schedule.specification import copy_noise
from archsim.simulation.layout import Layout, experiment_of, lay_out
from archsim.simulation.length import run_length

__all__ = ["Prepared", "prepare", "scheduled"]


@dataclass(frozen=True, repr=False)
class Prepared:
    """An experiment made ready to run.

    Attributes
    ----------
    layout : Layout
        The network on the chip.
    setup : Setup
        What the machines run.
    profile : Profile
        What the dry run of the schedule found, in cycles: makespan, in flight, staleness.
    memory : tuple of StageMemory
        What each stage must have room for in its buffer (bytes); empty where the chip stores nothing.
    mini_batches : int or None
        How long the run is; None where only its data say so. The schedule has two mini-batches for each stage then,
        which fills the pipeline.
    """

    layout: Layout
    setup: Setup
    profile: Profile
    memory: tuple[StageMemory, ...]
    mini_batches: int | None

    @property
    def experiment(self) -> Experiment:
        """What is simulated."""
        return self.layout.experiment

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.layout.graph

    @property
    def plan(self) -> Plan:
        """Where everything lies."""
        return self.layout.plan

    @property
    def schedule(self) -> Schedule:
        """What the stages do, in order."""
        return self.setup.schedule

    @property
    def built(self) -> Built:
        """How many tiles, nodes and arrays the chip has; none where stage engines stand for them."""
        return model_of(self.setup.chip).built(self.setup)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know before anything runs."""
        return (*self._without_tiles_to_share(), *self._without_delays())

    def _without_tiles_to_share(self) -> Iterator[str]:
        if self.layout.shares_tiles and not any(name for program in self.setup.programs for name in program.rewritten):
            yield (
                f"schedule.kind: '{self.schedule.kind}' changes nothing here, because no stage holds two layers with "
                "matrices on tiles to share; lower schedule.stages, such as schedule.stages=1"
            )

    def _without_delays(self) -> Iterator[str]:
        if self.layout.training.delay_compensation is None:
            return
        gradients = gradients_of(self.schedule, self.profile) if self.layout.trains else "exact"
        if gradients == "accumulated":
            yield (
                "training.delay_compensation counts all updates of a schedule of the kind "
                f"'{self.schedule.kind}', also those that no F or B meets: where U goes to a digital accumulator or to "
                "a fast array with gamma 0, and transfers fall due at ends of mini-batches, gradients are exact, "
                "and their steps are made smaller for nothing; leave it out there"
            )
        if gradients == "exact":
            yield (
                "training.delay_compensation changes nothing here, because no gradient of a schedule of the kind "
                f"'{self.schedule.kind}' comes late; leave it out, or set schedule.kind=asynchronous"
            )

    @property
    def stage_cycles(self) -> StageCycles | None:
        """The times of F, B and U of any stage in picoseconds, where the chip states them."""
        return model_of(self.setup.chip).stage_cycles(self.setup.chip)

    @property
    def stage_times(self) -> tuple[StageCycles, ...]:
        """The times of F, B and U of each stage for a micro-batch, in picoseconds.

        On a chip with a stage engine its times; on a chip of tiles those by which stages are balanced: the work of the
        units of each layer one after the other, without waiting and without what lies between stages.
        """
        if (times := self.stage_cycles) is not None:
            return (times,) * len(self.plan.stages)
        layout, graph = self.layout, self.graph
        rates = matrix_rates(graph, layout.chip, layout.training.algorithm, layout.training.mini_batch)
        modelled = operator_times_ps(graph, layout.chip, layout.samples, rates, trains=layout.trains)
        of_layer = {node.name: own for node, own in zip(graph.nodes, modelled, strict=True)}
        return tuple(
            StageCycles(*PhaseTimes.total(of_layer[name] for name in stage.operators)) for stage in self.plan.stages
        )

    def action_times(self, cycles: Sequence[StageCycles] | None = None, most_actions: int | None = None) -> ActionTimes:
        """Return the schedule laid over time without running it; by `stage_times` where no others are given.

        Parameters
        ----------
        cycles : sequence of StageCycles, optional
            How long F, B and U of each stage take for a micro-batch, in any whole unit; a place then does the actions
            of its stages one at a time, as a stage engine does. Without it the stages of a place of tiles work side by
            side.
        most_actions : int, optional
            Of a longer schedule only as many mini-batches are taken as have about so many actions.
        """
        return action_times(
            self.schedule,
            cycles or self.stage_times,
            edges_between(self.setup.programs),
            places=[stage.place for stage in self.plan.stages],
            side_by_side=cycles is None and self.stage_cycles is None,
            copies=self._copy_times if cycles is None else None,
            most_actions=most_actions,
        )

    @property
    def _copy_times(self) -> tuple[int, ...]:
        """How long each stage takes to copy its weights, in picoseconds; none on a chip with a stage engine."""
        chip, copying = self.setup.chip, self.setup.copying
        if self.stage_cycles is not None:
            return (0,) * len(self.setup.programs)
        return tuple(
            sum(copying[step.matrix].matrix_ps(chip, step.placement.parts) for step in program.copies)
            for program in self.setup.programs
        )

    @property
    def closed_forms(self) -> KnownForms:
        """What the textbook says of this schedule.

        The makespan, ``bubble_fraction``, and by stage ``in_flight``, ``stored`` and ``staleness``; what is not known
        is left out, such as makespan and bubbles where stages share places and wait for each other in an order that no
        schedule says. On a chip with a stage engine, F, B and U take its times, and the makespan is ``makespan_ps``.
        On a chip of tiles stages are taken to be equal, F and B to take a cycle each and U none; the makespan is
        ``makespan_cycles``.
        """
        times = self.stage_cycles
        found = self.schedule.closed_forms.of(self.schedule, times or StageCycles())
        if times is not None:
            found = {"makespan_ps" if name == "makespan_cycles" else name: value for name, value in found.items()}
        if len(self.plan.places) < len(self.plan.stages) and self.schedule.turns is None:
            return {name: value for name, value in found.items() if isinstance(value, tuple)}
        return found

    def __repr__(self) -> str:
        return facts_text("Prepared", self.experiment.name, self._facts())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return facts_html("Prepared", self.experiment.name, self._facts())

    def _facts(self) -> dict[str, str]:
        """Return the few facts by which it is known."""
        shape, forms = self.schedule.shape, self.closed_forms
        found = {
            "network": self.graph.name,
            "chip": self.experiment.chip.name,
            "schedule": self.schedule.kind,
            "stages": str(shape.stages),
            "mini-batches": "as many as the data say" if self.mini_batches is None else str(self.mini_batches),
            "micro-batches in each": str(shape.micro_batches),
        }
        if self.built.tiles:
            found["tiles"] = f"{self.plan.tiles_used} of {self.plan.tiles}"
        if (bubble := forms.get("bubble_fraction")) is not None:
            found["bubble by its closed form"] = f"{bubble:.4g}"
        return found


def prepare(
    experiment: Experiment | str | Path | Mapping[str, object],
    overrides: Sequence[str] = (),
    *,
    mode: str | None = None,
) -> Prepared:
    """Make an experiment ready to run, and return what is known of it by then. No data are read.

    Parameters
    ----------
    experiment : Experiment, path, workload name or mapping
        What to prepare; anything but an `Experiment` goes through `archsim.load_experiment`.
    overrides : sequence of str
        Laid over it, such as ``"training.epochs=3"``.
    mode : str, optional
        Takes the place of ``run.mode``.

    Returns
    -------
    Prepared
        Plan, schedule, the memory that it takes, and closed forms.

    Raises
    ------
    InputError
        If the experiment cannot be done as written: the network does not fit the chip (`DoesNotFit`), the schedule
        does not fit the buffers, or a name is not registered.
    PluginError
        If a part that is registered from outside fails.
    """
    with plugin_failures():
        layout = lay_out(experiment_of(experiment, overrides, mode))
        return scheduled(layout, run_length(layout))


def scheduled(layout: Layout, mini_batches: int | None) -> Prepared:
    """Return what is laid out with a schedule of so many mini-batches, checked.

    Raises
    ------
    DoesNotFit
        If a stage must store more than its buffer holds.
    ArchsimError
        If the schedule is incomplete or cannot finish.
    """
    experiment = layout.experiment
    if mini_batches is not None:
        _check_length(layout, mini_batches)
    length = _enough(layout) if mini_batches is None else mini_batches
    schedule = make_schedule(experiment.schedule, len(layout.plan.stages), length, _transfers(layout).intervals)
    setup = _setup(layout, schedule)
    profile = checked_profile(schedule, edges_between(setup.programs))
    setup = replace(setup, stored_max=profile.stored_max)
    memory = stage_memory(setup)
    if experiment.run.mode != "numerics":
        check_buffers(memory)
    return Prepared(layout, setup, profile, memory, mini_batches)


def _transfers(layout: Layout) -> SeparateTransfers:
    return SeparateTransfers(
        layout.graph, layout.plan, layout.expected.updates, layout.training.algorithm, layout.samples
    )


def _enough(layout: Layout) -> int:
    """Return so many mini-batches that every pipeline is filled and its schedule repeats, if there are so many."""
    bounds = layout.training.max_mini_batches, layout.mini_batches
    return min((2 * len(layout.plan.stages), *(most for most in bounds if most is not None)))


def _check_length(layout: Layout, mini_batches: int) -> None:
    """Refuse a run that is longer or shorter than its schedule is written for."""
    if layout.mini_batches is None or layout.mini_batches == mini_batches:
        return
    parts, written = layout.experiment.schedule.micro_batches, layout.mini_batches
    raise InputError(
        f"the schedule is written for {written} mini-batches of {parts} micro-batch{'es' if parts > 1 else ''}, and "
        f"the run has {mini_batches}",
        field="schedule.micro_batches",
        value=parts,
        allowed=f"{written * parts}, if these are one mini-batch, which all others repeat",
        remedy=f"set schedule.micro_batches={written * parts}, or let the run have {written} mini-batches"
        + (f" (training.max_mini_batches={written})" if written < mini_batches else ""),
    )


def _setup(layout: Layout, schedule: Schedule) -> Setup:
    experiment, graph, chip = layout.experiment, layout.graph, layout.chip
    training, given = layout.training, experiment.network.weights is not None
    copied = schedule.weight_sets > 1
    _check_positions(experiment, chip)
    stacks, spare = device_stacks(graph, training.algorithm, chip)
    programs = build_programs(graph, layout.plan, layout.expected.updates, schedule, layout.descent)
    writes = line_writes(graph, chip, given=given)
    rewritten = {name for program in programs for name in program.rewritten}
    stay = {name: write for name, write in writes.items() if name not in rewritten}
    _check_writes(experiment, rewritten, stay)
    return Setup(
        chip,
        layout.plan,
        programs,
        schedule,
        layout.samples,
        stacks,
        spare,
        stay if experiment.run.program else None,
        rewriting={name: writes[name] for name in rewritten},
        copying=_copying(layout) if copied else {},
        copy_noise=copy_noise(experiment.schedule) if copied else None,
    )


def _copying(layout: Layout) -> dict[str, LineCopy]:
    """Return how each matrix on tiles is copied: weights that were trained may be any."""
    graph, default = layout.graph, layout.training.algorithm
    writes = line_writes(graph, layout.chip, given=True)
    algorithms = {matrix.name: matrix.settings.algorithm or default for matrix in graph.matrices}
    if copy_noise(layout.experiment.schedule) is not None:
        for name in writes:
            _check_conductances(layout, name)
    return {
        name: LineCopy(write, algorithm_kind(algorithms[name]).arrays(algorithms[name]))
        for name, write in writes.items()
    }


def _check_conductances(layout: Layout, matrix: str) -> None:
    """Refuse to program copies of weights that updates keep as numbers."""
    if not any(part.outer_products or part.transfers for part in layout.expected.updates[matrix]):
        raise InputError(
            f"the training algorithm of '{matrix}' keeps weights as numbers, so no conductances are programmed",
            field="schedule.copies",
            value="programmed",
            allowed="exact",
            remedy="set schedule.copies to exact, or train with an algorithm that pulses devices, such as 'analog-sgd'",
        )


def _check_positions(experiment: Experiment, chip: Chip) -> None:
    """Refuse positions one after the other on a chip whose stages do a whole action at once."""
    if experiment.schedule.positions != "together" and not model_of(chip).streams:
        raise InputError(
            "a stage engine does all positions of a micro-batch at once",
            field="schedule.positions",
            value=experiment.schedule.positions,
            allowed="together",
            remedy="take a chip of tiles",
        )


def _check_writes(experiment: Experiment, rewritten: Collection[str], stay: Collection[str]) -> None:
    """Refuse initial writes of which nothing would stay."""
    kind = experiment.schedule.kind
    if rewritten and experiment.run.program and not stay:
        raise InputError(
            f"a schedule of the kind '{kind}' writes every layer before it is read, so there is nothing to write first",
            field="run.program",
            value=True,
            allowed="false",
        )
