"""The commands: what they take, and whom they call. Heavy modules are imported by those who need them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli import completing
from archsim.cli.guard import guarded, show_tracebacks
from archsim.errors import InputError

__all__ = ["app"]

app = typer.Typer(
    help="Simulate the training of neural networks on analog in-memory computing chips: time, energy and accuracy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Experiment = Annotated[
    str,
    typer.Argument(
        metavar="EXPERIMENT", help="A YAML file, or the name of a workload.", autocompletion=completing.workloads
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="FIELD=VALUE",
        help="Override a field, as training.epochs=3; repeatable.",
        autocompletion=completing.keys,
    ),
]
Mode = Annotated[str | None, typer.Option("--mode", metavar="MODE", help="timing, numerics or coupled.")]
TraceWindow = Annotated[
    str | None,
    typer.Option("--trace-window", metavar="START:END", help="Simulated time that the trace shows, as '10 us:20 us'."),
]
Seeds = Annotated[
    str | None,
    typer.Option("--seeds", metavar="1..5", help="Run under each of these seeds (also 1,4,7): means and their spread."),
]
Targets = Annotated[
    list[float] | None,
    typer.Option("--target", metavar="ACCURACY", help="Tell what it took to this test accuracy; several: each."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing folder of results.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("archsim"))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of what goes wrong, too.")] = False,
) -> None:
    """Take the options of the command itself."""
    show_tracebacks(debug)


@app.command()
@guarded
def run(
    experiment: Experiment,
    overrides: Overrides = None,
    mode: Mode = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", metavar="FILE", help="Start from the weights in an .npz file or a folder of results."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of results (default: new, under runs/)")
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished run in DIR; start it if there is none.")
    ] = False,
    seeds: Seeds = None,
    trace_window: TraceWindow = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, with an estimate of its time; run and write nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print run.json (of a dry run, what it says) and nothing else.")
    ] = False,
) -> None:
    """Simulate an experiment and write its results into a folder."""
    from archsim.cli.loading import load_fitting, told_where
    from archsim.cli.running import RunOptions, run_experiment, run_seeds

    if seeds is not None:
        single = {"--json": as_json, "--trace-window": trace_window is not None, "--dry-run": dry_run}
        run_seeds(experiment, overrides or [], mode, seeds, weights, output, force=force, resume=resume, single=single)
        return
    options = RunOptions.checked(output, force=force, resume=resume, trace_window=trace_window)
    loaded = load_fitting(experiment, overrides or [], mode, weights=weights)
    with told_where(experiment, overrides or [], mode):
        if dry_run:
            from archsim.cli.planning import print_plan

            print_plan(loaded, as_json=as_json)
        else:
            run_experiment(loaded, options, as_json=as_json)


@app.command()
@guarded
def compare(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT | RUN_DIR...",
            help="One experiment, or folders of results.",
            autocompletion=completing.workloads,
        ),
    ],
    schedules: Annotated[
        list[str] | None,
        typer.Option(
            "--schedule",
            metavar="KIND",
            help="Run the experiment with this schedule; several: each (default: all that train and need no key).",
            autocompletion=completing.schedules,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="KEY=A,B", help="Run the experiment with each value of a key; several: a grid."),
    ] = None,
    seeds: Seeds = None,
    overrides: Overrides = None,
    mode: Mode = None,
    targets: Targets = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for runs, tables and figure"),
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the runs in DIR that are finished, go on with those that are not.")
    ] = False,
) -> None:
    """Put runs side by side: one experiment along any keys and under several seeds, or folders of results."""
    from dataclasses import replace

    from archsim.cli.collecting import Target
    from archsim.cli.comparing import Comparison, compare_experiment, compare_folders, folders_among
    from archsim.document.axes import read_seeds

    target = Target(output, force=force, resume=resume)
    chosen = None if seeds is None else read_seeds(seeds)
    wanted = Comparison(schedules or [], vary or [], overrides or [], mode, chosen)
    folders = folders_among(subjects)
    if folders:
        compare_folders(folders, target, wanted, targets or [])
    elif targets and len(targets) > 1:
        raise InputError(
            "an experiment has one target accuracy",
            field="--target",
            value=", ".join(map(str, targets)),
            remedy="give one here, and several to 'archsim compare DIR' of the finished runs",
        )
    else:
        if targets:
            wanted = replace(wanted, overrides=[*wanted.overrides, f"run.target_accuracy={targets[0]}"])
        compare_experiment(subjects[0], wanted, target)


@app.command()
@guarded
def explore(
    experiment: Experiment,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary", metavar="KEY=A,B", help="Values of a key; several keys: a grid.", autocompletion=completing.keys
        ),
    ],
    overrides: Overrides = None,
    mode: Mode = None,
    seeds: Seeds = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes that run side by side.")] = 1,
    search: Annotated[
        str,
        typer.Option(
            "--search",
            metavar="NAME",
            help="What chooses the points, one of 'archsim list searches'.",
            autocompletion=completing.searches,
        ),
    ] = "grid",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for runs, tables and report."),
    ] = None,
    force: Force = False,
) -> None:
    """Run an experiment at many points and under several seeds, side by side; the same command goes on where it was."""
    from archsim.cli.collecting import Target
    from archsim.cli.exploring import Exploration
    from archsim.cli.exploring import explore as explore_space

    wanted = Exploration(experiment, overrides or [], mode, vary, seeds, search, workers)
    explore_space(wanted, Target(output, force=force))


@app.command()
@guarded
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = Path("experiment.yaml"),
    chip: Annotated[
        str | None,
        typer.Option("--chip", metavar="NAME", help="A chip of 'archsim list chips'.", autocompletion=completing.chips),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            metavar="NAME",
            help="A network of 'archsim list networks'.",
            autocompletion=completing.networks,
        ),
    ] = None,
    schedule_kind: Annotated[
        str | None,
        typer.Option(
            "--schedule",
            metavar="KIND",
            help="A schedule of 'archsim list schedules'.",
            autocompletion=completing.schedules,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write an experiment that runs as it is, with a description of every key."""
    from archsim.cli.starting import write_start

    write_start(file, chip=chip, network=network, schedule=schedule_kind, force=force)


@app.command()
@guarded
def diff(
    first: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A YAML file, a workload, or a folder of results.", autocompletion=completing.workloads
        ),
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.", autocompletion=completing.workloads)],
) -> None:
    """Print the keys in which two experiments differ, presets and defaults written out.

    Exit code: 0 if they are the same, 1 if they differ, 2 if one cannot be read.
    """
    from archsim.cli.differing import print_differences

    if print_differences(first, second):
        raise typer.Exit(1)


@app.command()
@guarded
def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of results.")],
    trace_window: TraceWindow = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="OUT", help="Write each figure into this folder instead of the report."),
    ] = None,
    formats: Annotated[
        str | None, typer.Option("--format", metavar="LIST", help="Formats of the figures: pdf,svg,png (default: svg).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace figures that exist.")] = False,
) -> None:
    """Write the report of a run anew, with --trace-window the trace too; or, with --figures, its figures as files."""
    from archsim.cli.reporting import export_figures, rewrite

    if figures is not None and trace_window is None:
        export_figures(directory, figures, formats or "svg", force=force)
        return
    if figures is not None or formats is not None or force:
        raise InputError(
            "these options do not go together",
            field="--figures, --format, --force, --trace-window",
            allowed="--figures OUT with --format and --force; or --trace-window alone",
        )
    rewrite(directory, trace_window)


@app.command()
@guarded
def schedule(
    experiment: Experiment,
    overrides: Overrides = None,
    mode: Mode = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="New file: all actions, or a .png, .svg or .pdf picture."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Draw it over time into a .png, .svg or .pdf file.")
    ] = None,
) -> None:
    """Print what each stage does, in order, as text and as a picture: F forward, B backward, U update.

    Nothing runs: makespan, bubble, memory, staleness and critical path follow from the schedule.
    """
    from archsim.cli.loading import load_fitting
    from archsim.cli.scheduling import draw_schedule, print_schedule, write_schedule

    loaded = load_fitting(experiment, overrides or [], mode)
    if output is not None:
        write_schedule(loaded, output)
    if output is None:
        print_schedule(loaded)
    if figure is not None:
        draw_schedule(loaded, figure)


@app.command()
@guarded
def schema() -> None:
    """Print the JSON schema of an experiment, for editors and other programs."""
    from archsim.cli.catalogue import print_schema

    print_schema()


@app.command("list")
@guarded
def list_(
    group: Annotated[
        str | None,
        typer.Argument(
            metavar="GROUP",
            help="chips, devices, algorithms, schedules, workloads, ...",
            autocompletion=completing.groups,
        ),
    ] = None,
) -> None:
    """List what is there: all groups, or the names of one with a line about each."""
    from archsim.cli.catalogue import print_group, print_groups

    if group is None:
        print_groups()
    else:
        print_group(group)


@app.command()
@guarded
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME | FILE | DIR",
            help="Anything that is listed, a YAML file of your own, or a folder of results.",
            autocompletion=completing.shown,
        ),
    ],
    overrides: Overrides = None,
    targets: Targets = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE", help="Draw the device's response into a .png, .svg or .pdf file."),
    ] = None,
) -> None:
    """Show what stands behind a name or in a file, with the sources of constants and how a device responds to pulses.

    A file holds an experiment, a chip, a device, an algorithm or a network. Of a folder of results: what the run came
    to, why it took its time, how stale gradients were, and what it took to each --target.
    """
    from archsim.cli.showing import show as show_name

    show_name(name, overrides or [], figure, targets or [])


@app.command()
@guarded
def info() -> None:
    """Show version, instruction set, BLAS, threads, data folder and dependencies."""
    from archsim.cli.info import print_info

    print_info()
