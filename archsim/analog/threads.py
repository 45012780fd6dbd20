"""Threads that share one operation of one array; results never depend on their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["Workers"]

Result = TypeVar("Result")


class Workers:
    """A fixed number of threads; one means the caller's own.

    The kernels release the interpreter lock, so that parts of an operation run side by side.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, "archsim") if threads > 1 else None

    def map(self, function: Callable[[int, int], Result], parts: Sequence[tuple[int, int]]) -> list[Result]:
        """Return ``function(begin, end)`` of every part, in order."""
        if self._pool is None or len(parts) < 2:
            return [function(begin, end) for begin, end in parts]
        return list(self._pool.map(lambda part: function(*part), parts))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
