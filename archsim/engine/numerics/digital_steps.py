"""What the near-memory units of a stage compute between its matrices."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.delays import Late
from archsim.digital.arrays import FLOAT32_TYPE, Array, described
from archsim.engine.numerics.carried import CarriedStates
from archsim.engine.numerics.held import Held
from archsim.engine.numerics.recurrence import RecurrentLayer
from archsim.engine.numerics.rules import Rule
from archsim.engine.numerics.stored import Stored
from archsim.engine.program import Edge
from archsim.engine.steps import DigitalStep, MatrixStep
from archsim.errors import ArchsimError
from archsim.network.graph import Graph, Node
from archsim.network.logic import DigitalLogic
from archsim.network.operators import DigitalOperator, MatrixOperator, Pass, RecurrentOperator, StatefulOperator
from archsim.network.operators.shapes import check_array, wrong_gradients
from archsim.network.parameters import DigitalParameters
from archsim.network.stationary import StationaryMatrix

__all__ = ["DigitalSteps"]


class DigitalSteps:
    """Does steps of the digital unit on what a stage stores of a micro-batch.

    Parameters
    ----------
    graph : Graph
        The network.
    logic : DigitalLogic
        What its units compute.
    matrices : mapping of str to StationaryMatrix
        The matrices, whoever holds them.
    parameters : mapping of str to DigitalParameters
        What digital units hold for operators, by layer.
    training : bool
        Whether the network is trained.

    Attributes
    ----------
    layers : dict of str to tuple of Held
        The matrices of each layer that has some.
    held : dict of str to Held
        The same by the name of the matrix.
    indices : dict of str to int
        The place of each matrix among all of the network.
    """

    def __init__(
        self,
        graph: Graph,
        logic: DigitalLogic,
        matrices: Mapping[str, StationaryMatrix],
        parameters: Mapping[str, DigitalParameters],
        carried: CarriedStates,
        *,
        training: bool,
    ) -> None:
        self._carried = carried
        self._arithmetic = logic.arithmetic
        self._training = training
        self._stateful: dict[str, tuple[StatefulOperator, StatefulOperator, DigitalParameters]] = {}
        self._needs_gradient = graph.needs_gradient
        # Each with the one of its gradient rules, which computes with the numbers of errors.
        self._operators: dict[str, tuple[Node, DigitalOperator, DigitalOperator]] = {}
        self._unfolding: dict[str, tuple[MatrixOperator, MatrixOperator]] = {}
        self._recurrent: dict[str, RecurrentLayer] = {}
        self.layers: dict[str, tuple[Held, ...]] = {}
        for node in graph.nodes:
            operator, gradients = logic.operators[node.name], logic.gradients[node.name]
            if node.matrices:
                self.layers[node.name] = tuple(Held(node, matrix, matrices[matrix.name]) for matrix in node.matrices)
            if isinstance(operator, DigitalOperator) and isinstance(gradients, DigitalOperator):
                self._operators[node.name] = node, operator, gradients
                if isinstance(operator, StatefulOperator) and isinstance(gradients, StatefulOperator):
                    self._stateful[node.name] = operator, gradients, parameters[node.name]
            elif isinstance(operator, MatrixOperator) and isinstance(gradients, MatrixOperator):
                self._unfolding[node.name] = operator, gradients
            elif isinstance(operator, RecurrentOperator) and isinstance(gradients, RecurrentOperator):
                held = {one.matrix.name: one for one in self.layers[node.name]}
                backward = self._arithmetic.backward
                self._recurrent[node.name] = RecurrentLayer(node, operator, gradients, held, backward)
        #: Where what a node hands back to each of its inputs stands in a sum: nodes from the last to the first.
        self._ranks = {node.name: rank for rank, node in enumerate(reversed(graph.nodes))}
        self._most_inputs = max((len(node.inputs) for node in graph.nodes), default=1)
        self.held = {held.matrix.name: held for layer in self.layers.values() for held in layer}
        self.indices = {matrix.name: index for index, matrix in enumerate(graph.matrices)}

    def forward(self, stored: Stored, step: DigitalStep) -> None:
        """Fold what a layer's matrices gave, and run the operators behind it."""
        if step.collected is not None:
            self._advance(stored, step.collect or "", step.collected)
        elif step.collect is not None:
            stored.values[step.collect] = self._collect(stored, step.collect)
        for name in step.nodes:
            node, operator, _ = self._operators[name]
            inputs = tuple([stored.values[source] for source in node.inputs])
            stored.begin(self._arithmetic, Rule.FORWARD, self._ranks[name])
            if name in self._stateful:
                output = self._stateful_forward(stored, node, inputs)
            else:
                output = operator.forward(node, inputs)
            if getattr(output, "shape", None) != (needed := (len(inputs[0]), *node.shape)) or (
                output.dtype is not FLOAT32_TYPE
            ):
                check_array(node, "forward", output, needed)
            stored.values[name] = output

    def backward(self, stored: Stored, step: DigitalStep) -> None:
        """Fold the gradients that a layer's matrices gave, those of operators, and prepare a layer's errors."""
        if step.collected is not None:
            self._collect_step(stored, step.collect or "", step.collected)
        elif step.collect is not None:
            self._collect_gradients(stored, step.collect)
        for name in step.nodes:
            node, _, operator = self._operators[name]
            inputs = tuple([stored.values[source] for source in node.inputs])
            d = self.gradient(stored, name)
            stored.begin(self._arithmetic, Rule.GRADIENT, self._ranks[name])
            if name in self._stateful:
                rule, gradients = "backward_pass", self._stateful_gradient(stored, node, inputs, d)
            else:
                rule, gradients = "gradient", operator.gradient(node, inputs, stored.values[name], d)
            self._hand_back(stored, node, rule, gradients, len(stored.values[name]))
        if step.prepared is not None:
            self._prepare_step(stored, step.prepare or "", step.prepared)
        elif step.prepare is not None:
            self._prepare_errors(stored, step.prepare)

    def update(self, stored: Stored, layer: str, learning_rate: float, late: Late, *, ends: bool) -> None:
        """Update the scales, biases and digital parameters of a layer by a micro-batch.

        With the last one of a mini-batch, which `ends` says, steps are taken that wait for it, as late as it is.
        """
        for held in self.layers.get(layer, ()):
            stored.begin(self._arithmetic, Rule.UPDATE_PARAMETERS, self.indices[held.matrix.name])
            affine = held.holder.affine
            affine.update(stored.affine[held.matrix.name], learning_rate * held.factor)
            if ends:
                affine.end_mini_batch(learning_rate * held.factor, late)
        if layer in self._stateful:
            operator, _, parameters = self._stateful[layer]
            stored.begin(self._arithmetic, Rule.UPDATE_STATE, self._ranks[layer])
            at = Pass(parameters.latest, self._training, kept=stored.kept[layer])
            state = operator.next_state(parameters.node, at)
            parameters.update(stored.parameters.get(layer, {}), learning_rate)
            parameters.advance(state)
            if ends:
                parameters.end_mini_batch(learning_rate, late)

    def gradient(self, stored: Stored, name: str) -> Array:
        """Return the gradient of a value whose readers are done: a sum in the order of their ranks."""
        found = stored.handed_back.pop(name, None)
        if found is not None:
            for rank in sorted(found):
                before = stored.gradients.get(name)
                if before is None:
                    stored.gradients[name] = found[rank]
                else:
                    # The random numbers of a rounding go with the reader, at whichever stage it is added.
                    stored.begin(self._arithmetic, Rule.SUM_OF_GRADIENTS, self._ranks[name], rank)
                    stored.gradients[name] = self._arithmetic.backward.add(before, found[rank])
        return stored.gradients[name]

    def return_gradient(self, edge: Edge, target: Stored, source: Stored) -> None:
        """Hand back the sum over the readers of a value at another stage, in the place of the last of them."""
        first = min(target.handed_back[edge.name])
        source.hand_back(edge.name, first, self.gradient(target, edge.name))

    def read_vectors(self, stored: Stored, held: Held, step: MatrixStep) -> Array:
        """Return what a read takes: the vectors that meet a matrix, or the errors at its outputs."""
        name = held.matrix.name
        if step.time_step is None:
            return self.vectors(stored, held) if step.phase == "F" else stored.errors[name]
        layer = self._recurrent[held.node.name]
        if step.phase == "B":
            return stored.recurrences[held.node.name].at_hand[name]
        inputs = tuple([stored.values[source] for source in held.node.inputs])
        found = stored.recurrences.get(held.node.name)
        if found is None or found.ended:
            state = self._state_before(stored, held.node.name)
            found = stored.recurrences[held.node.name] = layer.begin(len(inputs[0]), state)
        return layer.vectors(found, held, step.time_step, inputs)

    def _state_before(self, stored: Stored, layer: str) -> Array | None:
        """Return the state with which a micro-batch begins in a layer, whenever it passes it; None for zeros."""
        if not self._recurrent[layer].carries:
            return None
        passed = stored.recurrences.get(layer)
        return self._carried.before(layer, stored) if passed is None else passed.states[:, 0]

    def vectors(self, stored: Stored, held: Held) -> Array:
        """Return all vectors that meet a matrix in the forward of a micro-batch; of a recurrent layer, that met it."""
        name, layer = held.matrix.name, held.node.name
        if layer in self._recurrent:
            return stored.recurrences[layer].vectors[name].reshape(-1, held.matrix.inputs)
        found = stored.unfolded.get(name)
        if found is None:
            inputs = tuple([stored.values[source] for source in held.node.inputs])
            found = self._unfolding[layer][0].unfold(held.node, held.matrix, inputs)
            needed = len(inputs[0]) * held.matrix.vectors, held.matrix.inputs
            if getattr(found, "shape", None) != needed or found.dtype is not FLOAT32_TYPE:
                check_array(held.node, "unfold", found, needed)
            stored.unfolded = {name: found}
        return found

    def _stateful_forward(self, stored: Stored, node: Node, inputs: tuple[Array, ...]) -> Array:
        operator, _, parameters = self._stateful[node.name]
        kept = stored.kept[node.name] = {}
        if stored.stash is not None:
            stored.stash.parameters[node.name] = parameters.snapshot()
        at = Pass(parameters.values, self._training, stored.first_sample, kept, parameters.uniforms)
        return operator.forward_pass(node, inputs, at)

    def _stateful_gradient(self, stored: Stored, node: Node, inputs: tuple[Array, ...], d: Array) -> tuple[Array, ...]:
        """Return the gradient at each input; keep those of parameters for U."""
        _, operator, parameters = self._stateful[node.name]
        kept = stored.kept[node.name]
        values = parameters.values if stored.stash is None else stored.stash.parameters[node.name]
        at = Pass(values, self._training, stored.first_sample, kept, parameters.uniforms)
        found = operator.backward_pass(node, inputs, stored.values[node.name], d, at)
        if not isinstance(found, tuple) or len(found) != 2:
            raise ArchsimError(
                f"layer '{node.name}': 'backward_pass' of the operator '{node.kind}' gave {described(found)}, "
                "and a pair is needed: the gradients at the inputs, and those of the parameters by name"
            )
        gradients, of_parameters = found
        stored.parameters[node.name] = parameters.gradients(of_parameters)
        return gradients

    def _collect(self, stored: Stored, layer: str) -> Array:
        """Return the output of a layer whose matrices were read."""
        outputs = []
        for held in self.layers[layer]:
            affine, name = held.holder.affine, held.matrix.name
            stored.begin(self._arithmetic, Rule.COLLECT, self.indices[name])
            analog = held.holder.add_outputs(stored.parts.pop(name))
            if affine.learn_scale:
                stored.analog[name] = analog
            outputs.append(affine.forward(analog, affine.scale, affine.bias))
            self._note_scale(stored, held)
        stored.unfolded = {}
        output = self._unfolding[layer][0].fold(held.node, tuple(outputs))
        needed = len(outputs[-1]) // held.matrix.vectors, *held.node.shape
        if getattr(output, "shape", None) != needed or output.dtype is not FLOAT32_TYPE:
            check_array(held.node, "fold", output, needed)
        return output

    def _collect_gradients(self, stored: Stored, layer: str) -> None:
        """Add what the transposed reads of a layer's matrices gave to the gradients at its inputs."""
        held = self.layers[layer]
        stored.begin(self._arithmetic, Rule.COLLECT_GRADIENTS, self._ranks[layer])
        found = [one.holder.add_inputs(stored.parts.pop(one.matrix.name)) for one in held]
        gradients = self._unfolding[layer][1].fold_gradient(held[0].node, tuple(found))
        self._hand_back(stored, held[0].node, "fold_gradient", gradients, len(found[0]) // held[0].matrix.vectors)

    def _hand_back(self, stored: Stored, node: Node, rule: str, gradients: tuple[Array, ...], samples: int) -> None:
        """Hand the gradients at a node's inputs, which a rule of its operator gave, back to the nodes behind them."""
        if not isinstance(gradients, tuple) or len(gradients) != len(node.inputs):
            raise wrong_gradients(node, rule, gradients)
        rank = self._ranks[node.name] * self._most_inputs
        for position, (source, gradient) in enumerate(zip(node.inputs, gradients, strict=True)):
            if source in self._needs_gradient:
                needed = samples, *node.input_shapes[position]
                if getattr(gradient, "shape", None) != needed or gradient.dtype is not FLOAT32_TYPE:
                    check_array(node, rule, gradient, needed)
                stored.hand_back(source, rank + position, gradient)

    def _prepare_errors(self, stored: Stored, layer: str) -> None:
        """Note the gradients of scales and biases, and the errors that drive the reads and updates of a layer."""
        gradient = self.gradient(stored, layer)
        for held in self.layers[layer]:
            affine, name = held.holder.affine, held.matrix.name
            stored.begin(self._arithmetic, Rule.PREPARE, self.indices[name])
            d = self._unfolding[layer][1].unfold_gradient(held.node, held.matrix, gradient)
            needed = len(gradient) * held.matrix.vectors, held.matrix.outputs
            if getattr(d, "shape", None) != needed or d.dtype is not FLOAT32_TYPE:
                check_array(held.node, "unfold_gradient", d, needed)
            analog = stored.analog.pop(name, d)
            stored.affine[name] = affine.parameter_gradients(analog, d)
            stored.errors[name] = affine.gradient(d, self._scale(stored, held))

    @staticmethod
    def _note_scale(stored: Stored, held: Held) -> None:
        if stored.stash is not None:
            stored.stash.scales[held.matrix.name] = held.holder.affine.scale

    @staticmethod
    def _scale(stored: Stored, held: Held) -> Array | None:
        """Return the scales that a backward meets."""
        return held.holder.affine.scale if stored.stash is None else stored.stash.scales[held.matrix.name]

    def _advance(self, stored: Stored, layer: str, step: int) -> None:
        """Do what follows the reads of a time step; behind the last one the layer has its output."""
        for held in self.layers[layer]:
            self._note_scale(stored, held)
        stored.begin(self._arithmetic, Rule.FORWARD, self._ranks[layer], step)
        output = self._recurrent[layer].advance(stored.recurrences[layer], step, stored.parts)
        if output is not None:
            stored.values[layer] = output
            if self._recurrent[layer].carries:
                self._carried.keep(layer, stored, stored.recurrences[layer].states[:, -1])

    def _prepare_step(self, stored: Stored, layer: str, step: int) -> None:
        """Prepare the errors of a time step; with those of the first one, the layer has all that its update needs."""
        found, recurrent = stored.recurrences[layer], self._recurrent[layer]
        gradient = self.gradient(stored, layer)
        stored.begin(self._arithmetic, Rule.GRADIENT, self._ranks[layer], step)
        recurrent.prepare(found, step, gradient, {h.matrix.name: self._scale(stored, h) for h in self.layers[layer]})
        if step == 0:
            stored.affine.update(recurrent.parameter_gradients(found))
            stored.errors.update({name: blocks.reshape(-1, blocks.shape[2]) for name, blocks in found.errors.items()})

    def _collect_step(self, stored: Stored, layer: str, step: int) -> None:
        """Do what follows the transposed reads of a time step; those of the first one complete the gradients."""
        found, recurrent = stored.recurrences[layer], self._recurrent[layer]
        stored.begin(self._arithmetic, Rule.COLLECT_GRADIENTS, self._ranks[layer], step)
        recurrent.collect(found, step, stored.parts)
        if step == 0:
            node = self.layers[layer][0].node
            gradients = recurrent.input_gradients(found)
            self._hand_back(stored, node, "fold_gradient", gradients, len(found.d))
