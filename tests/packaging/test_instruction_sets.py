"""Every instruction set that the processor has trains alike; one that it lacks is refused in plain words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from archsim._core.cpu import supported
from archsim._core.dispatch import VARIABLE

ROOT = Path(__file__).resolve().parents[2]

#: Pulsed devices with all their noise, stochastic rounding, both directions, and lines that fill no whole vector.
TRAIN = """
import sys
import numpy as np
import archsim
from archsim._core import ISA

overrides = ["training.max_mini_batches=12", "data.test_samples=50", "run.evaluate_every=6"]
overrides += ["chip.device.dw_min_std=0.3", "chip.io.inp_sto_round=true", "chip.io.w_noise=0.01"]
overrides += ["network.layers.0.features=61"]
run = archsim.simulate(archsim.load_experiment(sys.argv[1], overrides))
np.savez(sys.argv[2], isa=ISA, curve=run.learning["train_loss"].to_numpy(), **run.weights)
"""


def python(code: str, *arguments: str, isa: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, VARIABLE: isa},
        capture_output=True,
        text=True,
        check=False,
    )


def trained(folder: Path, isa: str) -> dict[str, np.ndarray]:
    file = folder / f"{isa}.npz"
    done = python(TRAIN, str(ROOT / "workloads" / "mlp_digits.yaml"), str(file), isa=isa)
    assert done.returncode == 0, done.stderr
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.mark.skipif(len(supported()) == 1, reason="this processor has kernels for one instruction set only")
def test_training_gives_the_same_bits_on_every_instruction_set(tmp_path: Path) -> None:
    plain, *others = (trained(tmp_path, isa) for isa in supported())
    assert plain["isa"] == "baseline"
    learned = [name for name in plain if name not in ("isa", "curve")]
    assert len(learned) >= 3
    assert all(np.count_nonzero(plain[name]) > plain[name].size // 2 for name in learned)
    for other, isa in zip(others, supported()[1:], strict=True):
        assert other["isa"] == isa
        for name in ("curve", *learned):
            assert plain[name].tobytes() == other[name].tobytes(), f"{name} differs between baseline and {isa}"


@pytest.mark.parametrize("isa", sorted({"avx2", "avx512", "none"} - set(supported())))
@pytest.mark.parametrize("command", [("info",), ("run", "mlp_digits")])
def test_the_command_line_refuses_what_the_processor_lacks(isa: str, command: tuple[str, ...]) -> None:
    code = "import sys; from archsim.cli import main; sys.argv[0] = 'archsim'; main()"
    done = python(code, *command, isa=isa)
    assert done.returncode == 2
    assert done.stdout == ""
    known = ", ".join(supported())
    assert done.stderr == f"archsim: {VARIABLE}={isa}: this processor has kernels for {known} only\n"
