"""The tables of README.md from the results beside it: ``python -m benchmarks.tables``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
EXACT = "-exact"

Row = dict[str, Any]


def rows_of(name: str) -> tuple[float, list[Row]]:
    """Return what a multiply-add of sgemm took, in ns, and the rows of a file of results."""
    content = json.loads((RESULTS / name).read_text())
    return content.get("sgemm_ns", 0.0), content["rows"]


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


def title(row: Row) -> str:
    """Return what was measured."""
    what = str(row["work"]).replace("update_", "update ")
    return f"{what}, {str(row['variant']).replace('_', '-')}, batch {row['batch']}"


def cells() -> str:
    """Return the time of a cell and vector on both instruction sets, and pulse by pulse on the wider one."""
    wide_unit, wide = rows_of("core_512.json")
    narrow_unit, narrow = rows_of("core_512_avx2.json")
    taken = {(row["work"], row["variant"], row["batch"]): row["ns_per_cell"] for row in wide}
    on_avx2 = {(row["work"], row["variant"], row["batch"]): row["ns_per_cell"] for row in narrow}
    lines = []
    for row in wide:
        work, variant, batch = row["work"], row["variant"], row["batch"]
        if variant.endswith(EXACT) or work.startswith("sge"):
            continue
        exact = taken.get((work, variant + EXACT, batch))
        ns = row["ns_per_cell"]
        lines.append(
            [
                title(row),
                f"{ns:.3g} ns, {ns / wide_unit:.3g}",
                f"{exact:.3g} ns, {exact / wide_unit:.3g}" if exact else "",
                f"{on_avx2[work, variant, batch] / narrow_unit:.3g}",
            ]
        )
    return table(["work", "ns, multiple of sgemm", "pulse by pulse", "AVX2, multiple of sgemm"], lines)


def threads() -> str:
    """Return how much faster two threads are than one."""
    _, rows = rows_of("core_1024.json")
    alone = {title(row): row["ns_per_cell"] for row in rows if row["threads"] == 1}
    pairs = [(title(row), row) for row in rows if row["threads"] == 2]
    long = [(what, row) for what, row in pairs if alone[what] * 1024**2 * row["batch"] > 1e6]
    return table(
        ["work, above a millisecond", "times as fast"],
        [[what, f"{alone[what] / row['ns_per_cell']:.2f}"] for what, row in long],
    )


def trainings() -> str:
    """Return the seconds of whole trainings."""
    _, rows = rows_of("training.json")
    seconds = {(row["case"], row["mode"]): row["seconds"] for row in rows}
    modes = ("coupled", "numerics", "timing")
    cases = dict.fromkeys(row["case"] for row in rows)
    return table(
        ["training", "together", "numbers alone", "events alone"],
        [[case, *(f"{seconds[case, mode]:.2f}" for mode in modes)] for case in cases],
    )


if __name__ == "__main__":
    print(cells(), threads(), trainings(), sep="\n\n")
