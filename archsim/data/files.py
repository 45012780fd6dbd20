"""Reading the bytes of data files: plain, gzip or xz, never more than a bound, every failure with the file's name."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from archsim.errors import InputError, Place
from archsim.files import open_regular

__all__ = ["MOST_BYTES", "broken", "content"]

#: What one file may hold, unpacked. A small file can claim to hold, or unpack to, any amount.
MOST_BYTES = 2**30
_CHUNK = 2**20


def content(file: Path, most: int = MOST_BYTES) -> bytes:
    """Return what a file holds, unpacked if its name ends in ``.gz`` or ``.xz``.

    Parameters
    ----------
    file : Path
        The file.
    most : int
        Reading stops after so many bytes and one more, by which the caller sees that there are more.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or holds more than `MOST_BYTES`.
    """
    parts: list[bytes] = []
    left = min(most, MOST_BYTES) + 1
    try:
        with _opened(file) as stream:
            while left and (part := stream.read(min(left, _CHUNK))):
                parts.append(part)
                left -= len(part)
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise broken(file, f"the compressed data are damaged or cut short ({error})") from error
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not enough memory"
        raise broken(file, f"it cannot be read ({reason})") from error
    if not left and most >= MOST_BYTES:
        raise broken(file, f"it holds more than {MOST_BYTES >> 20} MiB")
    return b"".join(parts)


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    with open_regular(file) as stream:
        if file.suffix == ".gz":
            with gzip.open(stream, "rb") as unpacked:
                yield cast(IO[bytes], unpacked)
        elif file.suffix == ".xz":
            with lzma.open(stream, "rb") as decompressed:
                yield cast(IO[bytes], decompressed)
        else:
            yield stream


def broken(file: Path, problem: str, *, allowed: str | None = None, remedy: str = "get the file again") -> InputError:
    """Return the error for a file that is there and is not what it should be."""
    return InputError(
        f"a broken data file: {problem}", field="data.path", allowed=allowed, remedy=remedy, place=Place(str(file))
    )
