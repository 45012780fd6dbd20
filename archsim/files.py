"""Reading files that others may have put there: regular files only, opened here, and never more than a bound.

A pipe would be waited for without end, a device read without end; and other libraries take a name for an address of
the network, or for the home folder. So archsim opens files itself, and hands over what it opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["digest_of", "open_regular", "read_regular"]


def open_regular(path: Path, *, follow: bool = True) -> BufferedReader:
    """Open a regular file for reading.

    Parameters
    ----------
    path : Path
        The file.
    follow : bool
        Whether a symbolic link counts as the file to which it leads.

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe, a device, a socket or a folder.
    """
    # Without O_NONBLOCK a pipe nobody writes to would be waited for; on a regular file it changes nothing.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path, most: int, *, follow: bool = True) -> bytes:
    """Return what a regular file holds.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes that it may hold.
    follow : bool
        Whether a symbolic link counts as the file to which it leads.

    Raises
    ------
    OSError
        As for `open_regular`, and if the file holds more.
    """
    with open_regular(path, follow=follow) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"More than {most >> 20} MiB", str(path))
    return content


def digest_of(path: Path, *, follow: bool = True) -> str:
    """Return the SHA-256 of a regular file, read in pieces.

    Raises
    ------
    OSError
        As for `open_regular`.
    """
    with open_regular(path, follow=follow) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
