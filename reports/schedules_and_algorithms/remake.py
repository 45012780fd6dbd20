"""Train one perceptron under four schedules, by four algorithms, on two devices: accuracy, time and energy.

Run from the repository's root with MNIST in ``$ARCHSIM_DATA/mnist``::

    python reports/schedules_and_algorithms/remake.py

Runs are kept in ``results.csv``, ``learning.csv`` and ``rates.csv`` one by one; the same command goes on after a kill.
``--only`` takes parts of the study, ``--tiny`` tries it out on a few images of one seed and one device.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["HERE", "KEY", "Rows", "at_the_end", "claims", "main"]

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from combinations import DEVICES, GRID, KEY, RATE_KEY, cases, rate_row, train  # noqa: E402
from combinations_claims import at_the_end, claims  # noqa: E402
from combinations_figures import draw  # noqa: E402
from combinations_page import page  # noqa: E402
from study import Rows, options, write  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and write what is there."""
    chosen = options(__doc__ or "", ("rates", "table"), HERE, arguments)
    rates = Rows(chosen.out / "rates.csv", RATE_KEY)
    results, learning = Rows(chosen.out / "results.csv", KEY), Rows(chosen.out / "learning.csv", KEY)
    if "rates" in chosen.only:
        for device in list(DEVICES)[:1] if chosen.tiny else DEVICES:
            for algorithm, grid in GRID.items():
                for rate in grid[:1] if chosen.tiny else grid:
                    run_rate(rates, device, algorithm, rate, chosen.tiny)
    if "table" in chosen.only:
        for case in cases(chosen.tiny):
            if not results.has(vars(case)):
                row, curve = train(case, chosen.tiny)
                if not learning.has(vars(case)):
                    learning.add(*curve)
                results.add(row)
                print(row, flush=True)
    if not results.frame().empty:
        draw(chosen.out, results.frame(), learning.frame())
        write(chosen, lambda: page(results.frame(), learning.frame(), rates.frame()))


def run_rate(rates: Rows, device: str, algorithm: str, rate: float, tiny: bool) -> None:
    """Try a learning rate, if that was not done yet."""
    if not rates.has({"device": device, "algorithm": algorithm, "learning_rate": rate}):
        row = rate_row(device, algorithm, rate, tiny)
        rates.add(row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
