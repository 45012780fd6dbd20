"""A network of recurrent cells in plain NumPy, written from the equations alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.float64]
Weights = dict[str, Block]


def sigmoid(x: Block) -> Block:
    return 1 / (1 + np.exp(-x))


def lstm(weights: Weights, name: str, x: Block) -> Block:
    """Return h at every position; the matrix of all gates meets [x, h]."""
    return lstm_from(weights, name, x, *np.zeros((2, len(x), len(weights[name]) // 4)))[0]


def lstm_from(weights: Weights, name: str, x: Block, h: Block, c: Block) -> tuple[Block, Block, Block]:
    """Return h at every position, and the state behind the last one, beginning with one."""
    found = []
    for t in range(x.shape[1]):
        gates = np.concatenate([x[:, t], h], axis=1) @ weights[name].T * weights.get(f"{name}.scale", 1.0)
        i, f, g, o = np.split(gates + weights[f"{name}.bias"], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.stack(found, axis=1), h, c


def gru(weights: Weights, x_name: str, h_name: str, x: Block) -> Block:
    """Return h at every position."""
    h = np.zeros((len(x), len(weights[x_name]) // 3))
    found = []
    for t in range(x.shape[1]):
        of_x = np.split(x[:, t] @ weights[x_name].T + weights[f"{x_name}.bias"], 3, axis=1)
        of_h = np.split(h @ weights[h_name].T + weights[f"{h_name}.bias"], 3, axis=1)
        r, z = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
        n = np.tanh(of_x[2] + r * of_h[2])
        h = (1 - z) * n + z * h
        found.append(h)
    return np.stack(found, axis=1)


def both_ways(forward: Callable[[Block], Block], reverse: Callable[[Block], Block], x: Block) -> Block:
    """Return the outputs of two cells side by side, the second one's over the reversed sequence."""
    return np.concatenate([forward(x), reverse(x[:, ::-1])[:, ::-1]], axis=2)


def linear(weights: Weights, name: str, x: Block) -> Block:
    return x @ weights[name].T + weights[f"{name}.bias"]


def cross_entropy(outputs: Block, targets: npt.NDArray[np.int64]) -> float:
    """Return the mean over samples and positions."""
    logits, right = outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1)
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(right)), right]))


def differences(loss: Callable[[Weights], float], weights: Weights, step: float = 1e-5) -> Weights:
    """Return the gradient of a loss by central differences."""
    found = {name: np.zeros_like(array) for name, array in weights.items()}
    for name, array in weights.items():
        for index in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                moved = array.copy()
                moved[index] += sign * step
                sides.append(loss(weights | {name: moved}))
            found[name][index] = (sides[0] - sides[1]) / (2 * step)
    return found
