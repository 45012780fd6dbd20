"""How curved the loss of the residual perceptron is, and how large a step a pipeline without flush bears on it.

Plain NumPy on trained weights: nothing of archsim computes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["gradients", "largest_eigenvalue", "largest_step", "scalar_limit"]

Array = npt.NDArray[np.float64]
#: Length of a step in weights over which gradients are compared.
DIFFERENCE = 1e-4


def gradients(weights: Mapping[str, Array], x: Array, y: npt.NDArray[np.int64], blocks: int) -> dict[str, Array]:
    """Return the gradients of the mean cross-entropy of W_n h_(n-1).

    That is behind h_1 = tanh(W_1 x) and h_k = h_(k-1) + tanh(W_k h_(k-1)), with a bias at each matrix.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Matrices ``block1`` to ``block<n>`` of shape (outputs, inputs), and their biases ``block<k>.bias``.
    x : ndarray
        Inputs of shape (samples, features).
    y : ndarray
        Classes of shape (samples,).
    blocks : int
        The number n of matrices.
    """

    def linear(k: int, values: Array) -> Array:
        return values @ weights[f"block{k}"].T + weights[f"block{k}.bias"]

    inputs, slopes, hidden = [x], [], np.tanh(linear(1, x))
    slopes.append(1 - hidden**2)
    for k in range(2, blocks):
        inputs.append(hidden)
        branch = np.tanh(linear(k, hidden))
        slopes.append(1 - branch**2)
        hidden = hidden + branch
    inputs.append(hidden)
    logits = linear(blocks, hidden)
    errors = np.exp(logits - logits.max(axis=1, keepdims=True))
    errors /= errors.sum(axis=1, keepdims=True)
    errors[np.arange(len(y)), y] -= 1
    errors /= len(y)
    found = {f"block{blocks}": errors.T @ inputs[-1], f"block{blocks}.bias": errors.sum(axis=0)}
    stream = errors @ weights[f"block{blocks}"]
    for k in range(blocks - 1, 0, -1):
        errors = stream * slopes[k - 1]
        found[f"block{k}"], found[f"block{k}.bias"] = errors.T @ inputs[k - 1], errors.sum(axis=0)
        if k > 1:
            stream = stream + errors @ weights[f"block{k}"]
    return found


def largest_eigenvalue(
    weights: Mapping[str, Array], x: Array, y: npt.NDArray[np.int64], blocks: int, steps: int = 60
) -> tuple[float, list[float]]:
    """Return the eigenvalue of the Hessian that is largest in magnitude, and the share of each block in its vector.

    By power iteration; the Hessian's product with a vector is a central difference of gradients.

    Parameters
    ----------
    weights, x, y, blocks
        As `gradients` takes them.
    steps : int
        Most iterations; fewer where the eigenvalue no longer changes by a thousandth.
    """
    random = np.random.default_rng(1)
    vector = {name: random.standard_normal(w.shape) for name, w in weights.items()}
    value = 0.0
    for _ in range(steps):
        length = np.sqrt(sum(float(np.sum(v**2)) for v in vector.values()))
        vector = {name: v / length for name, v in vector.items()}
        ahead = gradients({name: weights[name] + DIFFERENCE * v for name, v in vector.items()}, x, y, blocks)
        behind = gradients({name: weights[name] - DIFFERENCE * v for name, v in vector.items()}, x, y, blocks)
        product = {name: (ahead[name] - behind[name]) / (2 * DIFFERENCE) for name in vector}
        before, value = value, sum(float(np.sum(vector[name] * product[name])) for name in vector)
        if abs(value - before) <= 1e-3 * abs(value):
            break
        vector = product
    length = sum(float(np.sum(v**2)) for v in vector.values())
    shares = [
        sum(float(np.sum(vector[name] ** 2)) for name in (f"block{k}", f"block{k}.bias")) / length
        for k in range(1, blocks + 1)
    ]
    return value, shares


def scalar_limit(delay: int) -> float:
    """Return the largest stable alpha lambda of gradient descent on a quadratic, w' = w - alpha lambda w_delayed."""
    return float(2 * np.sin(np.pi / (4 * delay + 2)))


def largest_step(shares: Sequence[float]) -> float:
    """Return the largest stable alpha lambda where each stage has a delay, and a part of the eigenvector, of its own.

    Along an eigenvector v of a Hessian lambda v v^T, stage s updates with a gradient that saw stage t as it was
    M - 1 - t updates before, so that z - 1 = -alpha lambda sum_t p_t z^-(M - 1 - t) with the shares p_t = |v_t|^2.
    With p = 1 at the first stage that is `scalar_limit` of M - 1, with p = 1 at the last one 2.

    Parameters
    ----------
    shares : sequence of float
        p_t of each stage, the first stage first; their sum is 1.
    """
    delay = len(shares) - 1
    kept = np.zeros(delay + 2)
    kept[0], kept[1] = 1, -1
    # Times z^delay, stage t stands with z^t.
    late = np.concatenate([[0], np.asarray(shares)[::-1]])

    def stable(step: float) -> bool:
        return bool(np.abs(np.roots(kept + step * late)).max() <= 1 + 1e-12)

    # The least step that is not stable, on a grid first: stability may come back beyond it.
    grid = np.geomspace(0.01, 100, 300)
    above = next(index for index, step in enumerate(grid) if not stable(step))
    low, high = float(grid[max(above - 1, 0)]), float(grid[above])
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if stable(middle) else (low, middle)
    return low
