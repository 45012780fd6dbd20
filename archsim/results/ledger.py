"""The ledger: how often each operation was done, in integers."""

from __future__ import annotations

from archsim.chip.counts import CountKey

__all__ = ["Ledger"]


class Ledger:
    """Counts of operations by component, operation, phase and layer.

    Integers only, so that sums do not depend on the order in which the components report.

    Attributes
    ----------
    counts : dict of CountKey to int
        What was counted so far.
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[CountKey, int] = {}

    def add(self, key: CountKey, count: int) -> None:
        """Count an operation `count` more times."""
        self.counts[key] = self.counts.get(key, 0) + count

    def total(self, component: str, operation: str) -> int:
        """Return the count of an operation over all phases and layers."""
        return sum(n for key, n in self.counts.items() if key.component == component and key.operation == operation)
