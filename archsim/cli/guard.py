"""What a command does with what goes wrong: a text for the user and an exit code, never a traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from archsim.errors import ArchsimError, InputError, printable

__all__ = ["INTERRUPTED", "guarded"]

INTERRUPTED = 130
Parameters = ParamSpec("Parameters")


def guarded(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Return a command that turns archsim's errors and an interruption into exit codes.

    Everything else is a defect and keeps its traceback.
    """

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ArchsimError as error:
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
