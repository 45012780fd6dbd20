"""The kernels of every instruction set."""

import importlib

import pytest

from archsim._core.cpu import supported

ALL = ("baseline", "avx2", "avx512")


def load(name):
    """Return the kernels of an instruction set; the test is skipped where the processor lacks it."""
    if name not in supported():
        pytest.skip(f"this processor lacks {name}")
    return importlib.import_module(f"archsim._core.{name}")
