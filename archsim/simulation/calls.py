"""Simulate an experiment, once or under several seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import overload

from threadpoolctl import threadpool_limits

from archsim.data import DataSet, load_data, origin_of
from archsim.document.axes import read_seeds, with_seed
from archsim.engine.events.external import Component
from archsim.engine.events.fit import fitted
from archsim.engine.events.kernel import TimeLimitError
from archsim.engine.events.limits import too_long
from archsim.engine.numerics.given_weights import load_weights
from archsim.engine.numerics.network import NumericNetwork, build_network
from archsim.engine.numerics.settings import Sources
from archsim.engine.observer import Progress
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.network.losses import gives_perplexity
from archsim.plugins import plugin_failures
from archsim.results import Run, RunCollection
from archsim.simulation.execution import Execution, Start
from archsim.simulation.layout import Layout, experiment_of, lay_out
from archsim.simulation.length import epoch_samples, run_length
from archsim.simulation.options import RunOptions
from archsim.simulation.prepared import Prepared, scheduled
from archsim.simulation.settings import numeric_settings

__all__ = ["prepare_whole", "simulate"]


@overload
def simulate(
    experiment: Experiment | str | Path | Mapping[str, object],
    overrides: Sequence[str] = ...,
    *,
    mode: str | None = ...,
    seeds: None = ...,
    weights: str | Path | None = ...,
    data: DataSet | None = ...,
    progress: Callable[[Progress], None] | None = ...,
    workspace: str | Path | None = ...,
    resume: bool = ...,
    interrupted: Callable[[], bool] | None = ...,
    components: Mapping[str, Component] | None = ...,
) -> Run: ...


@overload
def simulate(
    experiment: Experiment | str | Path | Mapping[str, object],
    overrides: Sequence[str] = ...,
    *,
    mode: str | None = ...,
    seeds: str | Iterable[int],
    weights: str | Path | None = ...,
    data: DataSet | None = ...,
    progress: Callable[[Progress], None] | None = ...,
    interrupted: Callable[[], bool] | None = ...,
    components: Mapping[str, Component] | None = ...,
) -> RunCollection: ...


def simulate(
    experiment: Experiment | str | Path | Mapping[str, object],
    overrides: Sequence[str] = (),
    *,
    mode: str | None = None,
    seeds: str | Iterable[int] | None = None,
    weights: str | Path | None = None,
    data: DataSet | None = None,
    progress: Callable[[Progress], None] | None = None,
    workspace: str | Path | None = None,
    resume: bool = False,
    interrupted: Callable[[], bool] | None = None,
    components: Mapping[str, Component] | None = None,
) -> Run | RunCollection:
    """Run an experiment and return what came out: time, energy and accuracy from one run.

    Parameters
    ----------
    experiment : Experiment, path, workload name or mapping
        What to simulate; anything but an `Experiment` goes through `archsim.load_experiment`.
    overrides : sequence of str
        Laid over it, such as ``"training.epochs=3"``.
    mode : str, optional
        Takes the place of ``run.mode``.
    seeds : str or iterable of int, optional
        ``"1..5"``, ``"1,4,7"`` or whole numbers: one run under each takes the place of the run under ``run.seed``,
        and a `RunCollection` with means and spreads is returned. `archsim.explore.run_points` makes such runs in
        folders of their own.
    weights : path, optional
        An ``.npz`` file or the folder of a run, from whose weights the layers start; takes the place of
        ``network.weights``.
    data : DataSet, optional
        Data to use instead of what ``data`` in the experiment names.
    progress : callable, optional
        Called with a `Progress` after every mini-batch.
    workspace : path, optional
        Folder for checkpoints (see ``run.checkpoint_every``) and for a timeline too long for memory.
    resume : bool
        Go on from the newest checkpoint in the workspace, if there is one.
    interrupted : callable, optional
        Asked between events; where it says True, a checkpoint is written and the run stops there.
    components : mapping of str to callable, optional
        Components of your own that join the run, by name: functions of a `simpy.Environment` and of the chip's units
        by name (`archsim.engine.events.external.UnitHandle`), which return a generator. Times are whole picoseconds.
        What generators do cannot be stored, so such a run has no checkpoints.

    Raises
    ------
    InputError
        If the experiment cannot be done as written; the text says what to change.
    PluginError
        If a part that is registered from outside fails: it names the part, and what that raised is its cause.
    Interrupted
        If the run was stopped; it carries what was observed until then.
    """
    if weights is not None:
        overrides = [*overrides, f"network.weights={json.dumps(str(weights))}"]
    experiment = experiment_of(experiment, overrides, mode)
    options = RunOptions(
        data, progress, None if workspace is None else Path(workspace), resume, interrupted, components or {}
    )
    options.check(experiment)
    if seeds is None:
        return _simulate(experiment, options)
    if workspace is not None or resume:
        raise InputError(
            "a workspace holds one run, so it cannot be given together with seeds",
            field="workspace",
            remedy="use archsim.explore.run_points, which gives each run a folder of its own",
        )
    runs = {seed: _simulate(with_seed(experiment, seed), options) for seed in read_seeds(seeds)}
    return RunCollection({experiment.name: runs})


def prepare_whole(experiment: Experiment) -> Prepared:
    """Make an experiment ready to run with the schedule of all its mini-batches: its data are read to be counted.

    Raises
    ------
    InputError
        If the experiment cannot be done as written, or its data cannot be read.
    """
    with plugin_failures():
        layout = lay_out(experiment)
        data = None if experiment.run.mode == "timing" else fitted(layout.graph, load_data(experiment.data))
        return scheduled(layout, run_length(layout, data))


def _simulate(experiment: Experiment, options: RunOptions) -> Run:
    with plugin_failures(options.callbacks):
        start = Start.now()
        layout = lay_out(experiment)
        if experiment.run.mode == "timing":
            prepared, network = scheduled(layout, run_length(layout)), None
        else:
            prepared, network = _with_numbers(layout, options.data or load_data(experiment.data))
        # One BLAS thread: results must not depend on how a library splits its sums.
        with threadpool_limits(1, user_api="blas"):
            try:
                return Execution(prepared, network, start, options).run()
            except TimeLimitError as error:
                raise too_long(prepared.setup) from error


def _with_numbers(layout: Layout, read: DataSet) -> tuple[Prepared, NumericNetwork]:
    """Return what runs, and the network whose numbers are computed on some data."""
    experiment, origin = layout.experiment, origin_of(read)
    data = fitted(layout.graph, read)
    _check_target(layout, data)
    prepared = scheduled(layout, run_length(layout, data))
    wanted = experiment.network.weights
    given = None if wanted is None else load_weights(wanted, layout.graph)
    settings = numeric_settings(prepared, epoch_samples(layout, data))
    sources = Sources(data, origin, given, experiment.data.augmentation, experiment.data.order == "streams")
    return prepared, build_network(layout.graph, prepared.setup, settings, sources)


def _check_target(layout: Layout, data: DataSet) -> None:
    """Refuse to wait for what is never measured."""
    stop_at, wanted = layout.training.stop_at, layout.experiment.run.target_accuracy
    field, accuracy = "run.target_accuracy", wanted
    if stop_at is not None:
        field, accuracy = "training.stop_at.accuracy", stop_at.accuracy
    tested = len(data.test_inputs) > 0
    if accuracy is not None and (data.classes is None or not tested):
        missing = "classes" if data.classes is None else "test samples"
        raise InputError(
            f"the accuracy is never measured: '{data.name}' has no {missing}",
            field=field,
            value=accuracy,
            remedy=f"remove {field}, or take data with classes and test samples",
        )
    if stop_at is not None and stop_at.perplexity is not None and not (gives_perplexity(layout.graph) and tested):
        missing = f"'{data.name}' has no test samples" if not tested else "the network tells no sequences"
        raise InputError(
            f"the perplexity is never measured: {missing}",
            field="training.stop_at.perplexity",
            value=stop_at.perplexity,
            remedy="remove training.stop_at.perplexity, or take data with test samples and a network that gives a "
            "vector for each position, trained by softmax-cross-entropy",
        )
