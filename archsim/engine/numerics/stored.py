"""What a stage stores of a micro-batch between its actions."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.input_range import RangeMet
from archsim.engine.numerics.recurrence import Recurrence
from archsim.engine.numerics.stash import Stash
from archsim.network.parameters import ParameterValues

__all__ = ["Stored"]


@dataclass(slots=True)
class Stored:
    """What a stage keeps of one micro-batch, whose first sample has an index in the run."""

    first_sample: int = 0
    samples: int = 1
    values: dict[str, Array] = field(default_factory=dict)
    gradients: dict[str, Array] = field(default_factory=dict)
    # What each reader of a value handed back and is not summed yet, by the reader's rank.
    handed_back: dict[str, dict[int, Array]] = field(default_factory=dict)
    errors: dict[str, Array] = field(default_factory=dict)
    affine: dict[str, tuple[Array | None, Array | None]] = field(default_factory=dict)
    # What the forward of an operator keeps, and the gradients of its parameters, by layer.
    kept: dict[str, dict[str, Array]] = field(default_factory=dict)
    parameters: dict[str, ParameterValues] = field(default_factory=dict)
    analog: dict[str, Array] = field(default_factory=dict)
    parts: dict[str, list[Array]] = field(default_factory=dict)
    # The vectors of the matrix that was read or updated last: they can be many times as large as what they come from.
    unfolded: dict[str, Array] = field(default_factory=dict)
    # The range of inputs that the last forward read of each part of a matrix met.
    ranges: dict[tuple[str, int], RangeMet] = field(default_factory=dict)
    recurrences: dict[str, Recurrence] = field(default_factory=dict)
    # What its forward met, where its backward is to meet the same.
    stash: Stash | None = None

    def begin(self, arithmetic: Arithmetic, *place: int) -> None:
        """Tell an arithmetic that a place of the network is computed next on these samples."""
        arithmetic.begin(place, self.first_sample, self.samples)

    def hand_back(self, name: str, rank: int, d: Array) -> None:
        """Keep what a reader of a value gives to its gradient: sums follow the ranks of readers, not time."""
        self.handed_back.setdefault(name, {})[rank] = d
