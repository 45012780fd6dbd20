"""Hardware-aware training: exact updates of weights that are read with the noise of inference."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import FORWARD, kernels
from archsim.analog.algorithms.momentum import Momentum, expected_steps, velocities
from archsim.analog.algorithms.protocol import DIGITAL_ACCUMULATOR, TileOutline, TileSite
from archsim.analog.algorithms.without_transfers import WithoutTransfers
from archsim.analog.blocks import FloatArray, NotFiniteError, as_block, restore_arrays
from archsim.analog.crossbar import Crossbar
from archsim.analog.inference.draws import Draws
from archsim.analog.inference.mapping import PairMapping
from archsim.analog.inference.modifiers import clip_weights, modify_weights
from archsim.analog.observed import Counts, ExpectedUpdate, Read
from archsim.analog.specification import Ideal
from archsim.analog.specification.hardware_aware import HardwareAwareSettings
from archsim.errors import InputError

__all__ = ["HardwareAware"]

#: A float32 read and written.
UPDATE_BITS = 64


class HardwareAware(WithoutTransfers):
    """Gradient descent in digital precision through noisy reads (Rasch et al. 2023, doi:10.1038/s41467-023-40770-4).

    Reads forward and transposed pass the chip's converters and see modified weights, drawn anew for every mini-batch;
    the update W <- W - lr d x^T goes to the clean weights, which are clipped at the end of each mini-batch. With
    ``weight_scaling_omega`` > 0 the read chain sees W / s and outputs are multiplied by s = max|w| / omega, of the
    array or of each output line, at any time: what aihwkit reaches by remapping after each mini-batch. Snapshots that
    are given to `forward` are not modified, so evaluations meanwhile see the clean weights.

    Parameters
    ----------
    settings, tile
        See `archsim.analog.algorithms.protocol.AlgorithmKind`.
    """

    Settings = HardwareAwareSettings
    exact_reads = False

    def __init__(self, settings: HardwareAwareSettings, tile: TileSite) -> None:
        self._settings = settings
        self._crossbar = tile.make_crossbar(0, Ideal())
        self._outputs, self._inputs = tile.outputs, tile.inputs
        self._draws = Draws(tile.outputs, tile.inputs, seed=tile.seed, identity=tile.identity)
        self._mini_batch = tile.mini_batch
        self._vectors = np.zeros(1, np.int64)
        self._momentum = Momentum.wanted(settings, (tile.outputs, tile.inputs), tile.mini_batch)
        self._seen: tuple[FloatArray, FloatArray | None] | None = None

    @staticmethod
    def accumulator(settings: HardwareAwareSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return DIGITAL_ACCUMULATOR if velocities(settings) else None

    @staticmethod
    def arrays(settings: HardwareAwareSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 1

    @staticmethod
    def expected(settings: HardwareAwareSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes: two operations for each weight, clipping and modifying, and no pulses."""
        cells = tile.outputs * tile.inputs
        finishing = Fraction(_finishing_operations(settings) * cells)
        finish = ExpectedUpdate(digital_operations=finishing, every=tile.mini_batch)
        steps = expected_steps(settings, cells, tile.mini_batch)
        return ExpectedUpdate(
            digital_operations=Fraction(2 * cells),
            memory_bits=Fraction(UPDATE_BITS * cells),
            later=(finish, *steps),
            kept_numbers=cells * velocities(settings),
        )

    @property
    def crossbar(self) -> Crossbar:
        """The crossbar whose converters read."""
        return self._crossbar

    @property
    def crossbars(self) -> tuple[Crossbar, ...]:
        """The same in a tuple."""
        return (self._crossbar,)

    @property
    def weights(self) -> FloatArray:
        """The clean matrix; read-only."""
        return self._crossbar.weights

    def pair_mapping(self, g_min: float, g_max: float, *, columnwise: bool = False) -> PairMapping:
        """Return the mapping to conductances under which the read chain sees what it saw in training.

        ``columnwise`` has a say only where training did not scale weights: see `PairMapping.columnwise`.
        """
        omega = self._settings.weight_scaling_omega
        if not omega:
            make = PairMapping.columnwise if columnwise else PairMapping.common
            return make(self.weights, g_min, g_max)
        if self._settings.columnwise:
            return PairMapping.columnwise(self.weights, g_min, g_max, omega)
        return PairMapping(g_min, g_max, PairMapping.common(self.weights, g_min, g_max).ranges, omega)

    def set_output_scale(self, scale: FloatArray) -> None:
        """Learn of a mapping scale, which changes nothing: steps are in proportion to errors."""

    def program(self, weights: ArrayLike) -> None:
        """Write a matrix exactly, and begin anew."""
        self._crossbar.program(weights)
        for array in self._digital().values():
            array[...] = 0
        self._seen = None

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Read x @ W.T with the modified weights of this mini-batch, or with a snapshot; see `Crossbar.forward`."""
        seen, scale = self._modified() if weights is None else self._mapped(weights)
        read = self._crossbar.forward(x, first_vector, purpose=purpose, weights=seen)
        return read if scale is None else Read(read.values * scale, read.reads)

    def backward(self, d: ArrayLike, first_vector: int, *, weights: FloatArray | None = None) -> Read:
        """Read d @ W with the modified weights of this mini-batch; see `Crossbar.backward`."""
        if weights is not None:
            raise InputError(
                "hardware-aware training modifies weights anew for each mini-batch and keeps no copies of them",
                field="schedule.kind",
                remedy="take a schedule without copies of weights, such as asynchronous",
            )
        seen, scale = self._modified()
        errors = d if scale is None else np.asarray(d, np.float32) * scale
        return self._crossbar.backward(errors, first_vector, weights=seen)

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Make W <- W - learning_rate d x^T on the clean weights; see `Crossbar.update`.

        Two operations for each weight and vector, and one for each weight that is clipped or modified at the end of a
        mini-batch.
        """
        inputs, errors = self._checked(x, d, learning_rate)
        cells = self._inputs * self._outputs
        work = Counts(digital_operations=2 * cells * len(inputs), memory_bits=UPDATE_BITS * cells * len(inputs))
        begin = 0
        while begin < len(inputs):
            end = min(len(inputs), begin + self._mini_batch - int(self._vectors[0]) % self._mini_batch)
            work += self._descend(inputs[begin:end], errors[begin:end], learning_rate, first_vector + begin)
            self._vectors += end - begin
            if int(self._vectors[0]) % self._mini_batch == 0:
                self._finish()
                work.digital_operations += cells * _finishing_operations(self._settings)
            self._seen = None
            begin = end
        return work

    def expect_late(self, steps: float) -> None:
        """Lower the momentum behind the next step, if there is one; see `HoldsVelocity`."""
        if self._momentum is not None:
            self._momentum.late = steps

    def _descend(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Change the clean weights by a block that ends with its mini-batch at the latest; return what steps take."""
        work = Counts()
        if self._momentum is None:
            self._crossbar.update(x, d, learning_rate, first_vector)
            return work
        for _ in self._momentum.add(x, d):
            change, done = self._momentum.step(self.weights, learning_rate)
            self._crossbar.program(self.weights + change)
            work += done
        return work

    def end_mini_batch(self, index: int) -> Counts:
        """Let a mini-batch pass: nothing happens to digital weights; see `Crossbar.end_mini_batch`."""
        return self._crossbar.end_mini_batch(index)

    def saturated(self) -> float:
        """Return 0: the weights are digital."""
        return 0.0

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that changes."""
        return {**self._crossbar.state(), **{name: array.copy() for name, array in self._digital().items()}}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal array."""
        crossbar = self._crossbar.state()
        restore_arrays({**crossbar, **self._digital()}, state)
        self._crossbar.restore({name: state[name] for name in crossbar})
        self._seen = None

    def _digital(self) -> dict[str, NDArray[Any]]:
        return {"vectors": self._vectors, **({} if self._momentum is None else self._momentum.arrays())}

    def _checked(self, x: ArrayLike, d: ArrayLike, learning_rate: float) -> tuple[FloatArray, FloatArray]:
        inputs, errors = as_block(x, self._inputs, "x"), as_block(d, self._outputs, "d")
        if len(inputs) != len(errors):
            raise InputError("x and d must hold the same number of vectors", value=(len(inputs), len(errors)))
        if not (math.isfinite(learning_rate) and kernels.all_finite(inputs) and kernels.all_finite(errors)):
            raise NotFiniteError("x, d or the learning rate of an update")
        return inputs, errors

    def _finish(self) -> None:
        """End a mini-batch."""
        if self._settings.clip is not None:
            self._crossbar.program(clip_weights(self.weights, self._settings.clip))

    def _modified(self) -> tuple[FloatArray, FloatArray | None]:
        """Return what the reads of this mini-batch see, and the digital scale of the outputs."""
        if self._seen is None:
            matrix, scale = self._mapped(self.weights)
            if self._settings.modifier is not None:
                number = int(self._vectors[0]) // self._mini_batch
                matrix = modify_weights(matrix, self._settings.modifier, self._draws, number)
            self._seen = matrix, scale
        return self._seen

    def _mapped(self, weights: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        omega = self._settings.weight_scaling_omega
        if not omega:
            return weights, None
        magnitudes = np.abs(weights)
        largest = magnitudes.max(axis=1) if self._settings.columnwise else np.repeat(magnitudes.max(), len(weights))
        scale = (np.where(largest > 0, largest, omega) / omega).astype(np.float32)
        return np.ascontiguousarray(weights / scale[:, None]), scale


def _finishing_operations(settings: HardwareAwareSettings) -> int:
    """Return the operations for each weight at the end of a mini-batch: to clip it, and to modify it for the next."""
    return (settings.clip is not None) + (settings.modifier is not None)
