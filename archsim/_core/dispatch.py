"""Which instruction set the kernels use."""

from __future__ import annotations

import os

from archsim._core.cpu import supported

__all__ = ["VARIABLE", "choose"]

#: The environment variable that overrides the choice.
VARIABLE = "ARCHSIM_ISA"


def choose(wanted: str | None = None) -> str:
    """Return the instruction set to use.

    Parameters
    ----------
    wanted : str, optional
        ``baseline``, ``avx2`` or ``avx512``; by default what the environment variable ``ARCHSIM_ISA`` says, else the
        best of this processor.

    Raises
    ------
    ImportError
        If this processor lacks the instruction set, or there is none of that name.
    """
    names: tuple[str, ...] = supported()
    wanted = wanted or os.environ.get(VARIABLE)
    if not wanted:
        return names[-1]
    if wanted not in names:
        problem = f"{VARIABLE}={wanted}: this processor has kernels for {', '.join(names)} only"
        raise ImportError(problem, name="archsim._core")
    return wanted
