"""Shares in words."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["bubble_text", "percent", "shares_text"]


def percent(share: float) -> str:
    """Return a share in per cent, with three digits."""
    return f"{100 * share:.3g} %"


def shares_text(shares: Mapping[str, float]) -> str:
    """Return shares by name, the largest first: ``B 41.2 %, F 20 %``; of names without a share, nothing."""
    found = sorted(((share, name) for name, share in shares.items() if share > 0), key=lambda pair: -round(pair[0], 9))
    return ", ".join(f"{name} {percent(share)}" for share, name in found)


def bubble_text(bubble: float, causes: Mapping[str, float]) -> str:
    """Return a bubble and the shares of its causes, which add up to it."""
    return f"bubble: {percent(bubble)}" + (f" ({shares_text(causes)})" if bubble > 0 else "")
