"""The learning curve: how well the network does after so many samples, so much time and so much energy."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from archsim.results.tally import Tally

__all__ = ["LEARNING_COLUMNS", "LearningCurve", "LearningPoint"]

#: Column names and types of a learning curve's table.
LEARNING_COLUMNS: dict[str, str] = {
    "mini_batch": "int64",
    "samples": "int64",
    "time_ps": "Int64",
    "energy_pj": "float64",
    "train_loss": "float64",
    "test_accuracy": "float64",
}


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """One evaluation.

    Attributes
    ----------
    mini_batch, samples : int
        Mini-batches and samples trained so far.
    time_ps : int or None
        Simulated time; None without a clock.
    energy_pj : float or None
        Dynamic and leakage energy so far; None without a clock.
    train_loss : float or None
        Mean training loss since the last point.
    test_accuracy : float or None
        Fraction of test samples classified correctly; None where nothing is classified.
    tally : Tally or None
        What had been counted, so that the energy can be priced again.
    """

    mini_batch: int
    samples: int
    time_ps: int | None
    energy_pj: float | None
    train_loss: float | None
    test_accuracy: float | None
    tally: Tally | None = None


class LearningCurve:
    """The evaluations of a run, in the order in which they were made.

    Attributes
    ----------
    points : list of LearningPoint
        The evaluations so far.
    """

    __slots__ = ("points",)

    def __init__(self) -> None:
        self.points: list[LearningPoint] = []

    def add(
        self,
        mini_batch: int,
        samples: int,
        time_ps: int | None,
        energy_pj: float | None,
        train_loss: float | None,
        test_accuracy: float | None,
        tally: Tally | None = None,
    ) -> None:
        """Append an evaluation; see `LearningPoint`. Without a tally its energy cannot be re-priced."""
        self.points.append(LearningPoint(mini_batch, samples, time_ps, energy_pj, train_loss, test_accuracy, tally))

    def frame(self) -> pd.DataFrame:
        """Return the curve as a table with the columns of `LEARNING_COLUMNS`; None becomes NaN or NA."""
        columns = {name: [getattr(point, name) for point in self.points] for name in LEARNING_COLUMNS}
        return pd.DataFrame(columns).astype(LEARNING_COLUMNS)
