"""The long short-term memory: one matrix that meets the input and the last output together, step after step."""

from __future__ import annotations

import numpy as np

from archsim.digital.activations import sigmoid, sigmoid_gradient, tanh, tanh_gradient
from archsim.digital.arrays import Array
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.gated import GatedOperator
from archsim.network.operators.recurrent import Drive
from archsim.network.specification import LSTMLayer

__all__ = ["LSTM"]


class LSTM(GatedOperator):
    """c' = f c + i g, h' = o tanh(c'), with (i, f, g, o) = W [x, h] + bias behind sigmoids, g behind a tanh.

    One matrix for [x, h] as in Gokmen, Rasch and Haensch 2018, doi:10.3389/fnins.2018.00745: a step then takes one
    read, and one conversion for each gate. Gates stand in the order of PyTorch: W is its weight_ih and weight_hh side
    by side, and the bias the sum of its two.
    """

    Settings = LSTMLayer
    gates, states, kept = 4, 2, 5
    drives = (Drive(input=True, state=True),)

    def cell(self, outputs: tuple[Array, ...], state: Array) -> tuple[Array, Array]:
        unit, c = self.arithmetic, np.split(state, 2, axis=1)[1]
        i, f, g, o = np.split(outputs[0], 4, axis=1)
        i, f, o = sigmoid(i, unit), sigmoid(f, unit), sigmoid(o, unit)
        g = tanh(g, unit)
        c = unit.add(unit.multiply(f, c), unit.multiply(i, g))
        bent = tanh(c, unit)
        return np.concatenate([unit.multiply(o, bent), c], axis=1), np.concatenate([i, f, g, o, bent], axis=1)

    def cell_gradient(self, state: Array, kept: Array, d: Array) -> tuple[tuple[Array, ...], Array]:
        unit, c = self.arithmetic, np.split(state, 2, axis=1)[1]
        i, f, g, o, bent = np.split(kept, 5, axis=1)
        dh, dc = np.split(d, 2, axis=1)
        dc = unit.add(dc, tanh_gradient(bent, unit.multiply(dh, o), unit))
        errors = (
            sigmoid_gradient(i, unit.multiply(dc, g), unit),
            sigmoid_gradient(f, unit.multiply(dc, c), unit),
            tanh_gradient(g, unit.multiply(dc, i), unit),
            sigmoid_gradient(o, unit.multiply(dh, bent), unit),
        )
        before = np.concatenate([np.zeros_like(dh), unit.multiply(dc, f)], axis=1)
        return (np.concatenate(errors, axis=1),), before

    def cell_cost(self) -> tuple[OperatorCost, OperatorCost]:
        # Backward: two sums at the state, the derivative of each of five functions, and six products.
        return OperatorCost(multiply_adds=3, activations=5), OperatorCost(multiply_adds=13)
