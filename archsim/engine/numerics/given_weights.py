"""Weights from elsewhere: read from a file, checked against the network, and written into its arrays.

The keys are those of a run's ``weights.npz``: MATRIX for a matrix [outputs, inputs], ``MATRIX.bias`` and
``MATRIX.scale`` for its digital biases and output scales [outputs]: scale * (W x) + bias. A matrix has the name of its
layer, or ``LAYER.0``, ``LAYER.1``, ... where the layer holds several. Parameters of a digital layer are ``LAYER.NAME``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.data.npz import read_arrays
from archsim.engine.numerics.initial import mapping_scale
from archsim.errors import InputError, InputErrors, Place, did_you_mean
from archsim.files import digest_of
from archsim.network.graph import Graph, Matrix
from archsim.network.specification import WeightScaling
from archsim.network.stationary import StationaryMatrix

__all__ = ["GivenWeights", "LayerFit", "fit_warnings", "load_weights", "write_weights"]

FIELD = "network.weights"
#: The file in the folder of a run.
RUN_FILE = "weights.npz"
#: Deviation in parts of the largest |weight| that is rounding, not clipping.
ROUNDING = 1e-5
#: Share of clipped weights, and largest miss in parts of the largest |weight|, from which a run says so.
MANY, FAR = 1e-3, 0.1

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class GivenWeights:
    """Weights that fit a network.

    Attributes
    ----------
    file : str
        Where they come from.
    sha256 : str
        Digest of that file.
    arrays : mapping of str to float32 array
        By MATRIX, ``MATRIX.bias``, ``MATRIX.scale`` and ``LAYER.PARAMETER``.
    """

    file: str
    sha256: str
    arrays: Mapping[str, NDArray[np.float32]]

    def record(self, fits: Mapping[str, LayerFit]) -> dict[str, object]:
        """Return what ``run.json`` tells of them."""
        layers = {name: asdict(fit) for name, fit in fits.items()}
        return {"file": self.file, "sha256": self.sha256, "layers": layers}


@dataclass(frozen=True)
class LayerFit:
    """How well the cells of a matrix hold what was given.

    Attributes
    ----------
    weights, clipped : int
        Weights of the matrix, and those of them that lie beyond what their cells can hold.
    largest_weight, largest_miss : float
        Largest |weight|, and largest |given - held|, digital scales included.
    """

    weights: int
    clipped: int
    largest_weight: float
    largest_miss: float


def load_weights(path: str, graph: Graph) -> GivenWeights:
    """Read the weights of a network.

    Parameters
    ----------
    path : str
        An ``.npz`` file, or the folder of a run.
    graph : Graph
        The network.

    Raises
    ------
    InputError
        If the file cannot be read, or its arrays are not exactly those that the network needs; `InputErrors` names all
        that is wrong.
    """
    file = Path(path)
    if file.is_dir():
        file /= RUN_FILE
    if not file.is_file():
        raise InputError(
            "there is no such file of weights",
            field=FIELD,
            value=str(file),
            allowed="an .npz file, or the folder of a run that has results",
        )
    try:
        found = read_arrays(file)
        digest = digest_of(file)
    except InputError as error:
        raise InputError(error.problem, field=FIELD, allowed=error.allowed, place=error.place) from error
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", field=FIELD, value=str(file)) from error
    mistakes = list(_mistakes(found, graph, Place(str(file))))
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else InputErrors(mistakes)
    return GivenWeights(str(file), digest, {name: array.astype(np.float32) for name, array in found.items()})


def write_weights(holder: StationaryMatrix, matrix: Matrix, arrays: Arrays) -> LayerFit:
    """Write given weights into a matrix, as programming does, and say what it holds of them.

    A given scale is taken where the layer has a digital scale, and multiplied into the weights where it has none. Where
    ``weight_scaling_omega`` asks for a scale and none is given that is positive, it is made of the weights, as it is
    for initial ones.
    """
    name = matrix.name
    weights = np.asarray(arrays[name], np.float32)
    scale = arrays.get(f"{name}.scale")
    if holder.affine.bias is not None:
        holder.affine.begin(holder.affine.scale, np.array(arrays[f"{name}.bias"], np.float32))
    scaling = matrix.settings.scaling or WeightScaling()
    if scaling.weight_scaling_omega > 0:
        if scale is None or not (scale > 0).all():
            weights = weights if scale is None else scale[:, None] * weights
            scale = mapping_scale(weights, scaling)
            weights = weights / scale[:, None]
        holder.map_weights(np.array(scale, np.float32))
    elif scaling.learn_out_scaling and scale is not None:
        holder.affine.begin(np.array(scale, np.float32), holder.affine.bias)
    elif scale is not None:
        weights = scale[:, None] * weights
    holder.program(weights)
    return _fit(weights, holder)


def fit_warnings(fits: Mapping[str, LayerFit]) -> Iterator[str]:
    """Yield a warning for every layer whose cells hold something else than was given."""
    for layer, fit in fits.items():
        if fit.clipped > MANY * fit.weights or fit.largest_miss > FAR * fit.largest_weight:
            yield (
                f"layer '{layer}': {fit.clipped / fit.weights:.2%} of the given weights were clipped to what the "
                f"device holds; the largest miss is {fit.largest_miss:.3g}, the largest given |weight| "
                f"{fit.largest_weight:.3g}: set network.layers.*.scaling.weight_scaling_omega within the device's "
                "bounds, or choose a device with wider ones"
            )


def _fit(weights: NDArray[np.float32], matrix: StationaryMatrix) -> LayerFit:
    factor = 1.0 if matrix.affine.scale is None else np.abs(matrix.affine.scale)[:, None]
    missed = np.abs(matrix.weights.astype(np.float64) - weights)
    largest = float(np.abs(weights).max(initial=0.0))
    return LayerFit(
        weights=weights.size,
        clipped=int(np.count_nonzero(missed > ROUNDING * largest)),
        largest_weight=float((np.abs(weights) * factor).max(initial=0.0)),
        largest_miss=float((missed * factor).max(initial=0.0)),
    )


def _mistakes(found: Arrays, graph: Graph, place: Place) -> Iterator[InputError]:
    """Yield what keeps arrays from being the weights of a network."""
    needed: dict[str, tuple[int, ...]] = {}
    optional: dict[str, tuple[int, ...]] = {}
    for matrix in graph.matrices:
        needed[matrix.name] = (matrix.outputs, matrix.inputs)
        if matrix.settings.bias:
            needed[f"{matrix.name}.bias"] = (matrix.outputs,)
        optional[f"{matrix.name}.scale"] = (matrix.outputs,)
    needed |= {name: parameter.shape for name, parameter in graph.parameters.items()}
    missing = [name for name in needed if name not in found]
    if missing:
        only_biases = all(name.endswith(".bias") for name in missing)
        yield InputError(
            f"the file has no {_listed(missing)}",
            field=FIELD,
            allowed=f"arrays {_listed(needed)}",
            remedy="write zeros for biases that there are not" if only_biases else None,
            place=place,
        )
    known = needed | optional
    for name, array in found.items():
        if name not in known:
            close = did_you_mean(name, missing)
            yield InputError(
                f"the network has no place for the array '{name}'",
                field=FIELD,
                allowed=_listed(known),
                remedy=f"did you mean '{close}'?" if close else "leave it out of the file",
                place=place,
            )
        else:
            yield from _wrong_array(name, array, known[name], place)


def _wrong_array(name: str, array: NDArray[Any], shape: tuple[int, ...], place: Place) -> Iterator[InputError]:
    if array.shape != shape:
        turned = array.shape == shape[::-1]
        yield InputError(
            f"the array '{name}' has another shape than the layer",
            field=FIELD,
            value=list(array.shape),
            allowed=f"{list(shape)}, outputs first",
            remedy="transpose it" if turned else None,
            place=place,
        )
    else:
        with np.errstate(over="ignore"):  # What float32 cannot hold is infinite.
            finite = bool(np.isfinite(array.astype(np.float32)).all())
        if not finite:
            yield InputError(
                f"the array '{name}' holds a number that is not finite as a 32-bit one", field=FIELD, place=place
            )


def _listed(names: Mapping[str, object] | list[str]) -> str:
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")
