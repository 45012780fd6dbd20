"""What a simple model makes of the same samples: a bar that a network has to pass.

A baseline is fitted to the training samples of a data set as they reach the network, and scored on its test samples. Of
several strengths of its regularisation the one that does best on the test samples is taken, so that the bar is as high
as the model allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from archsim import DataSet

__all__ = ["cross_entropy", "logistic_regression"]

Array = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]

#: Strengths l of the penalty l |W|^2 / 2 on the mean cross-entropy, the strongest first.
PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
#: L-BFGS stops here if it has not converged.
ITERATIONS = 300


def logistic_regression(data: DataSet, penalties: Sequence[float] = PENALTIES) -> list[dict[str, object]]:
    """Return a row for each penalty: multinomial logistic regression from all values of a sample to its class.

    Each fit starts from the one before (L-BFGS, deterministic). After two in a row that are worse on the test samples
    than the best one, weaker penalties are not tried.
    """
    parts = [(data.train_inputs, data.train_targets), (data.test_inputs, data.test_targets)]
    (x, y), test = [(inputs.reshape(len(inputs), -1).astype(np.float32), classes) for inputs, classes in parts]
    weights = np.zeros((x.shape[1] + 1, data.classes))
    rows: list[dict[str, Any]] = []
    for penalty in penalties:
        if len(rows) > 2 and all(row["test"] < max(r["test"] for r in rows) for row in rows[-2:]):
            break
        weights = _fit(weights, x, y, penalty)
        rows.append(
            {
                "model": "logistic regression",
                "setting": f"penalty {penalty}",
                "train": round(_accuracy(weights, x, y), 2),
                "test": (found := round(_accuracy(weights, *test), 2)),
                "accuracy": found,
            }
        )
    return rows


def _fit(begin: Array, x: Samples, y: Classes, penalty: float) -> Array:
    def value_and_gradient(flat: Array) -> tuple[float, Array]:
        return cross_entropy(flat.reshape(begin.shape), x, y, penalty)

    method: dict[str, Any] = {"method": "L-BFGS-B", "options": {"maxiter": ITERATIONS}}
    with threadpool_limits(1):  # one thread: products are small, and the rows are the same everywhere
        return minimize(value_and_gradient, begin.ravel(), jac=True, **method).x.reshape(begin.shape)


def cross_entropy(weights: Array, x: Samples, y: Classes, penalty: float) -> tuple[float, Array]:
    """Return the penalised mean cross-entropy of linear scores and its flat gradient.

    Parameters
    ----------
    weights : ndarray, shape (values + 1, classes)
        Weights; the last row holds the biases, which are not penalised.
    x, y : ndarray, shapes (samples, values) and (samples,)
        Samples and their classes.
    penalty : float
        Factor of half the squared norm of the weights.
    """
    slopes, samples = weights[:-1], np.arange(len(x))
    scores = _scores(weights, x)
    scores -= scores.max(axis=1, keepdims=True)
    shares = np.exp(scores)
    total = shares.sum(axis=1, keepdims=True)
    value = float(np.mean(np.log(total[:, 0]) - scores[samples, y]))
    errors = shares / total
    errors[samples, y] -= 1
    errors /= len(x)
    gradient = np.vstack([x.T @ errors.astype(x.dtype) + penalty * slopes, errors.sum(axis=0)])
    return value + penalty / 2 * float(np.sum(slopes**2)), gradient.ravel()


def _scores(weights: Array, x: Samples) -> Array:
    # Products in the precision of the samples take half the time, and L-BFGS does not feel it.
    return (x @ weights[:-1].astype(x.dtype)).astype(np.float64) + weights[-1]


def _accuracy(weights: Array, x: Samples, y: Classes) -> float:
    return 100 * float(np.mean(np.argmax(_scores(weights, x), axis=1) == y))
