"""The command line: parse, call, print."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

__all__ = ["main"]

#: How writing to a device, a pipe or a disk fails.
_OUTPUT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE})


def main() -> None:
    """Run the command line and leave with its exit code.

    0 done, 2 wrong input, 130 interrupted, 1 anything else.
    """
    try:
        from archsim.cli.app import app

        app(prog_name="archsim")
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemExit:
        _flush()
        raise
    except OSError as error:
        # What fails at a file has its name; every other file that archsim writes has an error of its own.
        if error.filename is not None or error.errno not in _OUTPUT:
            raise
        _give_up(error)


def _flush() -> None:
    """Write what is left to the standard output; a full disk or a closed pipe behind it is one line and exit code 1."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _give_up(error)


def _give_up(error: OSError) -> None:
    with contextlib.suppress(OSError):
        print(f"archsim: the output cannot be written: {error.strerror}", file=sys.stderr)
    # What is still in the buffer would fail once more at the very end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
