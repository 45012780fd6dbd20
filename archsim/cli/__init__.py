"""The command line: parse, call, print."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code.

    0 done, 2 wrong input, 130 interrupted, 1 anything else.
    """
    try:
        from archsim.cli.app import app

        app(prog_name="archsim")
    except KeyboardInterrupt:
        sys.exit(130)
