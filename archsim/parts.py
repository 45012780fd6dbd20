"""Parts of a chip by themselves: one tile to train, one device to draw."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.analog.algorithms import TileCrossbars, TrainingArray, kind_of
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, Read
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import Device
from archsim.analog.threads import Workers
from archsim.document import load_part
from archsim.errors import InputError
from archsim.specification import Specification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Programming", "Tile", "make_tile", "plot_device"]

#: Differences between asked and held weights below this share of the largest weight are rounding.
_ROUNDING = 1e-5

#: A part as users give it: a registered name, a YAML file, plain Python values, or a specification.
Part = str | Path | Mapping[str, Any] | Specification


@dataclass(frozen=True)
class Programming:
    """What programming a tile missed.

    Attributes
    ----------
    missed : float
        Share of the weights that the cells could not take, from 0 to 1: beyond the bounds of their devices.
    largest_miss : float
        Largest difference between a weight that was asked for and the one that a read sees.
    """

    missed: float
    largest_miss: float


class Tile:
    """One tile by itself, which numbers vectors as they come; see `make_tile`.

    Random numbers of reads and updates belong to a vector's number. Forward reads, transposed reads and updates are
    numbered separately, so every call has noise of its own. A number that is given is used, and counted on from.

    Parameters
    ----------
    array : TrainingArray
        The arrays of the tile.
    """

    def __init__(self, array: TrainingArray) -> None:
        self.array = array
        self._next = {"forward": 0, "backward": 0, "update": 0, "mini-batch": 0}

    def __repr__(self) -> str:
        outputs, inputs = self.weights.shape
        return f"<Tile of {outputs} outputs and {inputs} inputs, {type(self.array).__name__}>"

    @property
    def weights(self) -> FloatArray:
        """The matrix that a forward read sees, float32 [outputs, inputs]; read-only, valid until the next change."""
        return self.array.weights

    def program(self, weights: ArrayLike) -> Programming:
        """Write a matrix [outputs, inputs], and begin anew: auxiliary arrays hold zeros, vectors count from 0.

        Returns
        -------
        Programming
            How much of the matrix the cells could not take. A `UserWarning` says so, too.

        Raises
        ------
        InputError
            If the shape is another one.
        """
        wanted = np.asarray(weights, np.float32)
        if wanted.shape != self.weights.shape:
            raise InputError(
                "a matrix of another shape", field="weights", value=wanted.shape, allowed=str(self.weights.shape)
            )
        self.array.program(wanted)
        self._next = dict.fromkeys(self._next, 0)
        miss = np.abs(self.weights - wanted)
        missed = miss > _ROUNDING * max(float(np.abs(wanted).max(initial=0.0)), 1e-30)
        found = Programming(float(missed.mean()) if missed.size else 0.0, float(miss.max(initial=0.0)))
        if found.missed:
            warnings.warn(
                f"programming clips: {100 * found.missed:.3g} % of the weights lie beyond the bounds of their cells, "
                f"the largest misses by {found.largest_miss:.3g}; scale the weights down, or widen w_min and w_max",
                stacklevel=2,
            )
        return found

    def forward(self, x: ArrayLike, first_vector: int | None = None) -> Read:
        """Read x @ W.T for x [V, inputs]; see `archsim.analog.crossbar.Crossbar.forward`."""
        return self.array.forward(x, self._number("forward", x, first_vector))

    def backward(self, d: ArrayLike, first_vector: int | None = None) -> Read:
        """Read d @ W for d [V, outputs]; see `archsim.analog.crossbar.Crossbar.backward`."""
        return self.array.backward(d, self._number("backward", d, first_vector))

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int | None = None) -> Counts:
        """Descend by learning_rate d x^T, vector after vector, for x [V, inputs] and d [V, outputs]."""
        return self.array.update(x, d, learning_rate, self._number("update", x, first_vector))

    def end_mini_batch(self) -> Counts:
        """Let a mini-batch pass for all devices: decay, diffusion, drift and reset."""
        index = self._next["mini-batch"]
        self._next["mini-batch"] = index + 1
        return self.array.end_mini_batch(index)

    def saturated(self) -> float:
        """Return the fraction of cells at a bound, over all arrays."""
        return self.array.saturated()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn, changes or was counted."""
        return self.array.state() | {"next vectors": np.array(list(self._next.values()), np.int64)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal tile, bit by bit.

        Raises
        ------
        InputError
            If names or shapes differ.
        """
        numbers = state.get("next vectors")
        if numbers is None or len(numbers) != len(self._next):
            raise InputError("not the state of a tile", field="state", allowed="what Tile.state returned")
        self.array.restore({name: array for name, array in state.items() if name != "next vectors"})
        self._next = dict(zip(self._next, map(int, numbers), strict=True))

    def _number(self, what: str, vectors: ArrayLike, given: int | None) -> int:
        first = self._next[what] if given is None else given
        self._next[what] = first + len(np.asarray(vectors))
        return first


def make_tile(
    algorithm: Part,
    device: Part,
    outputs: int,
    inputs: int,
    *,
    periphery: Periphery | None = None,
    streams: Streams | None = None,
    mini_batch: int = 1,
    workers: Workers | None = None,
) -> Tile:
    """Return one tile by itself, without a chip and a clock: to study an algorithm on a device.

    Parameters
    ----------
    algorithm, device : str, Path, mapping or specification
        A registered name, a YAML file, the settings as a mapping, or a specification. The device is that of all arrays
        for which the algorithm names none.
    outputs, inputs : int
        Size of the matrix [outputs, inputs].
    periphery : archsim.analog.Periphery, optional
        Read chains, converters and pulse trains; by default with the default non-idealities, and converters of 7 and 9
        bits.
    streams : archsim.analog.Streams, optional
        Random numbers of the first crossbar: tiles with other identities have other devices and noise.
    mini_batch : int
        Vectors of a mini-batch, for settings that count in them.
    workers : Workers, optional
        Threads that crossbars may use; by default one.

    Raises
    ------
    InputError
        If a name is not registered, or settings are wrong.
    """
    settings = cast("Specification", load_part("archsim.algorithms", algorithm))
    own = streams or Streams()
    following = own.identity

    def identify(_: int, count: int) -> int:
        nonlocal following
        first, following = following, following + count
        return first

    crossbars = TileCrossbars(
        outputs=outputs,
        inputs=inputs,
        device=cast("Device", load_part("archsim.devices", device)),
        periphery=periphery or Periphery(),
        streams=own,
        identify=identify,
        workers=workers or Workers(),
    )
    return Tile(kind_of(settings)(settings, crossbars.site(mini_batch)))


def plot_device(device: Part, name: str | None = None) -> Figure:
    """Draw what pulses do to a device: weight against pulses, and step against weight.

    Above the figure stand the number of states (w_max - w_min) / dw_min, the asymmetry and the symmetric point of the
    mean device; `archsim.analog.devices.curves.Curves` defines them.

    Parameters
    ----------
    device : str, Path, mapping or specification
        A registered name, a YAML file, the settings as a mapping, or a specification.
    name : str, optional
        What the figure calls the device; by default its name, its file's name or its kind.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it; ``figure.savefig("device.pdf")`` writes it.

    Raises
    ------
    InputError
        If there is no such device, or it has no pulses.
    """
    from archsim.analog.devices.curves import response_curves
    from archsim.report.figures import response_figure

    loaded = cast("Device", load_part("archsim.devices", device))
    curves = response_curves(loaded)
    if name is None:
        name = Path(device).stem if isinstance(device, (str, Path)) else str(getattr(loaded, "kind", "device"))
    if curves is None:
        raise InputError("this device has no pulses, so there is nothing to draw", field="device", value=name)
    return response_figure(curves, name)
