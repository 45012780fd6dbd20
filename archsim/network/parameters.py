"""What a digital unit holds for an operator of the network: parameters as they are trained, and state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archsim.analog.algorithms.uniforms import Uniforms
from archsim.delays import ON_TIME, Late
from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array, described, is_float32
from archsim.digital.descent import PLAIN, DescentRule, TrainedNumbers
from archsim.errors import ArchsimError
from archsim.network.graph import Node

__all__ = ["DigitalParameters", "ParameterValues"]

#: Parameters of an operator by name; nobody changes the arrays, so a copy of the mapping is a snapshot.
ParameterValues = Mapping[str, Array]


class DigitalParameters:
    """The numbers that a digital unit holds for a layer.

    Parameters
    ----------
    node : Node
        The layer.
    arithmetic : Arithmetic
        What computes steps of gradient descent.
    random : numpy.random.Generator
        Draws what starts from a distribution.
    uniforms : Uniforms
        What the layer draws for samples.
    rule : DescentRule
        How what is trained descends.

    Attributes
    ----------
    values : dict of str to ndarray
        All numbers by name, as forwards and backwards read them; nobody changes an array.
    latest : dict of str to ndarray
        What the next U goes on from, and puts other arrays into: the same mapping, unless what a mini-batch changes
        accumulates until its end.
    """

    def __init__(
        self,
        node: Node,
        arithmetic: Arithmetic,
        random: np.random.Generator,
        uniforms: Uniforms,
        rule: DescentRule = PLAIN,
    ) -> None:
        self.node = node
        self.uniforms = uniforms
        self._arithmetic = arithmetic
        self._trained = tuple(parameter for parameter in node.parameters if parameter.trained)
        self._state = tuple(parameter for parameter in node.parameters if parameter.state)
        self.values: dict[str, Array] = {}
        for p in node.parameters:
            start = np.full(p.shape, p.initial, np.float32)
            if p.initial_std:
                start += random.normal(0, p.initial_std, p.shape).astype(np.float32)
            self.values[p.name] = arithmetic.parameters.number(start)
        self._accumulates = rule.accumulates
        self._go_on()
        self._held = {p.name: TrainedNumbers(self.values[p.name], arithmetic, rule) for p in self._trained}

    @property
    def due(self) -> bool:
        """Whether transfers are due: never, there are none."""
        return False

    def begin(self, values: ParameterValues) -> None:
        """Begin with other values."""
        self.values = {name: self._arithmetic.parameters.number(values[name]) for name in self.values}
        for name, held in self._held.items():
            held.begin(self.values[name])
        self._go_on()

    def _go_on(self) -> None:
        """Go on from what is read."""
        self.latest = dict(self.values) if self._accumulates else self.values

    def gradients(self, found: object) -> ParameterValues:
        """Return the gradients of what is trained from those that a rule of the operator gave, if they fit.

        Raises
        ------
        ArchsimError
            If one is missing, or no array of float32 of the shape of its parameter.
        """
        rule = "backward_pass"
        return {p.name: self._checked(rule, found, p.name, p.shape) for p in self._trained}

    def update(self, gradients: ParameterValues, learning_rate: float) -> None:
        """Descend by the gradients of a micro-batch."""
        for p in self._trained:
            held = self._held[p.name]
            held.descend(gradients[p.name], learning_rate * p.learning_rate_factor)
            self.latest[p.name] = held.latest

    def end_mini_batch(self, learning_rate: float, late: Late = ON_TIME) -> None:
        """Take the steps that wait for the end of a mini-batch, as late as it is, and let what it changed be read."""
        for p in self._trained:
            held = self._held[p.name]
            held.end_mini_batch(learning_rate * p.learning_rate_factor, late)
            self.latest[p.name] = held.latest
        self.values = self.latest
        self._go_on()

    def advance(self, state: object) -> None:
        """Take what becomes of state from what the operator's `next_state` gave."""
        self.latest |= {p.name: self._checked("next_state", state, p.name, p.shape) for p in self._state}

    def snapshot(self) -> ParameterValues:
        """Return all values as they are, for an evaluation that happens while training goes on."""
        return dict(self.values)

    def state(self) -> dict[str, dict[str, Array]]:
        """Return everything that changes."""
        kept = {
            name: {"values": values} | ({} if self.latest[name] is values else {"latest": self.latest[name]})
            for name, values in self.values.items()
        }
        return kept | {name: held.state() for name, held in self._held.items()}

    def restore(self, state: Mapping[str, dict[str, Array]]) -> None:
        """Continue from a `state` of an equal layer."""
        self.values = {name: state[name]["values"] for name in self.values}
        self._go_on()
        self.latest |= {name: state[name].get("latest", values) for name, values in self.values.items()}
        for name, held in self._held.items():
            held.restore(state[name])

    def _checked(self, rule: str, found: object, name: str, shape: tuple[int, ...]) -> Array:
        given = found.get(name) if isinstance(found, Mapping) else None
        if not is_float32(given, shape):
            what = described(given) if isinstance(found, Mapping) else described(found)
            raise ArchsimError(
                f"layer '{self.node.name}': '{rule}' of the operator '{self.node.kind}' gave {what} for '{name}', "
                f"and an array of float32 of the shape {list(shape)} is needed"
            )
        array: Array = given  # type: ignore[assignment]
        return array
