"""What a command does with what goes wrong: a text for the user and an exit code; a traceback where it is asked for."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec

import typer

from archsim.errors import ArchsimError, InputError, printable
from archsim.plugins import plugin_failures

__all__ = ["INTERRUPTED", "guarded", "show_tracebacks"]

INTERRUPTED = 130
_tracebacks = ContextVar("tracebacks", default=False)
Parameters = ParamSpec("Parameters")


def guarded(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Return a command that turns archsim's errors, failing plug-ins and an interruption into exit codes.

    Everything else is a defect and keeps its traceback. With ``archsim --debug``, so does all.
    """

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            with plugin_failures():
                command(*args, **kwargs)
        except ArchsimError as error:
            if _tracebacks.get():
                traceback.print_exception(error)
            print(f"archsim: {printable(str(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from error
        except ImportError as error:
            # The core cannot know archsim's errors; this is how it refuses what ARCHSIM_ISA asks for.
            if error.name != "archsim._core":
                raise
            print(f"archsim: {printable(str(error))}", file=sys.stderr)
            raise typer.Exit(InputError.exit_code) from error
        except KeyboardInterrupt as interruption:
            # Where the signal met an exec() of a text (a data class in the making), CPython takes it for unhandled
            # and ends "python -m archsim" by the signal, whatever the exit code; another exec() takes that back.
            exec("")
            print("archsim: interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from interruption

    return run


def show_tracebacks(wanted: bool) -> None:
    """Say whether errors of the command that runs now come with their tracebacks."""
    _tracebacks.set(wanted)
