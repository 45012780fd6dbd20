"""A short life with an installed archsim: the command is there, the core is compiled, runs leave their results.

Run it with the Python of the environment under test. It works in a temporary folder, needs nothing of a checkout, and
leaves with 1 and what is wrong, or with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

EXPERIMENT = """
network: mlp-64-64-32-10
chip: reram-1024
data: {name: digits, test_samples: 40}
training: {learning_rate: 0.05, mini_batch: 10, max_mini_batches: 4}
schedule: {kind: asynchronous, stages: 3}
"""


def check(holds: bool, wanted: str) -> None:
    """Leave unless something holds."""
    if not holds:
        sys.exit(f"smoke test: {wanted}")


def archsim(folder: Path, *arguments: str) -> str:
    """Run the installed command in a folder and return what it prints."""
    command = [str(Path(sysconfig.get_path("scripts")) / "archsim"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"'archsim {' '.join(arguments)}' failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Go through it all."""
    from archsim._core import ISA, kernels
    from archsim._core.cpu import supported

    check(str(kernels.__file__).endswith(tuple(EXTENSION_SUFFIXES)), f"the core is not compiled: {kernels.__file__}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        info = archsim(folder, "info")
        check("core built with" in info, f"'archsim info' does not know its core:\n{info}")
        (folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
        archsim(folder, "run", "experiment.yaml", "-o", "out")
        metrics = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))["metrics"]
        check(metrics["mini_batches"] == 4 and metrics["makespan_ps"] > 0, f"the run did not train: {metrics}")
        report = (folder / "out" / "report.html").read_text(encoding="utf-8")
        check("<style>" in report and "<svg" in report, "the report lacks its style or its figures")
        archsim(folder, "run", "mlp_digits", "--set", "training.max_mini_batches=4", "-o", "shipped")
    print(f"smoke test passed: kernels {ISA} of {', '.join(supported())}\n{info}")


if __name__ == "__main__":
    main()
