"""The learning curve: how well the network does after so many samples, so much time and so much energy."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from archsim.results.tally import Tally

__all__ = ["LATER_COLUMNS", "LEARNING_COLUMNS", "LearningCurve", "LearningPoint", "Score"]

#: Column names and types of a learning curve's table.
LEARNING_COLUMNS: dict[str, str] = {
    "mini_batch": "int64",
    "samples": "int64",
    "time_ps": "Int64",
    "energy_pj": "float64",
    "train_loss": "float64",
    "test_accuracy": "float64",
    "test_loss": "float64",
    "test_perplexity": "float64",
    "updates": "Int64",
    "pulses": "Int64",
}
#: Those that folders of older runs do not have.
LATER_COLUMNS = frozenset({"test_loss", "test_perplexity", "updates", "pulses"})


@dataclass(frozen=True, slots=True)
class Score:
    """How well the network does on the test set; None for what the data or the loss do not tell.

    Attributes
    ----------
    accuracy : float or None
        Fraction of test targets told correctly.
    loss : float or None
        Mean loss of a test sample.
    perplexity : float or None
        exp(loss), where the loss is the mean of -log p over the positions of sequences.
    """

    accuracy: float | None = None
    loss: float | None = None
    perplexity: float | None = None


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
    test_loss, test_perplexity : float or None
        Mean loss of a test sample, and what it makes as a perplexity; see `Score`.
    updates : int or None
        Updates of the first stage that made the weights that were evaluated; None without.
    pulses : int or None
        Device pulses that made them, over all layers: those of updates and transfers.
    tally : Tally or None
        What had been counted, so that the energy can be priced again.
    """

    mini_batch: int
    samples: int
    time_ps: int | None
    energy_pj: float | None
    train_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    test_perplexity: float | None
    tally: Tally | None = None
    updates: int | None = None
    pulses: int | None = None


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
        score: Score,
        tally: Tally | None = None,
        updates: int | None = None,
        pulses: int | None = None,
    ) -> None:
        """Append an evaluation; see `LearningPoint`. Without a tally its energy cannot be re-priced."""
        at = (mini_batch, samples, time_ps, energy_pj, train_loss)
        self.points.append(LearningPoint(*at, score.accuracy, score.loss, score.perplexity, tally, updates, pulses))

    def frame(self) -> pd.DataFrame:
        """Return the curve as a table with the columns of `LEARNING_COLUMNS`; None becomes NaN or NA."""
        columns = {name: [getattr(point, name) for point in self.points] for name in LEARNING_COLUMNS}
        return pd.DataFrame(columns).astype(LEARNING_COLUMNS)
