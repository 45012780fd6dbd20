"""What every training algorithm offers to the engine, and what it is given.

A *kind* of algorithm is a class (`AlgorithmKind`), registered in the entry-point group ``archsim.algorithm_kinds``
under the name that its settings carry as ``kind``. Algorithms that users name are functions that return settings of
some kind, in the group ``archsim.algorithms``. An object of a kind is a `TrainingArray`: everything on one tile.

Time is counted in vectors, in the order in which `TrainingArray.update` gets them. Transfers happen within the call
that brings the vector after which they are due, or apart from it: `TrainingArray.update` is
`TrainingArray.apply_gradients` up to each of these vectors, then `TrainingArray.transfer`, with equal bits. Where a
setting counts in mini-batches, ``mini_batch`` says how many vectors that is. Only what devices do by themselves happens
between mini-batches. Reads never change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy.typing import ArrayLike, NDArray

from archsim._core import FORWARD
from archsim.analog.blocks import FloatArray
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Counts, ExpectedUpdate, Read
from archsim.analog.specification import Device, IOParameters, UpdateParameters
from archsim.specification import Specification

__all__ = [
    "DIGITAL_ACCUMULATOR",
    "FAST_ARRAY",
    "AlgorithmKind",
    "HoldsVelocity",
    "MakeCrossbar",
    "StatesAccumulator",
    "TileOutline",
    "TileSite",
    "TrainingArray",
]


#: Where gradients may go that do not go to what F and B read.
DIGITAL_ACCUMULATOR = "a digital accumulator"
FAST_ARRAY = "a fast array"


@dataclass(frozen=True, slots=True)
class TileOutline:
    """What is known of a tile before its crossbars are made.

    Attributes
    ----------
    outputs, inputs : int
        Size of the matrix.
    mini_batch : int
        Vectors of a mini-batch.
    device : Device
        The layer's device.
    update : UpdateParameters
        The chip's pulse trains.
    io : IOParameters
        The chip's forward chain, through which transfers are read where the algorithm names no other.
    """

    outputs: int
    inputs: int
    mini_batch: int
    device: Device
    update: UpdateParameters
    io: IOParameters


class MakeCrossbar(Protocol):
    """Makes the crossbars of a tile; all have the tile's size, and an identity of their own."""

    def __call__(
        self,
        index: int,
        device: Device | None = None,
        update: UpdateParameters | None = None,
        transfer_io: IOParameters | None = None,
        transfer_update: UpdateParameters | None = None,
    ) -> Crossbar:
        """Make the crossbar of an index within the tile, once.

        Parameters
        ----------
        index : int
            From 0 to ``AlgorithmKind.arrays(settings)`` - 1.
        device : Device, optional
            By default the layer's own.
        update : UpdateParameters, optional
            Pulse trains of gradients; by default the chip's.
        transfer_io : IOParameters, optional
            The chain that reads for transfers; by default the chip's forward chain.
        transfer_update : UpdateParameters, optional
            Pulse trains that write transfers; by default the chip's.
        """


@dataclass(frozen=True, slots=True)
class TileSite:
    """Where the arrays of an algorithm stand: one tile, its size and its numbers.

    Attributes
    ----------
    outputs, inputs : int
        Size of the matrix.
    mini_batch : int
        Vectors of a mini-batch (samples, times positions for a convolution).
    make_crossbar : MakeCrossbar
        Makes the crossbars.
    seed : int
        Seed of all noise: keys the digital random numbers.
    identity : int
        Identity of the crossbar of index 0, which separates the random numbers of tiles.
    """

    outputs: int
    inputs: int
    mini_batch: int
    make_crossbar: MakeCrossbar
    seed: int
    identity: int


class TrainingArray(Protocol):
    """One or several crossbars that together hold and train a matrix [outputs, inputs]."""

    @property
    def weights(self) -> FloatArray:
        """The matrix that a forward read sees, float32 [outputs, inputs]; read-only, valid until the next change."""

    @property
    def crossbars(self) -> tuple[Crossbar, ...]:
        """All crossbars of the tile; the last one holds the weights."""

    def set_output_scale(self, scale: FloatArray) -> None:
        """Learn which mapping scale [outputs] multiplies the outputs digitally, where there is one.

        Weights and errors are in the array's own units: divided by it. An algorithm whose steps are in proportion to
        errors has nothing to do; one that normalises them by their size multiplies its steps in a way that keeps what
        is learned the same.
        """

    def program(self, weights: ArrayLike) -> None:
        """Write a matrix, and begin anew: auxiliary arrays hold zeros, digital state and counters too."""

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Read x @ W.T; see `Crossbar.forward`."""

    def backward(self, d: ArrayLike, first_vector: int, *, weights: FloatArray | None = None) -> Read:
        """Read d @ W; see `Crossbar.backward`. With `weights`, which a schedule that stashes them gives, d @ those."""

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Descend by learning_rate d x^T, vector after vector, with all transfers that become due meanwhile.

        Parameters
        ----------
        x : float32 [V, inputs]
            Inputs at the time of the forward read; V may be 0.
        d : float32 [V, outputs]
            Errors.
        learning_rate : float
            Of these vectors, not negative.
        first_vector : int
            Index of the first of them in the run.

        Returns
        -------
        Counts
            Slots and pulses of gradients, and whatever the algorithm adds to them.
        """

    def apply_gradients(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Do as `update` does, and leave the transfers that fall due meanwhile to `transfer`."""

    @property
    def due(self) -> int:
        """How many transfers have fallen due and have not been done."""

    def transfer(self, learning_rate: float) -> Counts:
        """Do the transfers that are due, if any, with the learning rate of the vector that made them so.

        Which they are after how many vectors, `ExpectedUpdate.transfers` says; an algorithm that says nothing there has
        no transfers that could be apart from its updates.
        """

    def end_mini_batch(self, index: int) -> Counts:
        """Let a mini-batch of an index in the run pass for all devices; see `Crossbar.end_mini_batch`."""

    def saturated(self) -> float:
        """Return the fraction of cells at a bound, over all arrays."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn or changes."""

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal array, bit by bit.

        Raises
        ------
        InputError
            If names or shapes differ.
        """


@runtime_checkable
class HoldsVelocity(Protocol):
    """A `TrainingArray` whose steps have momentum in digital memory, which may be lowered where gradients are late."""

    def expect_late(self, steps: float) -> None:
        """Learn by how many steps the gradients of a mini-batch are late in the mean, before its last vectors come.

        What is kept of the velocity behind that step is `archsim.delays.momentum_left` of the momentum.
        """


@runtime_checkable
class StatesAccumulator(Protocol):
    """An `AlgorithmKind` that says where gradients go."""

    @staticmethod
    def accumulator(settings: Any) -> str | None:
        """Return in words what takes gradients, and F and B do not read; None where U changes what they read.

        What it holds reaches the weights by transfers, or where there are none, at the end of a mini-batch.
        """


class AlgorithmKind(Protocol):
    """A class of training algorithms; it may also be one that `StatesAccumulator`.

    Attributes
    ----------
    Settings : type of Specification
        What a user says; a frozen model with a field ``kind`` of one literal value.
    exact_reads : bool
        Whether reads are exact products, one for each vector, whatever the chip's converters do.
    """

    Settings: type[Specification]
    exact_reads: bool

    @staticmethod
    def arrays(settings: Any) -> int:
        """Return how many crossbars a tile needs."""

    @staticmethod
    def expected(settings: Any, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average, for runs without numbers.

        What the numbers have no influence on is exact. Other trains of gradients have ``expected_bl`` slots
        (``desired_bl`` without it). A kind whose expectation has digital operations or memory bits gets the near-memory
        unit and the buffer's port after each update.
        """

    def __call__(self, settings: Any, tile: TileSite) -> TrainingArray:
        """Make the arrays of one tile; ``settings`` is an object of `Settings`."""
