"""Work without numbers: what a timing run counts of reads and updates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction

from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.engine.numerics.expectations import Expectations
from archsim.engine.program import Edge
from archsim.engine.steps import CopyStep, DigitalStep, MatrixStep
from archsim.engine.work import Evaluation
from archsim.schedule.actions import Action

__all__ = ["Expected"]

#: What a run without numbers counts of an update; pulses depend on the numbers.
_QUANTITIES = tuple(field.name for field in fields(Counts) if field.name not in ("vectors", "pulses"))


class _Share:
    """What is counted of a quantity that comes at a mean rate: whole numbers, so that every long run has that mean.

    Of the first n vectors of a run, floor(rate floor(n / every)) is counted: it depends on the index of a vector and
    never on the order of execution.
    """

    __slots__ = ("_denominator", "_every", "_numerator", "each", "quantity")

    def __init__(self, quantity: str, rate: Fraction, every: int = 1) -> None:
        self.quantity = quantity
        self._numerator, self._denominator, self._every = rate.numerator, rate.denominator, every
        #: What is counted of every vector, where that is always the same.
        self.each = rate.numerator if every == rate.denominator == 1 else None

    def within(self, first: int, last: int) -> int:
        """Return the share of the vectors from `first` to before `last`."""
        if self.each is not None:
            return (last - first) * self.each
        every, numerator, denominator = self._every, self._numerator, self._denominator
        return last // every * numerator // denominator - first // every * numerator // denominator


def _shares(expected: ExpectedUpdate) -> Iterator[_Share]:
    for name in _QUANTITIES:
        if rate := getattr(expected, name):
            yield _Share(name, rate, expected.every)
    for part in expected.later:
        yield from _shares(part)


def _transfer_shares(expected: ExpectedUpdate) -> Iterator[_Share]:
    for part in expected.transfers:
        yield from _shares(part)


@dataclass(frozen=True, slots=True)
class _PartShares:
    """What updates of a part take, without its transfers, and what these do."""

    gradients: tuple[_Share, ...]
    transfers: tuple[_Share, ...]
    both: tuple[_Share, ...]

    @classmethod
    def of(cls, expected: ExpectedUpdate) -> _PartShares:
        gradients, transfers = tuple(_shares(expected)), tuple(_transfer_shares(expected))
        return cls(gradients, transfers, gradients + transfers)


class Expected:
    """Work without numbers: documented averages, exact where nothing depends on the numbers.

    Everything is counted by the index of a vector in the run; see `archsim.analog.observed.ExpectedUpdate`. Device
    pulses depend on the data and are not counted.

    Parameters
    ----------
    samples : int
        Samples of a micro-batch.
    expected : Expectations
        What the reads and updates of each matrix take.
    """

    def __init__(self, samples: int, expected: Expectations) -> None:
        self._samples = samples
        self._forward = {
            name: (_Share("reads", reads.forward), reads.forward_passes) for name, reads in expected.reads.items()
        }
        self._backward = {name: reads.backward_passes for name, reads in expected.reads.items()}
        self._updates = {name: tuple(map(_PartShares.of, parts)) for name, parts in expected.updates.items()}

    @property
    def computes(self) -> bool:
        """No: these are averages."""
        return False

    def begin(self, stage: int, action: Action) -> None:
        """Nothing to prepare."""

    def prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        """Nothing to compute."""

    def read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> int:
        """Return the expected number of reads; bound management repeats forward ones only."""
        vectors = self._samples * step.vectors
        if step.phase != "F":
            return vectors * self._backward[step.matrix]
        share, passes = self._forward[step.matrix]
        if share.each is not None:
            return passes * share.each * vectors
        first = micro_batch * vectors
        return passes * share.within(first, first + vectors)

    def update(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        """Return what is expected of the vectors of some micro-batches."""
        shares = self._updates[step.matrix][part]
        counts = self._expect(shares.gradients if step.apart else shares.both, step, action)
        if step.pulsed:
            counts.vectors = self._samples * step.vectors * action.count
        return counts

    def transfer(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        """Return what is expected of the transfers that fall due with the vectors of some micro-batches."""
        return self._expect(self._updates[step.matrix][part].transfers, step, action)

    def _expect(self, shares: tuple[_Share, ...], step: MatrixStep, action: Action) -> Counts:
        vectors = self._samples * step.vectors
        last = (action.micro_batch + 1) * vectors
        first = last - vectors * action.count
        counts = Counts()
        for share in shares:
            before = getattr(counts, share.quantity)
            setattr(counts, share.quantity, before + share.within(first, last))
        return counts

    def copy(self, stage: int, step: CopyStep, part: int, action: Action) -> None:
        """Nothing to copy."""

    def digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        """Nothing to compute."""

    def deliver(self, edge: Edge, micro_batch: int) -> None:
        """Nothing to hand over."""

    def deliver_gradient(self, edge: Edge, micro_batch: int) -> None:
        """Nothing to hand over."""

    def layer_ended(self, layer: str, action: Action) -> None:
        """Nothing to keep."""

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Nothing is evaluated."""
        return []
