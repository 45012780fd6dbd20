"""Values that look as if they were meant in another unit."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence
from archsim.specification import values_of

__all__ = ["spreads_in_percent"]

#: Relative spreads from which on per cent are likely meant; the largest published one (dw_min_std) is 5.
PERCENT = 10.0
#: In units of dw_min, where large values are published.
NOT_RELATIVE = frozenset({"write_noise_std"})


def spreads_in_percent(run: Evidence) -> Iterator[str]:
    """Spreads of 30 where 0.3 is meant."""
    for path, value in values_of(run.settings):
        if _is_spread(path.rpartition(".")[2]) and isinstance(value, int | float) and value >= PERCENT:
            yield (
                f"{path} is {value:g}, a spread of {value:.0%}: spreads are parts of 1; "
                f"if per cent are meant, write {value / 100:g}"
            )


def _is_spread(name: str) -> bool:
    return name.endswith(("_dtod", "_std")) and name not in NOT_RELATIVE
