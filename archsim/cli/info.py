"""The command ``info``: what this installation is and runs on."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import archsim
from archsim import plugins
from archsim._core import ISA
from archsim._core.cpu import built_with, supported
from archsim.cli.console import out, plain_table

__all__ = ["print_info"]


def print_info() -> None:
    """Print what a report of a bug should say: versions, machine, core, libraries, folders."""
    from archsim.results import collect_provenance

    here = collect_provenance(seeds={}, instruction_set=ISA, threads=1, started=datetime.now(UTC), duration_s=0.0)
    rows = [
        ("commit", here.git_commit or "not a checkout"),
        ("installed in", str(Path(archsim.__file__).parent)),
        ("python", f"{platform.python_implementation()} {here.python} in {sys.prefix}"),
        ("platform", here.platform),
        ("processor", _processor()),
        ("processors", f"{_usable()} usable of {os.cpu_count()}; a run uses run.threads of them"),
        ("instruction set", f"{here.instruction_set} (this processor has kernels for {', '.join(supported())})"),
        ("core built with", " ".join(built_with())),
        ("BLAS", _blas()),
        ("data folder", _data_folder()),
        ("environment", _environment()),
        ("parts from outside", _parts()),
        ("dependencies", ", ".join(f"{name} {found}" for name, found in here.dependencies.items())),
    ]
    out().print(plain_table(("archsim", here.archsim), rows, numbers_from=2))


def _processor() -> str:
    """Return the model's name where the system tells it, else the kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()}, {models[0] if models else platform.processor() or 'model unknown'}"


def _usable() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blas() -> str:
    """Return the libraries of NumPy and SciPy; the core multiplies by itself."""
    import scipy.linalg.cython_blas  # noqa: F401  (loads SciPy's library, which may not be NumPy's)
    from threadpoolctl import threadpool_info

    found = [
        f"{library['internal_api']} {library['version']} ({library.get('architecture', 'unknown')}), "
        f"{library['num_threads']} threads outside a run, 1 inside"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return "; ".join(dict.fromkeys(found)) or "unknown"


def _environment() -> str:
    """Return the variables that change how archsim, its libraries and its terminal output behave."""
    names = (
        "ARCHSIM_ISA",
        "COLUMNS",
        "FORCE_COLOR",
        "MPLBACKEND",
        "MPLCONFIGDIR",
        "NO_COLOR",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "PYTHONPATH",
    )
    return ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ) or "nothing special is set"


def _parts() -> str:
    """Return what other packages bring, each part loaded and checked."""
    found = []
    for (group, name), where in plugins.packaged().items():
        problem = plugins.problem_of(group, name)
        found.append(f"{group}: {name} from {where}" + (f" (broken: {problem})" if problem else ""))
    return "; ".join(found) or "none"


def _data_folder() -> str:
    from archsim.data.folders import VARIABLE

    root = os.environ.get(VARIABLE)
    if not root:
        return f"not set (environment variable {VARIABLE})"
    if not os.path.isdir(root):
        return f"{root}: there is no such folder ({VARIABLE})"
    inside = ", ".join(sorted(entry.name for entry in os.scandir(root) if entry.is_dir()))
    return f"{root} ({VARIABLE}), holds {inside or 'nothing'}"
