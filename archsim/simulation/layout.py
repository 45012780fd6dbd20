"""A network placed on a chip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archsim.chip.domain import as_designed
from archsim.chip.specification import Chip
from archsim.digital.descent import DescentRule
from archsim.document import load_experiment
from archsim.engine.numerics.expectations import Expectations, expectations_of, matrix_rates
from archsim.engine.numerics.seeds import Seeds
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.mapping import Plan, make_plan
from archsim.network.build import build_graph
from archsim.network.graph import Graph
from archsim.network.operators import load_operator
from archsim.schedule import kind_of, places_of
from archsim.training import TrainingSpecification

__all__ = ["Layout", "experiment_of", "lay_out"]


@dataclass(frozen=True)
class Layout:
    """A network on a chip, whatever runs there for how long.

    Attributes
    ----------
    experiment : Experiment
        What is simulated.
    training : TrainingSpecification
        How its samples are batched, with updates or without.
    seeds : Seeds
        Where its random numbers come from.
    graph : Graph
        The network.
    chip : Chip
        The chip, its constants as it is designed.
    descent : DescentRule
        How digital units train what they hold.
    plan : Plan
        Where everything lies.
    expected : Expectations
        What reads and updates take on average.
    trains : bool
        Whether weights are updated.
    shares_tiles : bool
        Whether the layers of a stage lie on the same tiles, one after the other.
    mini_batches : int or None
        How many its schedule is written for, where it cannot go on for any number of them.
    schedule_file : mapping of str to str, or None
        The file that lists the actions of its schedule, if one does: ``file`` and its ``sha256``.
    """

    experiment: Experiment
    training: TrainingSpecification
    seeds: Seeds
    graph: Graph
    chip: Chip
    descent: DescentRule
    plan: Plan
    expected: Expectations
    trains: bool
    shares_tiles: bool
    mini_batches: int | None = None
    schedule_file: Mapping[str, str] | None = None

    @property
    def samples(self) -> int:
        """Samples of a micro-batch."""
        return _samples(self.experiment, self.training)


def experiment_of(
    experiment: Experiment | str | Path | Mapping[str, object], overrides: Sequence[str], mode: str | None
) -> Experiment:
    """Return the experiment that a caller means, see `prepare`."""
    if not isinstance(experiment, Experiment):
        return load_experiment(experiment, overrides, mode)
    if overrides or mode:
        return load_experiment(experiment.model_dump(mode="json"), overrides, mode)
    return experiment


def lay_out(experiment: Experiment) -> Layout:
    """Place the network on the chip.

    Raises
    ------
    DoesNotFit
        If there is not enough of something.
    InputError
        If the network or the schedule cannot be as written.
    """
    training, schedule, run = experiment.effective_training, experiment.schedule, experiment.run
    kind, places = kind_of(schedule), places_of(schedule)
    trains, samples = kind.trains, _samples(experiment, training)
    shares_tiles, weight_sets = kind.shares_tiles, kind.weight_sets
    accumulates = kind.accumulates_digitally and schedule.micro_batches > 1
    _check_training(experiment, trains=trains)
    graph = build_graph(experiment.network)
    if trains:
        _check_samples(graph, samples)
    chip = as_designed(experiment.chip)
    descent = DescentRule(training.digital_optimizer, training.gradient_clipping, accumulates=accumulates)
    seeds = Seeds.derive(run.seed, run.device_seed, run.noise_seed, run.data_seed)
    rates = matrix_rates(graph, chip, training.algorithm, training.mini_batch)
    plan = make_plan(
        graph,
        chip,
        schedule.stages,
        samples,
        rates,
        trains=trains,
        places=places,
        shares_tiles=shares_tiles,
        weight_sets=weight_sets,
    )
    expected = expectations_of(graph, chip, plan, training.algorithm, training.mini_batch)
    length = None if kind.micro_batches is None else kind.micro_batches // schedule.micro_batches
    return Layout(
        experiment,
        training,
        seeds,
        graph,
        chip,
        descent,
        plan,
        expected,
        trains,
        shares_tiles,
        length,
        kind.listed_in,
    )


def _check_training(experiment: Experiment, *, trains: bool) -> None:
    """Refuse what does not go with a schedule of which it is known only by now whether it trains."""
    kind = experiment.schedule.kind
    if trains and experiment.training is None:
        raise InputError(
            f"'training' is missing, and this schedule of the kind '{kind}' trains",
            field="training",
            allowed="a section with at least learning_rate",
        )
    if not trains and experiment.data.augmentation is not None:
        raise InputError(
            f"training samples alone are augmented, and this schedule of the kind '{kind}' trains nothing",
            field="data.augmentation",
            allowed="null",
        )


def _check_samples(graph: Graph, samples: int) -> None:
    """Refuse micro-batches of so few samples that a layer cannot be trained by them."""
    for node in graph.nodes:
        least = load_operator(node.kind).least_samples(node)
        if samples < least:
            raise InputError(
                f"micro-batches have {samples} sample{'s' if samples > 1 else ''}, and the layer '{node.name}' of kind "
                f"'{node.kind}' takes its statistics from at least {least}",
                field="training.mini_batch",
                remedy="raise training.mini_batch or lower schedule.micro_batches",
            )


def _samples(experiment: Experiment, training: TrainingSpecification) -> int:
    return training.mini_batch // experiment.schedule.micro_batches
