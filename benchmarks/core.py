"""How fast the core is: reads, pulsed updates and transfers, a cell and vector, beside numpy's matrix product.

``python -m benchmarks.core [--quick] [--size N] [--only WORK] [--instruction-set avx2] [--repeats N] [--json FILE]``.
Times are the best of many calls, so that other work on the machine disturbs little; compare multiples of sgemm, which
is measured beside them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import best_seconds, sgemm_ns, sgemv_ns

Shape = tuple[int, int]
Row = dict[str, Any]

SQUARES = (128, 256, 512, 1024)
#: outputs and inputs of the layers of two published networks
LAYERS = ((16, 26), (32, 401))
BATCHES = (1, 32, 256)


class Bench:
    """Measures one kind of work after the other.

    Parameters
    ----------
    quick : bool
        Only 512 x 512 cells, and a shorter look at each.
    size : int or None
        Only size x size cells.
    """

    def __init__(self, quick: bool, size: int | None = None) -> None:
        from archsim._core import ISA

        self.isa = ISA
        self.quick = quick
        self.budget = 0.6 if quick else 1.0
        squares = (size,) if size else (512,) if quick else SQUARES
        self.shapes: tuple[Shape, ...] = tuple((n, n) for n in squares)
        if not quick and not size:
            self.shapes += LAYERS

    def rows(self, only: str | None) -> Iterator[Row]:
        """Measure everything, or one kind of work."""
        parts = {
            "sgemm": self.products,
            "sgemv": self.products,
            "forward": self.reads,
            "backward": self.reads,
            "update_sparse": self.updates,
            "update_managed": self.updates,
            "update_dense": self.updates,
            "compound": self.compounds,
        }
        for part in dict.fromkeys(parts.values()):
            yield from part(only)

    def products(self, only: str | None) -> Iterator[Row]:
        """Measure numpy's products."""
        if only in (None, "sgemm"):
            yield self._row("sgemm", "default", (512, 512), 256, 1, sgemm_ns())
        if only in (None, "sgemv"):
            yield self._row("sgemv", "default", (512, 512), 1, 1, sgemv_ns())

    def reads(self, only: str | None) -> Iterator[Row]:
        """Measure reads both ways through the default converters, and with the read noise of phase-change memory."""
        from archsim.analog.specification import IOParameters
        from benchmarks.updates import DEVICES, LOADS, make_crossbar

        chains = {"default": IOParameters(), "pcm_read": IOParameters(w_noise=0.0175, w_noise_type="pcm-read")}
        update = LOADS["update_managed"].update
        for variant, io in chains.items():
            for shape, batch, threads in self._cases(BATCHES):
                crossbar = make_crossbar(DEVICES["ConstantStep"], update, *shape, threads, io)
                random = np.random.default_rng(5)
                x = random.uniform(-1, 1, (batch, shape[1])).astype(np.float32)
                d = random.uniform(-1, 1, (batch, shape[0])).astype(np.float32)
                for work, call in (
                    ("forward", lambda k, c=crossbar, x=x: c.forward(x, k * len(x))),
                    ("backward", lambda k, c=crossbar, d=d: c.backward(d, k * len(d))),
                ):
                    if only in (None, work):
                        yield self._timed(work, variant, shape, batch, threads, call)

    def updates(self, only: str | None) -> Iterator[Row]:
        """Measure pulsed updates by aggregates where they are allowed, and pulse by pulse."""
        from benchmarks.updates import DEVICES, DW_MIN, LOADS, make_crossbar

        for work, load in LOADS.items():
            if only not in (None, work):
                continue
            exactly = load.update.model_copy(update={"pulse_by_pulse": True})
            for name, device in DEVICES.items():
                for suffix, update in (("", load.update), ("-exact", exactly)):
                    for shape, batch, threads in self._cases((32,) if self.quick else BATCHES):
                        crossbar = make_crossbar(device, update, *shape, threads)
                        x, d = load.vectors(shape[1], shape[0], batch)
                        pulses: list[int] = []

                        def call(
                            k: int,
                            c: Any = crossbar,
                            x: Any = x,
                            d: Any = d,
                            pulses: list[int] = pulses,
                            rate: float = load.learning_rate * DW_MIN,
                        ) -> None:
                            # signs alternate, so that weights stay where they are in training
                            pulses.append(c.update(x, d, rate * (1 - 2 * (k % 2)), k * len(x)).pulses)

                        row = self._timed(work, name + suffix, shape, batch, threads, call)
                        yield row | {"coincidences": float(np.mean(pulses)) / (shape[0] * shape[1] * batch)}

    def compounds(self, only: str | None) -> Iterator[Row]:
        """Measure updates by algorithms that transfer from a fast array to a slow one."""
        if only not in (None, "compound"):
            return
        from benchmarks.compound import COMPOUNDS, MINI_BATCH, make
        from benchmarks.updates import LOADS

        for name in COMPOUNDS:
            for size in sorted({shape[0] for shape in self.shapes if shape[0] == shape[1]}):
                array, shape = make(name, size), (size, size)
                x, d = LOADS["update_managed"].vectors(*shape, MINI_BATCH)
                pulses: list[int] = []

                def call(k: int, a: Any = array, x: Any = x, both: Any = (d, -d), pulses: list[int] = pulses) -> None:
                    pulses.append(a.update(x, both[k % 2], 0.1, k * len(x)).pulses)

                row = self._timed("compound", name, shape, MINI_BATCH, 1, call)
                yield row | {"coincidences": float(np.mean(pulses)) / (size * size * MINI_BATCH)}

    def _cases(self, batches: tuple[int, ...]) -> Iterator[tuple[Shape, int, int]]:
        for shape in self.shapes:
            for batch in batches:
                yield shape, batch, 1
                if shape == (1024, 1024) and batch > 1:
                    yield shape, batch, 2

    def _timed(self, work: str, variant: str, shape: Shape, batch: int, threads: int, call: Any) -> Row:
        seconds = best_seconds(call, self.budget)
        return self._row(work, variant, shape, batch, threads, seconds * 1e9 / (shape[0] * shape[1] * batch))

    def _row(self, work: str, variant: str, shape: Shape, batch: int, threads: int, ns: float) -> Row:
        size: int | str = shape[0] if shape[0] == shape[1] else f"{shape[0]}x{shape[1]}"
        return {
            "work": work,
            "variant": variant,
            "size": size,
            "batch": batch,
            "threads": threads,
            "isa": self.isa,
            "ns_per_cell": ns,
            "coincidences": 0.0,
        }


def keep(least: dict[tuple[Any, ...], Row], row: Row) -> None:
    """Keep a row, unless there is one of the same work that took less time."""
    key = tuple(row[name] for name in ("work", "variant", "size", "batch", "threads"))
    if key not in least or row["ns_per_cell"] < least[key]["ns_per_cell"]:
        least[key] = row


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="512 x 512 cells only, and a shorter look at each")
    parser.add_argument("--size", type=int, metavar="N", help="N x N cells only")
    parser.add_argument("--only", metavar="WORK", help="one kind of work, such as update_dense")
    parser.add_argument("--instruction-set", help="baseline, avx2 or avx512; the best one by default")
    parser.add_argument("--repeats", type=int, default=1, help="times that all is measured; the shortest one counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows are written, after each one")
    arguments = parser.parse_args()
    if arguments.instruction_set:
        os.environ["ARCHSIM_ISA"] = arguments.instruction_set
    unit = sgemm_ns()
    print(f"sgemm {unit:.4f} ns a multiply-add (512 x 512, batch 256, OpenBLAS with Haswell kernels, one thread)")
    least: dict[tuple[Any, ...], Row] = {}
    for _ in range(arguments.repeats):
        unit = min(unit, sgemm_ns())
        for row in Bench(arguments.quick, arguments.size).rows(arguments.only):
            keep(least, row)
            print(
                f"{row['work']:15s} {row['variant']:25s} {row['size']!s:>7s} batch {row['batch']:<4d} "
                f"threads {row['threads']}  {row['ns_per_cell']:9.4f} ns {row['ns_per_cell'] / unit:8.2f} x sgemm"
                + (f"  {row['coincidences']:.4f} coincidences" if row["coincidences"] else ""),
                flush=True,
            )
            if arguments.json:
                found = {"sgemm_ns": unit, "rows": list(least.values())}
                arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
