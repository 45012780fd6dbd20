"""Train a perceptron and LeNet-5 with digital units of different arithmetic: how many bits learning needs.

Run from the repository's root with MNIST in ``$ARCHSIM_DATA/mnist``::

    python reports/fixed_point/remake.py

Runs are kept in ``results.csv`` one by one; the same command goes on after a kill. ``--only`` takes parts of the study,
``--tiny`` tries it out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd

import archsim

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from study import MACHINE, Claim, Rows, claims_table, figure, markdown, options, write  # noqa: E402

#: Parts of the study: the workload, what is changed in it, and the number of seeds.
PARTS = {
    "mlp_digits": (("training.epochs=10", "schedule.kind=synchronous"), 5),
    "lenet5_mnist": (("data.samples=3000", "data.test_samples=1000"), 3),
}
TINY = {"mlp_digits": ("training.max_mini_batches=4",), "lenet5_mnist": ("data.samples=64", "data.test_samples=20")}
WIDTHS = (12, 8, 6, 5, 4)
FLOAT32, FLOAT16 = "float32", "float16"
KEY = ("part", "arithmetic", "seed")


def fixed_point(bits: int, rounding: str = "nearest") -> str:
    """Return a fixed-point arithmetic whose words have so many bits: the ranges are those of the defaults."""
    formats = f"forward: 's(4,{bits - 4})', backward: 's(1,{bits - 1})'"
    return f"{{kind: fixed-point, {formats}, rounding: {rounding}}}"


def called(bits: int) -> str:
    """Return the name of a width."""
    return f"{bits} bits"


ARITHMETICS = {
    FLOAT32: FLOAT32,
    FLOAT16: FLOAT16,
    **{called(bits): fixed_point(bits) for bits in WIDTHS},
    "8 bits, stochastic": fixed_point(8, "stochastic"),
    "8 bits, truncate": fixed_point(8, "truncate"),
}


def run(part: str, arithmetic: str, seed: int, tiny: bool) -> float:
    """Return the test accuracy, in percent, of a workload that is trained with an arithmetic."""
    overrides = [
        *PARTS[part][0],
        *(TINY[part] if tiny else ()),
        f"chip.nmpu.arithmetic={ARITHMETICS[arithmetic]}",
        "chip.buffer.element_bits=16",
        "run.mode=numerics",
        "run.evaluate_every=1000000",
        f"run.seed={seed}",
    ]
    return 100 * float(archsim.simulate(part, overrides).metrics["accuracy"])


def over_seeds(table: pd.DataFrame, part: str, arithmetic: str) -> pd.Series:
    """Return the accuracies of an arithmetic by seed."""
    chosen = table[(table.part == part) & (table.arithmetic == arithmetic)]
    return chosen.set_index("seed").accuracy


def difference(table: pd.DataFrame, part: str, one: str, other: str) -> tuple[float, float]:
    """Return by how much one arithmetic is better than another, seed by seed, and two standard errors of that."""
    found = (over_seeds(table, part, one) - over_seeds(table, part, other)).dropna()
    error = float(found.std()) / len(found) ** 0.5 if len(found) > 1 else float("inf")
    return float(found.mean()), 2 * error


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what the study says, and whether it is so."""
    made = []
    for part in dict.fromkeys(table.part):
        for wide in (FLOAT16, called(8)):
            lost, error = difference(table, part, FLOAT32, wide)
            words = f"{part}: `{wide}` loses less than 3 points to `float32`"
            holds = None if error == float("inf") or abs(lost - 3) <= error else lost < 3
            made.append(Claim(words, "", f"{lost:.1f} +- {error:.1f} points", holds))
        for wide, narrow in ((8, 5), (5, 4)):
            lost, error = difference(table, part, called(wide), called(narrow))
            words = f"{part}: {narrow} bits do worse than {wide}"
            holds = None if error == float("inf") or abs(lost) <= error else lost > 0
            made.append(Claim(words, "", f"{lost:.1f} +- {error:.1f} points", holds))
        means = [over_seeds(table, part, called(bits)).mean() for bits in WIDTHS]
        steps = [difference(table, part, called(a), called(b)) for a, b in pairwise(WIDTHS)]
        words = f"{part}: no width is better than a larger one, within two standard errors"
        made.append(Claim(words, "", ", ".join(f"{m:.1f}" for m in means), all(lost > -error for lost, error in steps)))
    return made


def page(table: pd.DataFrame) -> str:
    """Return the page of the study."""
    rows = []
    for arithmetic in ARITHMETICS:
        cells = {"arithmetic": arithmetic}
        for part in dict.fromkeys(table.part):
            found = over_seeds(table, part, arithmetic)
            cells[part] = f"{found.mean():.1f} +- {found.std() if len(found) > 1 else 0.0:.1f}"
        rows.append(cells)
    seeds = " and ".join(f"{n} of `{part}`" for part, n in table.groupby("part", sort=False).seed.nunique().items())
    return TEXT.format(
        machine=MACHINE, seeds=seeds, claims=claims_table(claims(table)), rows=markdown(pd.DataFrame(rows))
    )


TEXT = """# How many bits the digital unit needs

The workloads `mlp_digits` (ten epochs, synchronous) and `lenet5_mnist` (3,000 images, one epoch) train on noisy
crossbars, and everything between these is computed in the arithmetic of `chip.nmpu.arithmetic`
([docs/arithmetic.md](../../docs/arithmetic.md)). With n bits, `forward` is s(4,n-4) and `backward` s(1,n-1), with a
power of two for each vector. All other formats and, where nothing else is said, rounding to nearest are the defaults,
so `8 bits` is the default arithmetic. Seeds: {seeds}; a seed has the same
devices, noise, initial weights and order of samples in every row. Made by `python reports/fixed_point/remake.py`
({machine}).

Test accuracy in percent, mean and standard deviation over seeds:

{rows}

![accuracy against bits](bits.svg)

Truncation takes half a step from every number on average: the perceptron learns with it, LeNet-5 does not.

Differences are taken seed by seed, with two standard errors; within them there is no verdict.

{claims}
"""


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw accuracy against the bits of a word."""
    parts = list(dict.fromkeys(table.part))
    with figure(path, 3.4 * len(parts), 2.8) as drawn:
        panels = drawn.subplots(1, len(parts), squeeze=False)[0]
        for axes, part in zip(panels, parts, strict=True):
            found = [over_seeds(table, part, called(bits)) for bits in WIDTHS]
            errors = [one.std() if len(one) > 1 else 0.0 for one in found]
            axes.errorbar(WIDTHS, [one.mean() for one in found], errors, fmt="C0o-", capsize=2, label="fixed point")
            for name, style in ((FLOAT32, "k-"), (FLOAT16, "C1--")):
                axes.plot((WIDTHS[-1], WIDTHS[0]), [over_seeds(table, part, name).mean()] * 2, style, label=name)
            axes.set(title=part, xlabel="bits of a word", xticks=sorted(WIDTHS))
        panels[0].set_ylabel("test accuracy [%]")
        panels[-1].legend(frameon=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study."""
    asked = options("Train with digital units of different arithmetic.", list(PARTS), HERE, arguments)
    rows = Rows(asked.out / "results.csv", KEY)
    for part in asked.only:
        for seed in range(1, (1 if asked.tiny else PARTS[part][1]) + 1):
            for arithmetic in ARITHMETICS:
                key: dict[str, object] = dict(zip(KEY, (part, arithmetic, seed), strict=True))
                if not rows.has(key):
                    accuracy = run(part, arithmetic, seed, asked.tiny)
                    rows.add(key | {"accuracy": f"{accuracy:.2f}"})
                    print(part, arithmetic, seed, f"{accuracy:.2f}", flush=True)
    table = rows.frame()
    draw(table, asked.out / "bits.svg")
    write(asked, lambda: page(table))


if __name__ == "__main__":
    main()
