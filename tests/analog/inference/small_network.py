"""A perceptron on two arrays: trained by any algorithm, then programmed and read at a later time."""

import numpy as np

from archsim.analog.algorithms import TileSite, kind_of
from archsim.analog.inference import InferenceArray

from .programmed import crossbar

HIDDEN = 24


class Perceptron:
    """inputs - 24 - classes with a ReLU, softmax cross-entropy, digital biases."""

    def __init__(self, settings, inputs, classes, *, mini_batch, seed=1, **chain):
        rng = np.random.default_rng(seed)
        self.shapes = [(HIDDEN, inputs), (classes, HIDDEN)]
        self.arrays = []
        self.biases = [np.zeros(outputs, np.float32) for outputs, _ in self.shapes]
        for index, (outputs, lines) in enumerate(self.shapes):

            def make_crossbar(number, device=None, outputs=outputs, lines=lines):
                return crossbar(lines, outputs, **chain)

            site = TileSite(outputs, lines, mini_batch, make_crossbar, seed, identity=index)
            array = kind_of(settings)(settings, site)
            array.program(rng.normal(0, np.sqrt(2 / lines), (outputs, lines)).astype(np.float32))
            self.arrays.append(array)
        self.mini_batch = mini_batch

    def train(self, x, targets, *, epochs, rate):
        rng = np.random.default_rng(2)
        first = 0
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for start in range(0, len(x) - self.mini_batch + 1, self.mini_batch):
                chosen = order[start : start + self.mini_batch]
                self._step(x[chosen], targets[chosen], rate, first)
                first += self.mini_batch

    def _step(self, x, targets, rate, first):
        one, two = self.arrays
        hidden = np.maximum(one.forward(x, first).values + self.biases[0], 0)
        scores = two.forward(hidden, first).values + self.biases[1]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        d = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        d[np.arange(len(d)), targets] -= 1
        d /= len(d)
        e = two.backward(d, first).values * (hidden > 0)
        for index, (values, errors) in enumerate(((x, e), (hidden, d))):
            self.arrays[index].update(values, errors, rate, first)
            self.biases[index] -= np.float32(rate) * errors.sum(axis=0)

    def deploy(self, noise, compensation, seed=5):
        """Return arrays for inference, not yet programmed."""
        return [
            InferenceArray(array.crossbar, *shape, noise, None, compensation, seed=seed, identity=index)
            for index, (array, shape) in enumerate(zip(self.arrays, self.shapes, strict=True))
        ]

    def accuracy(self, x, targets, deployed, time_s, evaluation):
        """Programs nothing; reads the deployed arrays at a time."""
        values = x
        for index, array in enumerate(deployed):
            snapshot = array.snapshot(time_s, evaluation)
            values = array.forward(values, evaluation * len(x), snapshot).values + self.biases[index]
            if not index:
                values = np.maximum(values, 0)
        return float((values.argmax(axis=1) == targets).mean())
