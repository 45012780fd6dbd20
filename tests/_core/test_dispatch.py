"""The choice of the instruction set."""

import os
import subprocess
import sys

import pytest

from archsim._core.cpu import supported
from archsim._core.dispatch import VARIABLE, choose


def test_the_best_one_is_the_default(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert supported()[0] == "baseline"
    assert choose() == supported()[-1]


def test_the_environment_overrides(monkeypatch):
    monkeypatch.setenv(VARIABLE, "baseline")
    assert choose() == "baseline"


@pytest.mark.parametrize("name", sorted({"avx2", "avx512", "neon"} - set(supported())))
def test_what_the_processor_lacks_is_refused(name):
    with pytest.raises(ImportError, match=f"{VARIABLE}={name}: this processor has kernels for baseline"):
        choose(name)


@pytest.mark.parametrize("name", supported())
def test_a_process_runs_what_was_asked_for(name):
    text = subprocess.run(
        [sys.executable, "-c", "import archsim._core as c; print(c.ISA, c.kernels.__name__)"],
        env={**os.environ, VARIABLE: name},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert text.split() == [name, f"archsim._core.{name}"]
