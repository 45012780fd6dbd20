"""The tables of README.md from the results beside it: ``python -m benchmarks.tables``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
EXACT = "-exact"
SIZE, LARGEST = 512, 1024
#: A multiply-add of sgemm, 256 vectors by 256 x 256 on one thread, on the machine whose seconds others compare with.
UNIT_NS = 0.0175

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
    return f"{str(row['work']).replace('update_', 'update ')}, {str(row['variant']).replace('_', '-')}"


def shown(rows: Iterable[Row], **values: object) -> list[Row]:
    """Return the rows with these values, but for matrix products and what is done pulse by pulse."""
    return [
        row
        for row in rows
        if all(row[name] == value for name, value in values.items())
        and not row["variant"].endswith(EXACT)
        and not row["work"].startswith("sge")
    ]


def cells() -> str:
    """Return the time of a cell and vector on both instruction sets, and pulse by pulse on the wider one."""
    wide_unit, wide = rows_of("core.json")
    narrow_unit, narrow = rows_of("core_512_avx2.json")
    taken = {(row["work"], row["variant"], row["batch"]): row["ns_per_cell"] for row in wide if row["size"] == SIZE}
    lines = []
    for row in shown(narrow):
        work, variant, batch = row["work"], row["variant"], row["batch"]
        ns, exact = taken[work, variant, batch], taken.get((work, variant + EXACT, batch))
        lines.append(
            [
                f"{title(row)}, batch {batch}",
                f"{ns:.3g} ns, {ns / wide_unit:.3g}",
                f"{exact:.3g} ns, {exact / wide_unit:.3g}" if exact else "",
                f"{row['ns_per_cell'] / narrow_unit:.3g}",
            ]
        )
    return table(["work", "ns, multiple of sgemm", "pulse by pulse", "AVX2, multiple of sgemm"], lines)


def multiples(by: str, **values: object) -> str:
    """Return multiples of sgemm in columns by size or by batch."""
    unit, rows = rows_of("core.json")
    rows = shown(rows, threads=1, **values)
    columns = sorted({row[by] for row in rows}, key=lambda value: (not isinstance(value, str), value))
    found: dict[str, dict[object, str]] = {}
    for row in rows:
        found.setdefault(title(row), {})[row[by]] = f"{row['ns_per_cell'] / unit:.3g}"
    head = [str(column) if by == "size" else f"batch {column}" for column in columns]
    return table(
        ["work", *head], [[what, *(by_column.get(c, "") for c in columns)] for what, by_column in found.items()]
    )


def threads() -> str:
    """Return how much faster two threads are than one."""
    _, rows = rows_of("core.json")
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        if row["size"] == LARGEST:
            milliseconds = row["ns_per_cell"] * LARGEST**2 * row["batch"] / 1e6
            found.setdefault(f"{title(row)}, batch {row['batch']}", {})[row["threads"]] = milliseconds
    return table(
        ["work, above a millisecond", "times as fast"],
        [
            [what, f"{times[1] / times[2]:.2f}"]
            for what, times in found.items()
            if times.keys() == {1, 2} and times[1] > 1
        ],
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


def lenet() -> str:
    """Return the seconds of LeNet-5, and what they would be where a multiply-add of sgemm takes `UNIT_NS`."""
    _, rows = rows_of("convolution.json")
    return table(
        ["LeNet-5, 1,000 images", "measured", "sgemm beside it", f"at {UNIT_NS} ns"],
        [
            [
                row["case"],
                f"{row['seconds']:.2f} s",
                f"{row['sgemm_ns']:.4f} ns",
                f"{row['seconds'] * UNIT_NS / row['sgemm_ns']:.2f} s",
            ]
            for row in rows
            if "case" in row
        ],
    )


def convolutions() -> str:
    """Return what the phases of convolutions take, as multiples of linear layers with the same vectors and matrix."""
    _, rows = rows_of("convolution.json")
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if "layer" in row:
            found.setdefault(row["layer"], {})[row["phase"]] = row
    phases = ("forward", "backward", "update")
    lines = []
    for layer, by_phase in found.items():
        some = by_phase["forward"]
        shown_phases = [f"{by_phase[p]['convolution_ns']:.0f} ns, {by_phase[p]['ratio']:.2f}" for p in phases]
        lines.append([layer, f"{some['outputs']} x {some['inputs']}", str(some["vectors"]), *shown_phases])
    return table(["convolution", "matrix", "vectors", *phases], lines)


def executor() -> str:
    """Return what actions and long runs take of the processor, and the most that Python allocates."""
    _, rows = rows_of("executor.json")
    lines = []
    for row in rows:
        if "actions_per_minute" in row:
            each = f"{row['microseconds']:.1f} us an action, {row['slices_per_action']:.1f} slices"
            lines.append(
                [row["row"], f"{row['actions_per_minute']:,.0f} actions a minute", each, f"{row['timeouts']:.0f}"]
            )
        elif "seconds" in row:
            lines.append([row["row"], f"{row['seconds']:.2f} s", "", f"{row['timeouts']:.0f}"])
        else:
            peaks = [f"{peak / 1e6:.1f} MB" for peak in row["peak_bytes"]]
            counts = " and ".join(f"{count:,}" for count in row["micro_batches"])
            lines.append([f"{row['row']}, {counts} micro-batches", " and ".join(peaks), "", ""])
    return table(["run", "takes", "in detail", "timeouts of SimPy for each action"], lines)


if __name__ == "__main__":
    print(
        cells(),
        multiples("size", batch=32),
        multiples("batch", size=SIZE),
        threads(),
        trainings(),
        lenet(),
        convolutions(),
        executor(),
        sep="\n\n",
    )
