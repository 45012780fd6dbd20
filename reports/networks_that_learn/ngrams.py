"""What the frequencies of characters, pairs and triples of them make of the same text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from archsim import DataSet

__all__ = ["MODELS", "accuracy", "ngrams", "perplexity", "shares"]

Numbers = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]

#: Models by the number of characters that one is told from.
MODELS = ("unigram", "bigram", "trigram")
#: What each count loses to the model of fewer characters; it does best somewhere in between.
DISCOUNTS = (0.1, 0.3, 0.5, 0.7, 0.9)


def ngrams(data: DataSet, discounts: Sequence[float] = DISCOUNTS) -> list[dict[str, object]]:
    """Return a row for each model with its best discount: perplexities of both parts, and the test accuracy.

    Windows of a text follow each other, so they are read as the text that they were cut from: a model knows what came
    before a window, which a network that begins each one without memory does not.
    """
    train, test = _text(data.train_inputs, data.train_targets), _text(data.test_inputs, data.test_targets)
    rows: list[dict[str, object]] = []
    for order, model in enumerate(MODELS):
        found = {discount: shares(train, order, data.classes, discount) for discount in discounts}
        discount = min(found, key=lambda d: perplexity(found[d], test, order))
        rows.append(
            {
                "model": model,
                "setting": f"discount {discount}",
                "train": round(perplexity(found[discount], train, order), 2),
                "test": round(perplexity(found[discount], test, order), 2),
                "accuracy": round(accuracy(found[discount], test, order), 2),
            }
        )
    return rows


def shares(text: Numbers, order: int, classes: int, discount: float) -> Array:
    """Return the probability of each character after each context of so many, the last axis being the characters.

    Absolute discounting, interpolated (Ney, Essen & Kneser 1994, doi:10.1006/csla.1994.1001): each count c loses the
    discount d, and what all lose goes to the model that knows one character less, below that of none to equal shares.
    A context that never came has that model's shares.
    """
    if order == 0:
        below = np.full(classes, 1 / classes)
    else:
        below = np.broadcast_to(shares(text, order - 1, classes, discount), (classes,) * (order + 1))
    counts = np.zeros((classes,) * (order + 1))
    np.add.at(counts, (*_contexts(text, order), text[order:]), 1)
    total = counts.sum(axis=-1, keepdims=True)
    lost = discount * np.count_nonzero(counts, axis=-1, keepdims=True)
    known = (np.maximum(counts - discount, 0) + lost * below) / np.maximum(total, 1)
    return np.where(total > 0, known, below)


def perplexity(found: Array, text: Numbers, order: int) -> float:
    """Return the exponential of the mean of -log p over the characters of a text after its first ones."""
    right = (*_contexts(text, order), text[order:])
    return float(np.exp(-np.mean(np.log(found[right]))))


def accuracy(found: Array, text: Numbers, order: int) -> float:
    """Return the per cent of these characters that are the likeliest ones."""
    return 100 * float(np.mean(found.argmax(axis=-1)[_contexts(text, order)] == text[order:]))


def _contexts(text: Numbers, order: int) -> tuple[Numbers, ...]:
    """Return the characters before each one from the `order`-th on, the farthest first."""
    return tuple(text[i : len(text) - order + i] for i in range(order))


def _text(inputs: npt.NDArray[np.float32], following: Numbers) -> Numbers:
    """Return the text that windows were cut from."""
    now = inputs.argmax(axis=-1) if inputs.ndim == 3 else inputs
    return np.append(now.reshape(-1), following[-1, -1]).astype(np.int64)
