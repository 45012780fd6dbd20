"""Values that look as if they were meant in another unit."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from archsim.engine.warnings.evidence import Evidence

__all__ = ["spreads_in_percent"]

#: Relative spreads from which on per cent are likely meant; the largest published one (dw_min_std) is 5.
PERCENT = 10.0
#: In units of dw_min, where large values are published.
NOT_RELATIVE = frozenset({"write_noise_std"})


def spreads_in_percent(run: Evidence) -> Iterator[str]:
    """Spreads of 30 where 0.3 is meant."""
    for path, value in _spreads(run.settings, ""):
        yield (
            f"{path} is {value:g}, a spread of {value:.0%}: spreads are parts of 1; "
            f"if per cent are meant, write {value / 100:g}"
        )


def _spreads(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _spreads(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _spreads(item, f"{path}.{index}")
    elif isinstance(value, int | float) and value >= PERCENT:
        name = path.rpartition(".")[2]
        if name.endswith(("_dtod", "_std")) and name not in NOT_RELATIVE:
            yield path, float(value)
