"""The command ``info``: what this installation is and runs on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from archsim.cli.console import out, plain_table

__all__ = ["print_info"]


def print_info() -> None:
    """Print version, instruction set, BLAS, threads, data folder and dependencies."""
    from archsim.results import collect_provenance

    here = collect_provenance(
        seeds={}, instruction_set=_instruction_set(), threads=1, started=datetime.now(UTC), duration_s=0.0
    )
    rows = [
        ("commit", here.git_commit or "not a checkout"),
        ("python", f"{here.python} on {here.platform}"),
        ("instruction set", here.instruction_set),
        *_rows(),
        ("dependencies", ", ".join(f"{name} {found}" for name, found in here.dependencies.items())),
    ]
    out().print(plain_table(("archsim", here.archsim), rows, numbers_from=2))


def _rows() -> Iterator[tuple[str, str]]:
    yield "BLAS", _blas()
    yield "processors", f"{_usable()} usable of {os.cpu_count()}; a run uses run.threads of them"
    yield "data folder", _data_folder()


def _usable() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _instruction_set() -> str:
    from archsim._core.cpu import supported
    from archsim._core.dispatch import choose

    try:
        return f"{choose()} (this processor has kernels for {', '.join(supported())})"
    except ImportError as error:
        return f"none: {error}"


def _blas() -> str:
    import scipy.linalg.cython_blas  # noqa: F401  (loads the BLAS that the core calls)
    from threadpoolctl import threadpool_info

    found = [
        f"{library['internal_api']} {library['version']} ({library.get('architecture', 'unknown')}), "
        f"{library['num_threads']} threads outside the core, 1 inside"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return "; ".join(dict.fromkeys(found)) or "unknown"


def _data_folder() -> str:
    from archsim.data.folders import VARIABLE

    root = os.environ.get(VARIABLE)
    if not root:
        return f"not set (environment variable {VARIABLE})"
    if not os.path.isdir(root):
        return f"{root}: there is no such folder ({VARIABLE})"
    inside = ", ".join(sorted(entry.name for entry in os.scandir(root) if entry.is_dir()))
    return f"{root} ({VARIABLE}), holds {inside or 'nothing'}"
