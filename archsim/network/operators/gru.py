"""The gated recurrent unit: a matrix that meets the input, and one that meets the last output, step after step."""

from __future__ import annotations

import numpy as np

from archsim.digital.activations import sigmoid, sigmoid_gradient, tanh, tanh_gradient
from archsim.digital.arrays import Array
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.gated import GatedOperator
from archsim.network.operators.recurrent import Drive
from archsim.network.specification import GRULayer

__all__ = ["GRU"]


class GRU(GatedOperator):
    """h' = n + z (h - n), n = tanh(n_x + r n_h), with (r, z, n)_x = W_x x + b_x, (r, z, n)_h = W_h h + b_h.

    r and z are sigmoids of the sums of both. The two matrices, PyTorch's weight_ih and weight_hh, are read side by
    side: the reset gate r scales what comes of h alone, so one matrix for both would need outputs of its own for n_x
    and n_h, half of whose cells would be zero.
    """

    Settings = GRULayer
    gates, states, kept = 3, 1, 4
    drives = (Drive(input=True, state=False), Drive(input=False, state=True))

    def cell(self, outputs: tuple[Array, ...], state: Array) -> tuple[Array, Array]:
        unit = self.arithmetic
        (rx, zx, nx), (rh, zh, nh) = (np.split(block, 3, axis=1) for block in outputs)
        r, z = sigmoid(unit.add(rx, rh), unit), sigmoid(unit.add(zx, zh), unit)
        n = tanh(unit.add(nx, unit.multiply(r, nh)), unit)
        after = unit.add(n, unit.multiply(z, unit.subtract(state, n)))
        return after, np.concatenate([r, z, n, nh], axis=1)

    def cell_gradient(self, state: Array, kept: Array, d: Array) -> tuple[tuple[Array, ...], Array]:
        unit = self.arithmetic
        r, z, n, nh = np.split(kept, 4, axis=1)
        before = unit.multiply(d, z)
        dn = tanh_gradient(n, unit.subtract(d, before), unit)
        dz = sigmoid_gradient(z, unit.multiply(d, unit.subtract(state, n)), unit)
        dr = sigmoid_gradient(r, unit.multiply(dn, nh), unit)
        return (np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, unit.multiply(dn, r)], axis=1)), before

    def cell_cost(self) -> tuple[OperatorCost, OperatorCost]:
        # Backward: two sums at the state, the derivative of each of three functions, and six sums and products.
        return OperatorCost(multiply_adds=5, activations=3), OperatorCost(multiply_adds=11)
