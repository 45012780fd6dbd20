"""Commands that only look something up wait for no figures, no tables and no engine."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: What a command that simulates nothing and draws nothing has no use for.
HEAVY = ("archsim.engine", "archsim.simulation", "matplotlib", "pandas", "pyarrow", "simpy", "sklearn")
#: The compiled core and SciPy, whose library the core calls.
CORE = ("archsim._core", "scipy")
PROGRAM = """
import sys
from archsim.cli import main

sys.argv = ["archsim", *sys.argv[1:]]
try:
    main()
finally:
    print("modules:", *sys.modules)
"""


@pytest.mark.parametrize(
    ("command", "unused"),
    [
        ("list", (*HEAVY, *CORE)),
        ("list chips", (*HEAVY, *CORE)),
        ("list algorithms", HEAVY),
        ("list operators", HEAVY),
        ("show reram-1024", (*HEAVY, "archsim._core")),
        ("show soft-bounds", HEAVY),
        ("show mlp_digits", HEAVY),
        ("schema", (*HEAVY, *CORE)),
    ],
)
def test_looking_something_up_loads_nothing_heavy(command: str, unused: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("modules:")[2].split())
    assert "archsim.cli.catalogue" in loaded
    assert sorted(name for name in unused if name in loaded) == []
