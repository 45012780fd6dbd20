"""Pulse trains (twin of ``_core/trains.h``): here every slot's uniform number is written out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archsim._core import UPDATE_D, UPDATE_X
from archsim.analog.blocks import FloatArray
from archsim.analog.reference.philox import words
from archsim.analog.specification import UpdateParameters

__all__ = ["BlockTrains", "Piece", "pulse_trains", "train_length"]

Bits = NDArray[np.uint32]

#: Slots of a word, and of the longest train whose slots have a random word each.
WORD, FEW = 32, 8
#: Slots of one vector from which a word of its own is summed up in closed form, and up to which it shares one.
MANY, MOST_SHARED = 5, 10
#: Lines that share the counters of sixteen elements.
GROUP = 64
COUNTED = ("mean-count", "deterministic-implicit")


@dataclass(frozen=True)
class Piece:
    """The slots of one vector in one word; vectors that send no pulses are not counted."""

    word: int
    mask: np.uint32
    vector: int


@dataclass
class BlockTrains:
    """The trains of a block: bit s of a word says whether a line pulses in slot s, and a word of signs which way.

    Counted trains hold float32 numbers instead, whose products are rounded to numbers of coincidences.
    """

    inputs: int
    outputs: int
    counted: bool
    x_on: list[Bits] = field(default_factory=list)
    x_sign: list[Bits] = field(default_factory=list)
    d_on: list[Bits] = field(default_factory=list)
    d_sign: list[Bits] = field(default_factory=list)
    alike: list[bool] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    slots: int = 0
    x_pulses: int = 0
    d_pulses: int = 0
    coincidences: list[float] = field(default_factory=list)

    def add_word(self, alike: bool) -> None:
        """Begin an empty word."""
        for bits, lines in (
            (self.x_on, self.inputs),
            (self.x_sign, self.inputs),
            (self.d_on, self.outputs),
            (self.d_sign, self.outputs),
        ):
            bits.append(np.zeros(lines, np.uint32))
        self.alike.append(alike)

    def crowded(self) -> bool:
        """Return whether a walk over all cells takes less than lists of what vectors reach.

        In words of a walk, the rest of it takes as much as three of them, a listed cell as much as eight, and one that
        gets a single pulse as much as three and a half.
        """
        if self.counted:
            return True
        listed = 0.0
        for vector, coincidences in enumerate(self.coincidences):
            pairs = slots = 0
            for piece in self.pieces:
                if piece.vector == vector:
                    lines = (self.x_on[piece.word], self.d_on[piece.word])
                    pairs += math.prod(int(np.count_nonzero(on & piece.mask)) for on in lines)
                    slots += int(piece.mask).bit_count()
            listed += min(float(pairs), coincidences) * (3.5 if slots == 1 else 8.0)
        columns = np.count_nonzero(np.bitwise_or.reduce(self.d_on)) if self.d_on else 0
        return listed > (len(self.alike) + 3.0) * columns * len(self.rows())

    def rows(self) -> NDArray[np.intp]:
        """Return the input lines that a walk over all cells has to visit: those of any pulse, if they are few."""
        active = np.flatnonzero(np.bitwise_or.reduce(self.x_on)) if self.x_on and not self.counted else np.arange(0)
        few = not self.counted and 4 * len(active) <= 3 * self.inputs
        return active if few else np.arange(self.inputs)

    def meet(self, word: int) -> tuple[Bits, Bits]:
        """Return the slots in which both lines of each cell pulse, and those of them that go up, [outputs, inputs]."""
        if self.counted:
            product = self.d_on[word].view(np.float32)[:, None] * self.x_on[word].view(np.float32)[None, :]
            slots = ((np.uint64(1) << np.rint(product).astype(np.uint64)) - np.uint64(1)).astype(np.uint32)
        else:
            slots = self.d_on[word][:, None] & self.x_on[word][None, :]
        return slots, slots & (self.d_sign[word][:, None] ^ self.x_sign[word][None, :])


def train_length(
    update: UpdateParameters, granularity: float, rate: float, x_max: float, d_max: float
) -> tuple[int, float, float]:
    """Return BL and what |x| and |d| are multiplied with to become probabilities; see `archsim.analog.pulses`."""
    wanted = rate * x_max * (update.um_grad_scale * d_max) / granularity
    if not wanted > 0.0:
        return 0, 0.0, 0.0
    length = update.desired_bl
    if update.update_bl_management:
        length = int(min(math.ceil(wanted), length))
    base = math.sqrt(rate / (granularity * length))
    if not update.update_management:
        return length, base, base
    d_max = update.um_grad_scale * d_max
    if wanted > update.desired_bl:
        d_max = d_max * update.desired_bl / wanted
    ratio = math.sqrt(d_max / x_max)
    return length, base * ratio, base / ratio


def probabilities(values: FloatArray, factor: float, step: float) -> FloatArray:
    """Return |values| factor, rounded to multiples of the step if there is one."""
    p: FloatArray = np.abs(values) * np.float32(factor)
    return np.rint(p / np.float32(step)) * np.float32(step) if step > 0 else p


def line_slots(
    probability: FloatArray, length: int, shared: bool, stream: tuple[int, int, int, int]
) -> NDArray[np.bool_]:
    """Return in which slots each line pulses, [length, lines].

    It does where the slot's uniform number is below the line's probability, both compared to 31 binary digits. A single
    slot has half a word, and half another one for its last fifteen digits; a slot of a short train has a word; 32 slots
    of a long one share words, of which bit s gives the digits of slot s, the highest first. `shared`, all lines have
    the same numbers.
    """
    lines = np.arange(len(probability))
    limit = (np.minimum(probability, np.float32(1.0)).astype(np.float64) * 2.0**31).astype(np.int64)
    on = np.zeros((length, len(lines)), np.bool_)
    if length == 1:
        half, place = lines // GROUP % 2, lines % GROUP
        element = np.zeros_like(lines) if shared else lines // (2 * GROUP) * (GROUP // 4) + place % 16
        half_word = np.zeros_like(lines) if shared else place // 16
        halves = [
            words(element, *stream, draw=draw)[lines, half_word].astype(np.int64) >> 16 * half for draw in range(2)
        ]
        on[0] = ((halves[0] & 0xFFFF) << 15 | halves[1] & 0x7FFF) < limit
        return on
    if length <= FEW:
        group, place = lines // GROUP * (GROUP // 4), lines % GROUP
        for slot in range(length):
            word = words(np.zeros_like(group) if shared else group + place % 16, *stream, draw=slot)
            on[slot] = word[lines, np.zeros_like(place) if shared else place // 16] >> np.uint32(1) < limit
        return on
    for first in range(0, length, WORD):
        draws = range(first // WORD << 4, (first // WORD << 4) + 8)
        elements = np.zeros_like(lines) if shared else lines
        digits = np.concatenate([words(elements, *stream, draw=draw) for draw in draws], axis=1)
        for slot in range(first, min(first + WORD, length)):
            number = np.zeros(len(lines), np.int64)
            for digit in range(31):
                number = number << 1 | (digits[:, digit] >> np.uint32(slot - first) & 1)
            on[slot] = number < limit
    return on


def line_counts(probability: FloatArray, length: int, mean_count: bool, outputs: bool) -> tuple[FloatArray, float]:
    """Return the numbers whose products are numbers of coincidences, and the pulses of all lines."""
    most = np.float32(length)
    if mean_count:
        counts = np.rint(np.minimum(probability, most))
        return counts * (np.float32(1.0) / most if outputs else np.float32(1.0)), float(counts.astype(np.float64).sum())
    p = np.minimum(probability, np.float32(1.0))
    return p * (np.float32(1.0) if outputs else most), float(most) * float(p.astype(np.float64).sum())


def pulse_trains(
    update: UpdateParameters,
    granularity: float,
    x: FloatArray,
    d: FloatArray,
    learning_rate: float,
    *,
    key: int,
    crossbar: int,
    first_vector: int,
) -> BlockTrains:
    """Return the trains of inputs x [V, inputs] and errors d [V, outputs]."""
    trains = BlockTrains(x.shape[1], d.shape[1], update.pulse_type in COUNTED)
    if x.size == 0 or d.size == 0:
        return trains
    implicit = update.pulse_type == "deterministic-implicit"
    steps = (update.x_res_implicit, update.d_res_implicit) if implicit else (update.res, update.res)
    used = WORD
    for v in range(len(x)):
        x_max, d_max = float(np.abs(x[v]).max()), float(np.abs(d[v]).max())
        length, *factors = train_length(update, granularity, abs(learning_rate), x_max, d_max)
        if length == 0:
            continue
        trains.slots += length
        turned = d[v] if learning_rate >= 0 else -d[v]
        if trains.counted:
            factor = np.float32(length) if update.pulse_type == "mean-count" else np.float32(1.0)
            scaled = [float(np.float32(f) * factor) for f in factors]
            _add_counts(trains, update, length, x[v], turned, scaled, steps)
            continue
        if used + length > WORD or length > MOST_SHARED:
            for _ in range(-(-length // WORD)):
                trains.add_word(length >= MANY)
            used = 0
        trains.alike[-1] = trains.alike[-1] and used == 0
        _add_slots(trains, update, length, used, x[v], turned, factors, steps, (key, crossbar, first_vector + v))
        used += length if length <= MOST_SHARED else WORD
    return trains


def _add_counts(
    trains: BlockTrains,
    update: UpdateParameters,
    length: int,
    x: FloatArray,
    d: FloatArray,
    factors: list[float],
    steps: tuple[float, float],
) -> None:
    trains.add_word(alike=True)
    mean_count = update.pulse_type == "mean-count"
    numbers, x_sum = line_counts(probabilities(x, factors[0], steps[0]), length, mean_count, outputs=False)
    trains.x_on[-1] = numbers.astype(np.float32).view(np.uint32)
    numbers, d_sum = line_counts(probabilities(d, factors[1], steps[1]), length, mean_count, outputs=True)
    trains.d_on[-1] = numbers.astype(np.float32).view(np.uint32)
    for signs, values in ((trains.x_sign, x), (trains.d_sign, d)):
        signs[-1] = np.where(np.signbit(values), 0xFFFFFFFF, 0).astype(np.uint32)
    trains.pieces.append(Piece(len(trains.alike) - 1, np.uint32((1 << length) - 1), len(trains.coincidences)))
    trains.x_pulses += int(x_sum)
    trains.d_pulses += int(d_sum)
    trains.coincidences.append(int(x_sum) * int(d_sum) / length)


def _add_slots(
    trains: BlockTrains,
    update: UpdateParameters,
    length: int,
    offset: int,
    x: FloatArray,
    d: FloatArray,
    factors: list[float],
    steps: tuple[float, float],
    stream: tuple[int, int, int],
) -> None:
    key, crossbar, vector = stream
    first_word = len(trains.alike) - -(-length // WORD)
    found = []
    for values, factor, step, on, sign, purpose in (
        (x, factors[0], steps[0], trains.x_on, trains.x_sign, UPDATE_X),
        (d, factors[1], steps[1], trains.d_on, trains.d_sign, UPDATE_D),
    ):
        shared = update.pulse_type == "stochastic-reuse"
        probability = probabilities(values, factor, step)
        pulsed = line_slots(probability, length, shared, (key, crossbar, purpose, vector))
        found.append(int(pulsed.sum()))
        # groups of lines that cannot pulse keep their signs to themselves
        possible = np.zeros(len(values), np.bool_)
        for first in range(0, len(values), GROUP):
            group = slice(first, first + GROUP)
            possible[group] = (np.minimum(probability[group], 1.0) * 2.0**31 >= 1.0).any()
        for slot in range(length):
            word, bit = first_word + slot // WORD, np.uint32(1 << (offset + slot % WORD))
            on[word] |= np.where(pulsed[slot], bit, np.uint32(0))
            sign[word] |= np.where(np.signbit(values) & possible, bit, np.uint32(0))
    for first in range(0, length, WORD):
        mask = (1 << min(length - first, WORD)) - 1 << offset
        trains.pieces.append(Piece(first_word + first // WORD, np.uint32(mask), len(trains.coincidences)))
    trains.x_pulses += found[0]
    trains.d_pulses += found[1]
    trains.coincidences.append(found[0] * found[1] / length)
