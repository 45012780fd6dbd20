"""Every kernel once, small and in odd sizes, for valgrind; and what valgrind found in the core.

Usage: memcheck.py run, in an environment with archsim; memcheck.py read LOG, which leaves with 1 if the core is to
blame for an error in valgrind's log. The interpreter and its libraries cause errors of their own, which are no concern
here. memcheck.py plant reads memory that nobody wrote, so that one can see whether such a thing would be found.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

CORE = Path(__file__).resolve().parents[1] / "archsim" / "_core"
INPUTS, OUTPUTS, VECTORS = 67, 75, 5
SEED, CROSSBAR = 7, 3
#: What follows the bounds in a cell, by family (see response.h).
FAMILIES = {
    "constant": (0.002, -0.002),
    "soft": (-0.002, -0.002),
    "affine": (0.002, -0.002, -0.002, -0.002, 0.0, 0.0),
    "additive": (0.002, -0.002, -0.002, -0.002, 0.001, 0.001),
    "exponential": (0.002, -0.002, -0.0005, 0.0005, 2.0, 2.0),
    "power": (0.002, -0.002, 1.5, 1.5, 0.5, 0.0),
    "piecewise": (0.002, -0.002, 0.5, 0.0, 0.0, 0.0),
}


def read_block(kernels: ModuleType, np: Any, io: Any, *, transposed: bool) -> None:
    """Read a block of vectors, some of them twice, and look at every value."""
    from archsim.analog.converters import draw_lines, make_converters

    lines_in, lines_out = (OUTPUTS, INPUTS) if transposed else (INPUTS, OUTPUTS)
    converters = make_converters(io, 7, 9, draw_lines(io, lines_out, SEED, CROSSBAR, transposed), kernels)
    weights = np.linspace(-0.5, 0.5, OUTPUTS * INPUTS, dtype=np.float32).reshape(OUTPUTS, INPUTS)
    inputs = np.linspace(-1, 1, VECTORS * lines_in, dtype=np.float32).reshape(VECTORS, lines_in)
    values = np.empty((VECTORS, lines_out), np.float32)
    reads = kernels.read(converters, weights, inputs, values, transposed, True, SEED, CROSSBAR, 1, 2**32 - 2)
    check(reads >= VECTORS and kernels.all_finite(values), "a read left a value undefined")


def update_block(kernels: ModuleType, np: Any, scheme: str, rate: float, *, few_lines: bool = False) -> None:
    """Draw the trains of a block and apply them to cells of every family, in two ranges of outputs."""
    rules = kernels.PulseRules(
        desired_bl=31, management=True, bl_management=True, granularity=0.002, um_grad_scale=1.0, scheme=scheme
    )
    x = np.linspace(-1, 1, VECTORS * INPUTS, dtype=np.float32).reshape(VECTORS, INPUTS)
    d = np.linspace(1, -1, VECTORS * OUTPUTS, dtype=np.float32).reshape(VECTORS, OUTPUTS)
    x[0] = 0.0  # which sends no pulse
    if few_lines:
        x[:, ::2] = 0.0
    trains = kernels.Trains(OUTPUTS, INPUTS)
    trains.draw(rules, x, d, rate, SEED, CROSSBAR, 3, 4, 2**32 - 2)
    nodes = np.array([1.2, 1.0, 0.8], np.float32)
    for family, numbers in FAMILIES.items():
        cells = np.tile(np.array([-1.0, 1.0, *numbers], np.float32), (OUTPUTS * INPUTS, 1))
        for exact, seen in ((False, False), (False, True), (True, True)):
            response = kernels.Response(
                family, exact=exact, deviation=0.3, write_noise=0.01, nodes_up=nodes, nodes_down=nodes
            )
            weights, visible = (np.zeros((OUTPUTS, INPUTS), np.float32) for _ in range(2))
            shown = visible if seen else None
            applied = sum(
                kernels.apply_trains(
                    trains, response, weights, shown, cells, "both", *part, SEED, CROSSBAR, 5, 2**32 - 2
                )
                for part in ((0, 64), (64, OUTPUTS))
            )
            defined = kernels.all_finite(weights) and kernels.all_finite(visible)
            check(applied > 0 and defined, "an update left a weight undefined")
    lines = np.arange(INPUTS, dtype=np.int32)
    trains.hold_back(lines, np.full(INPUTS, VECTORS // 2, np.int32))
    check(trains.let_go(), "no pulse was held back")
    kernels.exact_update(weights, x, d, 0.05, 0, OUTPUTS)
    check(kernels.all_finite(weights), "an exact update left a weight undefined")


def digital_logic(np: Any) -> None:
    """Follow the largest values of a block, and take whole thresholds out of a buffer."""
    from archsim._core.digital import follow_maxima, let_go

    x = np.linspace(-1, 1, VECTORS * INPUTS, dtype=np.float32).reshape(VECTORS, INPUTS)
    maxima, products = np.zeros(2), np.empty(VECTORS)
    follow_maxima(x, x[:, :OUTPUTS].copy(), 0.1, maxima, products)
    check(bool((products > 0.0).all()), "a product of maxima is undefined")
    values, counts = x.copy(), np.empty_like(x)
    written = let_go(values, counts, 0.3, 2, 1.0, 0.3, 0.5)
    check(written == VECTORS - 1 and np.abs(counts).sum() > 0, "a buffer lets go of other lines than it should")


def chains() -> list[Any]:
    """Return the settings of chains that lead through every part of a read."""
    from archsim.analog.specification import IOParameters

    return [
        IOParameters(),
        IOParameters(is_perfect=True),
        IOParameters(inp_noise=0.01, inp_sto_round=True, w_noise=0.01, ir_drop=1.0, mv_type="pos-neg-separate"),
        IOParameters(w_noise=0.02, w_noise_type="pcm-read", v_offset_std=0.1, out_nonlinearity=0.1),
    ]


def run() -> None:
    """Call everything, on every instruction set that the processor (or valgrind's) has."""
    import numpy as np

    from archsim._core.chain import last_completion
    from archsim._core.cpu import supported

    for name in supported():
        kernels = importlib.import_module(f"archsim._core.{name}")
        for io in chains():
            for transposed in (False, True):
                read_block(kernels, np, io, transposed=transposed)
        for scheme in ("stochastic", "shared", "mean-count", "implicit"):
            update_block(kernels, np, scheme, 0.05)
        update_block(kernels, np, "stochastic", 0.001)  # few pulses: cells are listed
        update_block(kernels, np, "stochastic", 0.1, few_lines=True)
        numbers = np.empty((INPUTS, 4), np.float32)
        kernels.normals(numbers, SEED, CROSSBAR, 7, 0, 0, 0, 0)
        check(kernels.all_finite(numbers), "a normal number is undefined")
        counters = np.arange(4 * INPUTS, dtype=np.uint32).reshape(INPUTS, 4)
        kernels.philox(counters, SEED)
        check(len(set(counters.ravel().tolist())) > 3 * INPUTS, "random words repeat")
        print(f"every kernel of {name} was called")
    digital_logic(np)
    check(last_completion(np.ones((VECTORS, 3), np.int64)) == VECTORS + 2, "a chain ends at the wrong time")


def plant() -> None:
    """Let the core decide on memory that nobody wrote."""
    import numpy as np

    from archsim._core import kernels

    print(f"planted: {kernels.all_finite(np.empty((INPUTS, INPUTS), np.float32))}")


def check(holds: bool, wanted: str) -> None:
    """Leave unless something holds."""
    if not holds:
        sys.exit(wanted)


def errors_of_the_core(log: str) -> list[str]:
    """Return the errors in valgrind's log that happened in the core, or in what the core called at once."""
    headers = "|".join(sorted(path.stem for path in CORE.glob("*.h")))
    ours = rf"in .*/archsim/_core/|(?:baseline|avx2|avx512|chain|cpu|digital)\.c:|(?:{headers})\.h:"
    frame = re.compile(rf"(?:at|by) 0x[0-9A-F]+: .*\((?:{ours})")
    plain = re.sub(r"^==\d+== ?", "", log, flags=re.MULTILINE)
    blocks = [block for block in re.split(r"\n\s*\n", plain) if re.search(r"^ +at 0x", block, re.MULTILINE)]
    found = []
    for block in blocks:
        frames = [line.strip() for line in block.splitlines() if line.lstrip().startswith(("at 0x", "by 0x"))]
        if any(frame.match(line) for line in frames[:3]):
            found.append(block.strip())
    return found


def read(log: Path) -> None:
    """Print the core's errors, and leave with 1 if there is one."""
    text = log.read_text(encoding="utf-8", errors="replace")
    check("ERROR SUMMARY" in text, f"{log} is not a finished log of valgrind:\n{text[-2000:]}")
    found = errors_of_the_core(text)
    check(not found, "\n\n".join(found))
    print("valgrind found nothing in the core")


if __name__ == "__main__":
    if sys.argv[1:] == ["run"]:
        run()
    elif sys.argv[1:] == ["plant"]:
        plant()
    elif len(sys.argv) == 3 and sys.argv[1] == "read":
        read(Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
