"""What a reader of a run has to know before believing its numbers.

A check is a function that takes an `Evidence` and yields texts, one idea each; `CHECKS` lists them in the order in
which they are told.
"""

from collections.abc import Callable, Iterable

from archsim.engine.numerics.findings.converters import lossy_reads
from archsim.engine.numerics.findings.evidence import Evidence
from archsim.engine.numerics.findings.resolution import converters_without_resolution
from archsim.engine.numerics.findings.settings import spreads_in_percent
from archsim.engine.numerics.findings.stash import copied_weights
from archsim.engine.numerics.findings.transfers import unwritten_weights
from archsim.engine.numerics.findings.updates import clipped_start, full_trains, saturated_cells, small_updates
from archsim.engine.numerics.findings.writes import writes_without_time

__all__ = ["CHECKS", "Evidence", "run_warnings"]

Check = Callable[[Evidence], Iterable[str]]

CHECKS: tuple[Check, ...] = (
    converters_without_resolution,
    spreads_in_percent,
    writes_without_time,
    copied_weights,
    clipped_start,
    small_updates,
    full_trains,
    unwritten_weights,
    lossy_reads,
    saturated_cells,
)


def run_warnings(evidence: Evidence) -> tuple[str, ...]:
    """Return what all checks have to say of a run."""
    return tuple(text for check in CHECKS for text in check(evidence))
