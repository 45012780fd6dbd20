"""Train a residual perceptron in pipelines of 1 to 16 stages, and compare speed-ups with arXiv:2410.15155.

Run from the repository's root with MNIST in ``$ARCHSIM_DATA/mnist``::

    python reports/pipeline_speedup/remake.py

Runs are kept in ``results.csv`` and ``learning.csv`` one by one; the same command goes on after a kill. ``--only``
takes parts of the study, ``--tiny`` tries it out on a few images.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from pipelines import cases, run  # noqa: E402
from speed_up_page import claims, draw, page  # noqa: E402
from study import Rows, options, write  # noqa: E402

__all__ = ["KEY", "Rows", "claims", "main"]

KEY = ("part", "schedule", "learning_rate", "stages", "mini_batches", "seed")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and write what is there."""
    chosen = options(__doc__ or "", ("asynchronous", "exact", "early", "rates"), HERE, arguments)
    results, learning = Rows(chosen.out / "results.csv", KEY), Rows(chosen.out / "learning.csv", KEY)
    for case in cases(chosen.only, chosen.tiny):
        if not results.has(vars(case)):
            row, curve = run(case, chosen.tiny)
            if not learning.has(vars(case)):
                learning.add(*curve)
            results.add(row)
            print(row, flush=True)
    draw(chosen.out / "speedup.svg", results.frame(), learning.frame())
    write(chosen, lambda: page(results.frame(), learning.frame()))


if __name__ == "__main__":
    main()
