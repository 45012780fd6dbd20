"""One array of devices between its converters: noisy reads both ways and pulsed updates in place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import BACKWARD, FORWARD, TRANSFER, kernels
from archsim.analog.blocks import (
    FloatArray,
    NotFiniteError,
    as_block,
    as_matrix,
    one_hot,
    restore_arrays,
)
from archsim.analog.devices import Site, devices_per_cell, devices_written, make_array
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.observed import Counts, Read
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.pulses import MOST_PULSES
from archsim.analog.read_chain import ReadChain
from archsim.analog.samples import Samples
from archsim.analog.specification import Device
from archsim.analog.threads import Workers
from archsim.errors import InputError

__all__ = ["Crossbar"]

#: Identities share a counter word with the upper bits of the vector's index.
IDENTITIES = 2**20


class Crossbar:
    """An array of devices whose conductances hold a matrix W of float32 [outputs, inputs].

    Vector v of a block has the index ``first_vector + v`` in the run; its random numbers belong to that index, so they
    are the same however a run is cut into blocks.

    Parameters
    ----------
    inputs, outputs : int
        Lines on the two sides.
    device : Device
        What a pulse does to a cell.
    periphery : Periphery, optional
        The circuits around them.
    streams : Streams, optional
        Its random numbers.
    workers : Workers, optional
        Threads that may share a large operation. Results do not depend on them.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        device: Device,
        periphery: Periphery | None = None,
        streams: Streams | None = None,
        workers: Workers | None = None,
    ) -> None:
        around, own = periphery or Periphery(), streams or Streams()
        if not 0 <= own.identity <= IDENTITIES - devices_per_cell(device):
            raise InputError("too many crossbars", value=own.identity, allowed=f"identities 0 to {IDENTITIES - 1}")
        if inputs * outputs > 2**32:
            raise InputError("a crossbar holds at most 2**32 cells", value=(outputs, inputs))
        self.inputs = inputs
        self.outputs = outputs
        self.device = device
        #: What separates its random numbers from those of others.
        self.identity = own.identity
        #: Of each cell: those that a read meets, and those that the trains of a write reach.
        self.devices_read, self.devices_written = devices_per_cell(device), devices_written(device)
        self.update_parameters = around.update
        self._workers = workers or Workers()
        bits = around.dac_bits, around.adc_bits
        along = partial(ReadChain, bits=bits, lines=outputs, streams=own, transposed=False, workers=self._workers)
        self._forward = along(around.io, managed=True)
        self._transfer = along(around.transfer_io or around.io, managed=False)
        self._backward = ReadChain(
            around.backward_io or around.io,
            bits,
            inputs,
            own,
            transposed=True,
            managed=False,
            workers=self._workers,
        )
        self.samples = Samples(self._forward.samples, self._backward.samples, self._transfer.samples)
        numbers = own.identity, own.device_seed, own.noise_seed
        writes = around.transfer_update or around.update
        site = Site(outputs, inputs, around.update, writes, self._transfer, *numbers, self._workers, self.samples)
        self._array = make_array(device, site)
        self._weights = self._array.weights
        self._visible = self._weights.view()
        self._visible.flags.writeable = False

    @property
    def crossbars(self) -> tuple[Crossbar, ...]:
        """This one, as of a tile that has no other."""
        return (self,)

    @property
    def granularity(self) -> float:
        """Mean weight change of one pulse at weight zero; 0 where there are no pulses."""
        return self._array.granularity

    @property
    def weights(self) -> FloatArray:
        """What a read sees: float32 [outputs, inputs], a read-only view that follows the array."""
        return self._visible

    @property
    def pulsed(self) -> PulsedArray | None:
        """Its array where each weight is a single pulsed cell, for loops of the core; None otherwise."""
        return self._array if isinstance(self._array, PulsedArray) else None

    @property
    def threads(self) -> int:
        """How many threads may share an operation."""
        return self._workers.threads

    @property
    def transfers(self) -> ReadChain:
        """The chain of `transfer`."""
        return self._transfer

    def program(self, weights: ArrayLike) -> None:
        """Write a matrix exactly, clipped to each cell's bounds."""
        matrix = as_matrix(weights, self.outputs, self.inputs)
        if not kernels.all_finite(matrix):
            raise NotFiniteError("weights")
        self._array.program(matrix)

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Read y = x @ W.T through the forward chain.

        Parameters
        ----------
        x : float32 [V, inputs]
            Block of input vectors.
        first_vector : int
            Index of the first of them in the run.
        purpose : int
            ``FORWARD``, or ``EVALUATE`` for a read that must not disturb the noise of training.
        weights : float32 [outputs, inputs], optional
            A snapshot to read instead of the array's own weights.

        Returns
        -------
        Read
            Values [V, outputs].
        """
        block = as_block(x, self.inputs, "x")
        matrix = self._weights if weights is None else as_matrix(weights, self.outputs, self.inputs)
        return self._forward.read(matrix, block, purpose, first_vector)

    def backward(self, d: ArrayLike, first_vector: int, *, weights: FloatArray | None = None) -> Read:
        """Read g = d @ W, the transposed product, through the backward chain.

        Parameters
        ----------
        d : float32 [V, outputs]
            Block of error vectors.
        first_vector : int
            Index of the first of them in the run.
        weights : float32 [outputs, inputs], optional
            Another matrix to read instead of the array's own weights.

        Returns
        -------
        Read
            Values [V, inputs].
        """
        matrix = self._weights if weights is None else as_matrix(weights, self.outputs, self.inputs)
        return self._backward.read(matrix, as_block(d, self.outputs, "d"), BACKWARD, first_vector)

    def transfer(self, x: ArrayLike, first_vector: int) -> Read:
        """Read y = x @ W.T through the chain for transfers, as `forward` does otherwise.

        Where no vector has more than one line that is not zero, this costs what the lines cost, not what the cells do.
        """
        return self._transfer.read(self._weights, as_block(x, self.inputs, "x"), TRANSFER, first_vector)

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Make W <- W - learning_rate d x^T on the devices, one vector after the other.

        Parameters
        ----------
        x : float32 [V, inputs]
            Inputs at the time of the forward read.
        d : float32 [V, outputs]
            Errors.
        learning_rate : float
            Negative values turn the sign.
        first_vector : int
            Index of the first vector in the run.

        Raises
        ------
        InputError
            If shapes do not fit or a number is not finite; the weights are then unchanged.
        """
        x_block, d_block = self._both(x, d)
        return self._array.update(x_block, d_block, learning_rate, first_vector)

    def update_and_transfer(
        self,
        x: ArrayLike,
        d: ArrayLike,
        learning_rate: float,
        first_vector: int,
        first_line: int,
        vectors: Sequence[int],
        first_read: int,
    ) -> tuple[Counts, Read]:
        """Update, and read consecutive input lines meanwhile, each as it is when its vector has been applied.

        Parameters
        ----------
        x, d, learning_rate, first_vector
            As of `update`.
        first_line : int
            The first line to be read.
        vectors : sequence of int
            After how many vectors of the block each line is read, from the first one on; ascending.
        first_read : int
            Index of the first of these reads; see `transfer`.

        Returns
        -------
        Counts, Read
            What the update took, and values [len(vectors), outputs].
        """
        x_block, d_block = self._both(x, d)
        count = len(vectors)
        if not 0 <= first_line <= first_line + count <= self.inputs:
            raise InputError("there is no such input line", value=first_line, allowed=f"0 to {self.inputs - count}")
        if not count:
            return self._array.update(x_block, d_block, learning_rate, first_vector), Read(
                np.empty((0, self.outputs), np.float32), 0
            )
        hot = one_hot(first_line, count, self.inputs)
        array = self._array
        if isinstance(array, PulsedArray) and self.update_parameters.pulse_type != "none-with-device":
            stops = np.arange(first_line, first_line + count, dtype=np.int32), np.array(vectors, np.int32)
            work = array.update_until(x_block, d_block, learning_rate, first_vector, *stops)
            read = self.transfer(hot, first_read)
            work.pulses += array.update_rest(first_vector)
            return work, read
        work, reads, begin = Counts(), [], 0
        for number, end in enumerate((*vectors, len(x_block))):
            if end > begin:
                part = slice(begin, end)
                work += array.update(x_block[part], d_block[part], learning_rate, first_vector + begin)
            if number < count:
                reads.append(self.transfer(hot[number : number + 1], first_read + number))
            begin = end
        return work, Read(np.concatenate([read.values for read in reads]), sum(read.reads for read in reads))

    def write(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Do as `update` does, with the pulse trains of transfers and random numbers of their own."""
        x_block, d_block = self._both(x, d)
        return self._array.write(x_block, d_block, learning_rate, first_vector)

    def pulse(self, rows: ArrayLike, counts: ArrayLike, first_vector: int) -> Counts:
        """Send exact numbers of pulses to the cells of single input lines, one line after the other.

        Parameters
        ----------
        rows : int [V]
            The input line of each write.
        counts : int [V, outputs]
            Pulses for each cell on it, at most 31; positive ones go up, negative ones down.
        first_vector : int
            Index of the first write in the run.

        Returns
        -------
        Counts
            ``slots`` is the sum over the writes of the largest count.
        """
        lines = np.ascontiguousarray(rows, dtype=np.int32)
        numbers = np.ascontiguousarray(counts, dtype=np.int32)
        if lines.ndim != 1 or numbers.shape != (len(lines), self.outputs):
            raise InputError("counts has the wrong shape", value=numbers.shape, allowed=f"[writes, {self.outputs}]")
        if len(lines) and not 0 <= lines.min() <= lines.max() < self.inputs:
            raise InputError("there is no such input line", value=lines.tolist(), allowed=f"0 to {self.inputs - 1}")
        if numbers.size and np.abs(numbers).max() > MOST_PULSES:
            raise InputError("too many pulses for one cell", value=int(np.abs(numbers).max()), allowed="at most 31")
        return self._array.pulse(lines, numbers, first_vector)

    def end_mini_batch(self, index: int) -> Counts:
        """Let what happens to cells between mini-batches happen: diffusion, decay, drift, and what cells do about it.

        Parameters
        ----------
        index : int
            Which mini-batch of the run has ended.

        Returns
        -------
        Counts
            Reads, slots and pulses that this took; nothing for most devices.
        """
        return self._array.age(index)

    def saturated(self) -> float:
        """Return the fraction of cells whose weight stands at a bound."""
        return self._array.saturated()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn or changes."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal crossbar."""
        restore_arrays(self._arrays(), state)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = dict(self._array.arrays())
        chains = {"forward": self._forward, "backward": self._backward, "transfer": self._transfer}
        for kind, chain in chains.items():
            arrays.update({f"{kind}_{name}": array for name, array in chain.arrays().items()})
        return arrays

    def _both(self, x: ArrayLike, d: ArrayLike) -> tuple[FloatArray, FloatArray]:
        x_block = as_block(x, self.inputs, "x")
        d_block = as_block(d, self.outputs, "d")
        if len(x_block) != len(d_block):
            raise InputError("x and d must hold the same number of vectors", value=(len(x_block), len(d_block)))
        return x_block, d_block
