"""Write the schedules of ``torch.distributed.pipelining`` as CSV files, for tests that run without torch.

Run it where torch is installed (``python tests/schedule/torch_schedules/make.py``); the files here are of torch 2.13.0.
Each is what ``_dump_csv`` writes with ``format="compute_only"``, or with communication where its name says so. The name
tells the schedule, the ranks, the stages of each, and the micro-batches. No process group is needed: a schedule asks a
stage only where it lies.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch.distributed.pipelining import schedules

__all__: list[str] = []

FOLDER = Path(__file__).parent
#: Schedules, how many stages a rank has, and the ranks and micro-batches of each.
SINGLE = {"GPipe": [(1, 3), (3, 2), (4, 8)], "1F1B": [(1, 3), (3, 4), (4, 8)]}
SEVERAL = {
    "LoopedBFS": (2, [(1, 2), (2, 4), (3, 5)]),
    "Interleaved1F1B": (2, [(2, 4), (3, 6), (4, 8)]),
    "InterleavedZeroBubble": (2, [(2, 4), (3, 6), (4, 8)]),
    "ZBVZeroBubble": (2, [(2, 4), (3, 6), (4, 8)]),
    "DualPipeV": (2, [(2, 4), (3, 6), (4, 10)]),
}
WITH_MESSAGES = [("Interleaved1F1B", 2, 4), ("ZBVZeroBubble", 2, 4), ("DualPipeV", 2, 4)]


def stage(index: int, stages: int, rank: int, ranks: int) -> Any:
    """Return what a schedule asks a stage for."""
    return SimpleNamespace(
        stage_index=index,
        num_stages=stages,
        group_rank=rank,
        group_size=ranks,
        is_first=index == 0,
        is_last=index == stages - 1,
        has_backward=True,
        submod=None,
        stage_index_to_group_rank=None,
    )


def made(name: str, ranks: int, each: int, micro_batches: int) -> Any:
    """Return a schedule of torch, as its first rank has it."""
    kind, stages = schedules.get_schedule_class(name), ranks * each
    if each == 1:
        return kind(stage(0, stages, 0, ranks), micro_batches, loss_fn=lambda *_: None)
    v_shape = name in ("ZBVZeroBubble", "DualPipeV")
    own = [0, stages - 1] if v_shape else range(0, stages, ranks)
    return kind([stage(index, stages, 0, ranks) for index in own], micro_batches, loss_fn=lambda *_: None)


def write(path: Path, ranks: dict[int, list[Any]]) -> None:
    """Write what ``_dump_csv`` does."""
    rows = (",".join("" if cell is None else str(cell) for cell in ranks[rank]) for rank in sorted(ranks))
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Write all files."""
    shapes = chain(
        ((name, ranks, 1, count) for name, cases in SINGLE.items() for ranks, count in cases),
        ((name, ranks, each, count) for name, (each, cases) in SEVERAL.items() for ranks, count in cases),
    )
    for name, ranks, each, count in shapes:
        schedule = made(name, ranks, each, count)
        stem = f"{name}-{ranks}x{each}-{count}"
        write(FOLDER / f"{stem}.csv", schedule.pipeline_order)
        if (name, ranks, count) in WITH_MESSAGES:
            write(FOLDER / f"{stem}-messages.csv", schedule.pipeline_order_with_comms)
    table = schedules._format_pipeline_order(made("1F1B", 3, 1, 4).pipeline_order)
    (FOLDER / "1F1B-3x1-4-table.txt").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
