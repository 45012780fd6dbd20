"""What a run took to a target: what it had spent at the first evaluation that reached it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from archsim.errors import InputError

__all__ = ["TARGET_COLUMNS", "ToTarget", "targets_table", "way_to_target"]

#: Column names and types of a table of targets.
TARGET_COLUMNS: dict[str, str] = {
    "accuracy": "float64",
    "perplexity": "float64",
    "evaluation": "Int64",
    "mini_batch": "Int64",
    "samples": "Int64",
    "time_ps": "Int64",
    "energy_pj": "float64",
    "updates": "Int64",
    "pulses": "Int64",
    "reason": "str",
}
#: What is told of the evaluation that reached a target.
_TOLD = ("mini_batch", "samples", "time_ps", "energy_pj", "updates", "pulses")


@dataclass(frozen=True, slots=True)
class ToTarget:
    """The way to a target. What a run does not know, or did not reach, is None.

    Attributes
    ----------
    accuracy, perplexity : float or None
        The target: a test accuracy of at least this, a perplexity of at most that.
    evaluation : int or None
        The first row of the learning curve that reached it, counted from 0.
    mini_batch, samples : int or None
        Trained until then.
    time_ps : int or None
        Simulated time at that evaluation.
    energy_pj : float or None
        Dynamic and leakage energy until then.
    updates : int or None
        Updates of the first stage that made the evaluated weights.
    pulses : int or None
        Device pulses that made them, over all layers.
    reason : str
        Why it was not reached; empty where it was.
    """

    accuracy: float | None = None
    perplexity: float | None = None
    evaluation: int | None = None
    mini_batch: int | None = None
    samples: int | None = None
    time_ps: int | None = None
    energy_pj: float | None = None
    updates: int | None = None
    pulses: int | None = None
    reason: str = ""

    @property
    def reached(self) -> bool:
        """Whether an evaluation reached it."""
        return self.evaluation is not None


def way_to_target(
    learning: pd.DataFrame, *, accuracy: float | None = None, perplexity: float | None = None
) -> ToTarget:
    """Return what a run took to the first evaluation that reached all that is given.

    Parameters
    ----------
    learning : DataFrame
        Its learning curve.
    accuracy : float, optional
        A test accuracy, above 0 and at most 1, that is to be reached or exceeded.
    perplexity : float, optional
        A perplexity, at least 1, that is to be reached or fallen below.

    Raises
    ------
    InputError
        If no target is given, or one that none can be.
    """
    _check(accuracy, perplexity)
    reached = np.ones(len(learning), dtype=bool)
    reasons = []
    for target, column, least in ((accuracy, "test_accuracy", True), (perplexity, "test_perplexity", False)):
        if target is None:
            continue
        found = learning[column].to_numpy(dtype=np.float64)
        there = found >= target if least else found <= target  # What was not measured reaches nothing.
        reached &= there
        if not there.any():
            reasons.append(_missed(learning, found, column.removeprefix("test_"), least=least))
    first = int(np.argmax(reached)) if reached.any() else None
    if first is None:
        reason = "; ".join(reasons) or "no evaluation reached both targets at once"
        return ToTarget(accuracy, perplexity, reason=reason)
    row = learning.iloc[first]
    told = {name: None if pd.isna(row[name]) else row[name] for name in _TOLD}
    numbers = {
        name: value if value is None else float(value) if name == "energy_pj" else int(value)
        for name, value in told.items()
    }
    return ToTarget(accuracy, perplexity, first, **numbers)  # type: ignore[arg-type]


def targets_table(ways: Iterable[ToTarget]) -> pd.DataFrame:
    """Return a row for each target, with the columns of `TARGET_COLUMNS`."""
    rows: list[dict[str, Any]] = [asdict(way) for way in ways]
    return pd.DataFrame(rows, columns=list(TARGET_COLUMNS)).astype(TARGET_COLUMNS)


def _missed(learning: pd.DataFrame, found: np.ndarray, what: str, *, least: bool) -> str:
    """Say how close a run came to a target that it never reached."""
    if np.isnan(found).all():
        return f"the run measured no {what}"
    best = int(np.nanargmax(found) if least else np.nanargmin(found))
    samples = int(learning["samples"].iloc[best])
    extreme = "highest" if least else "lowest"
    return (
        f"not reached: the {extreme} {what} of {len(found)} evaluations is {found[best]:.4g}, after {samples:,} "
        f"sample{'' if samples == 1 else 's'}"
    )


def _check(accuracy: float | None, perplexity: float | None) -> None:
    if accuracy is None and perplexity is None:
        raise InputError("there is no target in it", field="target", allowed="accuracy, perplexity or both")
    if accuracy is not None and not 0 < accuracy <= 1:
        raise InputError(
            "no test accuracy is like that", field="accuracy", value=accuracy, allowed="above 0 and 1 or less"
        )
    if perplexity is not None and not perplexity >= 1:
        raise InputError("no perplexity is like that", field="perplexity", value=perplexity, allowed="1 or more")
