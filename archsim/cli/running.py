"""The command ``run``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli.console import out
from archsim.cli.progress import watched
from archsim.cli.stopping import StopRequest, stop_requests
from archsim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from archsim.experiment import Experiment
    from archsim.results import Run
    from archsim.results.workspace import Workspace

__all__ = ["RunOptions", "run_experiment", "run_seeds"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Where a run works and what it shows.

    Attributes
    ----------
    output : Path or None
        Its folder; None for a fresh one.
    force : bool
        Whether a folder of archsim's that is there is replaced.
    resume : bool
        Whether the run that is there goes on.
    trace_window_ps : (int, int) or None
        The simulated time that the trace shows; None for all of it.
    """

    output: Path | None
    force: bool
    resume: bool
    trace_window_ps: tuple[int, int] | None

    @classmethod
    def checked(cls, output: Path | None, *, force: bool, resume: bool, trace_window: str | None) -> RunOptions:
        """Return options as a user gave them.

        Raises
        ------
        InputError
            If they contradict each other.
        """
        if resume and force:
            raise InputError(
                "a run is either resumed or started again", field="--resume, --force", remedy="leave one of them out"
            )
        if resume and output is None:
            raise InputError("nothing says which run to resume", field="--resume", remedy="give its folder with -o")
        window = None
        if trace_window is not None:
            from archsim.report import parse_window

            window = parse_window(trace_window)
        return cls(output, force, resume, window)


def run_experiment(experiment: Experiment, options: RunOptions, *, as_json: bool) -> None:
    """Simulate an experiment, save it, and print its summary (or its ``run.json``).

    Raises
    ------
    InputError
        If the experiment or the folder cannot be used so.
    Stopped
        If the run was interrupted.
    """
    from archsim.results import load_run
    from archsim.runs import open_fresh, open_named, open_to_resume

    with stop_requests() as asked:
        space: Workspace | None
        if options.output is None:
            directory, space = open_fresh(experiment)
        elif options.resume:
            directory, space = options.output, open_to_resume(experiment, options.output)
        else:
            directory, space = options.output, open_named(experiment, options.output, force=options.force)
        run = load_run(directory) if space is None else _simulate(experiment, options, space, directory, asked)
    _print(run, directory, as_json)


def run_seeds(
    name: str,
    overrides: Sequence[str],
    mode: str | None,
    seeds: str,
    weights: Path | None,
    output: Path | None,
    *,
    force: bool,
    resume: bool,
    single: Mapping[str, bool],
) -> None:
    """Simulate an experiment under several seeds, each in a folder of its own, and print means and spread.

    Raises
    ------
    InputError
        If something cannot be used so; `single` names the options that are for one run alone, and whether they are
        given.
    """
    from archsim.cli.collecting import Target, collect
    from archsim.cli.loading import load_fitting
    from archsim.document.axes import read_seeds

    for option, given in single.items():
        if given:
            raise InputError("this is for a single run", field=option, remedy="leave it out, or leave out --seeds")
    experiment = load_fitting(name, overrides, mode, weights=weights)
    target = Target(output, force=force, resume=resume)
    collect({"": experiment}, read_seeds(seeds), target, f"{experiment.name}-seeds")


def _simulate(
    experiment: Experiment, options: RunOptions, space: Workspace, directory: Path, asked: StopRequest
) -> Run:
    def views(run: Run, folder: Path) -> None:
        from archsim.report import write_views

        write_views(run, folder, trace_window_ps=options.trace_window_ps)

    with space, watched(experiment.name) as show:
        from archsim.runs import RunJob

        return RunJob(experiment, space, directory, resume=options.resume, views=views, asked=asked).run(show)


def _print(run: Run, directory: Path, as_json: bool) -> None:
    if as_json:
        sys.stdout.write((directory / "run.json").read_text(encoding="utf-8"))
        return
    from archsim.cli.summary import inference_summary, notes, summary_table

    console = out()
    console.print(summary_table(run))
    if len(run.inference):
        console.print(inference_summary(run))
    for line in notes(run, directory):
        console.print(line, soft_wrap=True)
