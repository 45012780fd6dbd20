"""What the operations of an array return."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from archsim.analog.blocks import FloatArray

__all__ = ["Counts", "ExpectedUpdate", "FirstWrites", "Read"]


@dataclass(slots=True)
class Read:
    """A read of a block of vectors.

    Attributes
    ----------
    values : float32 [V, lines]
        Products in the units of the inputs.
    reads : int
        Vector reads, repeats by bound management included. A vector of zeros is read like any other.
    """

    values: FloatArray
    reads: int


@dataclass(slots=True)
class Counts:
    """What updates and transfers of an array took: one record from the devices up to the accounts of a run.

    ``+`` makes a new record, ``+=`` adds to the one at hand.

    Attributes
    ----------
    vectors : int
        Outer products sent to the array; counted by who sends them.
    slots : int
        Sum of the train lengths BL over the vectors (0 for an ideal device).
    pulses : int
        Device pulses: coincidences, over all cells of all arrays.
    transfer_reads : int
        Reads of single lines of an auxiliary array.
    input_writes, output_writes : int
        Input lines and output lines whose cells were written with what was read, or from digital memory.
    devices_read, devices_written : int
        Lines that transfers read, and input lines that were written, each as often as its cells have devices that take
        part.
    transfer_slots : int
        Pulse slots that wrote what was read into another array.
    digital_operations : int
        Element operations of the near-memory unit beyond the scaling of x and d (one per element of each).
    memory_bits : int
        Bits of digital state read or written.
    """

    vectors: int = 0
    slots: int = 0
    pulses: int = 0
    transfer_reads: int = 0
    input_writes: int = 0
    output_writes: int = 0
    devices_read: int = 0
    devices_written: int = 0
    transfer_slots: int = 0
    digital_operations: int = 0
    memory_bits: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the sum, field by field."""
        total = replace(self)
        total += other
        return total

    def __iadd__(self, other: Counts) -> Counts:
        """Add to this record, and return it."""
        self.vectors += other.vectors
        self.slots += other.slots
        self.pulses += other.pulses
        # Most updates have no transfers, and each of them comes by here.
        if (
            other.transfer_reads
            or other.input_writes
            or other.output_writes
            or other.devices_read
            or other.devices_written
            or other.transfer_slots
            or other.digital_operations
            or other.memory_bits
        ):
            self.transfer_reads += other.transfer_reads
            self.input_writes += other.input_writes
            self.output_writes += other.output_writes
            self.devices_read += other.devices_read
            self.devices_written += other.devices_written
            self.transfer_slots += other.transfer_slots
            self.digital_operations += other.digital_operations
            self.memory_bits += other.memory_bits
        return self


@dataclass(frozen=True, slots=True)
class FirstWrites:
    """When the weights of a tile are first written, where gradients go elsewhere and transfers move them on.

    Attributes
    ----------
    first, last : int or None
        Vectors after which the first line can be written, and after which each line can have been; None for never.
    """

    first: int | None
    last: int | None

    def unwritten(self, vectors: int) -> float:
        """Return which share of the lines no transfer can have written after so many vectors."""
        if self.first is None or self.last is None or vectors < self.first:
            return 1.0
        if vectors >= self.last:
            return 0.0
        return (self.last - vectors) / (self.last - self.first + 1)


@dataclass(frozen=True, slots=True)
class ExpectedUpdate:
    """What updates take on average, for runs without numbers: for each vector, and once in so many vectors.

    Attributes
    ----------
    slots, transfer_reads, input_writes, output_writes, devices_read, devices_written : Fraction
        As of `Counts`, of one vector or, in `transfers` and `later`, of each time.
    transfer_slots, digital_operations, memory_bits : Fraction
        Likewise.
    outer_products : int
        1 if every outer product is sent to the array, 0 if none is.
    every : int
        It happens after so many vectors, again and again.
    transfers : tuple of ExpectedUpdate
        What transfers take, each after so many vectors: with the update that brings the last of them, or apart from it.
    later : tuple of ExpectedUpdate
        What else happens less often than with every vector: refreshes. Nothing comes later there.
    first_writes : FirstWrites or None
        When transfers write the weights; None where gradients change them at once.
    kept_numbers : int
        Numbers that stay in digital memory beside the arrays: accumulators of gradients, buffers of transfers and
        velocities.
    """

    slots: Fraction = Fraction(0)
    transfer_reads: Fraction = Fraction(0)
    input_writes: Fraction = Fraction(0)
    output_writes: Fraction = Fraction(0)
    devices_read: Fraction = Fraction(0)
    devices_written: Fraction = Fraction(0)
    transfer_slots: Fraction = Fraction(0)
    digital_operations: Fraction = Fraction(0)
    memory_bits: Fraction = Fraction(0)
    outer_products: int = 0
    every: int = 1
    transfers: tuple[ExpectedUpdate, ...] = ()
    later: tuple[ExpectedUpdate, ...] = ()
    first_writes: FirstWrites | None = None
    kept_numbers: int = 0

    @property
    def works_digitally(self) -> bool:
        """Whether it asks anything of the near-memory unit or of the buffer, its transfers apart."""
        here = bool(self.digital_operations or self.memory_bits)
        return here or any(part.works_digitally for part in self.later)

    @property
    def transfers_digitally(self) -> bool:
        """Whether its transfers do."""
        return any(part.works_digitally for part in self.transfers)
