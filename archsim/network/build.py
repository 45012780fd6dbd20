"""From what a user wrote to the operator graph, with every shape inferred and every edge checked."""

from __future__ import annotations

import math

from archsim.errors import ArchsimError, InputError, did_you_mean
from archsim.network.graph import INPUT, Graph, Matrix, Node, Parameter, Shape
from archsim.network.losses import load_loss
from archsim.network.operators import Operator, StatefulOperator, StationaryOperator, load_operator
from archsim.network.operators.recurrent import MOST_TIME_STEPS, time_steps
from archsim.network.specification import Layer, NetworkSpecification

__all__ = ["build_graph"]


def build_graph(specification: NetworkSpecification) -> Graph:
    """Return the operator graph of a network.

    Raises
    ------
    InputError
        If an input is unknown or comes later, a shape does not fit, a field would be ignored, a
        layer's output leads nowhere, or nothing holds a matrix.
    """
    nodes: list[Node] = []
    shapes = {INPUT: specification.input_shape}
    for index, layer in enumerate(specification.layers):
        path = f"network.layers.{index}"
        operator = load_operator(layer.kind, path)
        inputs = _inputs(layer, nodes, shapes, path, operator)
        try:
            node = _node(operator, layer, inputs, tuple(shapes[name] for name in inputs))
        except InputError as error:
            raise error.below(path) from error
        nodes.append(node)
        shapes[node.name] = node.shape
    _check_ends(nodes)
    _check_names(nodes)
    loss = load_loss(specification.loss, "network.loss")
    graph = Graph(specification.name, specification.input_shape, tuple(nodes), specification.loss, _vocabulary(nodes))
    if not graph.matrices:
        raise InputError(
            "no layer holds a matrix, so there is nothing to put on a crossbar",
            field="network.layers",
            remedy="add a layer of kind 'linear'",
        )
    if len(nodes[-1].shape) not in ((1, 2) if loss.takes_sequences else (1,)):
        needed = "one vector a sample" + (" or a sequence of them (length, features)" if loss.takes_sequences else "")
        raise InputError(
            f"the loss needs {needed}, but '{nodes[-1].name}' gives the shape {list(nodes[-1].shape)}",
            field=f"network.layers.{len(nodes) - 1}",
            remedy=f"end the network with a 'reshape' to [{math.prod(nodes[-1].shape)}]",
        )
    return graph


def _node(operator: Operator, layer: Layer, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> Node:
    shape = operator.shape(layer, shapes)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) and size > 0 for size in shape):
        raise _wrong(layer, "shape", shape, "a tuple of whole numbers from 1")
    matrices = operator.matrices(layer, shapes) if isinstance(operator, StationaryOperator) else ()
    if not isinstance(matrices, tuple) or not all(isinstance(matrix, Matrix) for matrix in matrices):
        raise _wrong(layer, "matrices", matrices, "a tuple of Matrix")
    parameters = operator.parameters(layer, shapes) if isinstance(operator, StatefulOperator) else ()
    if not isinstance(parameters, tuple) or not all(isinstance(parameter, Parameter) for parameter in parameters):
        raise _wrong(layer, "parameters", parameters, "a tuple of Parameter")
    node = Node(layer.name, layer.kind, inputs, shapes, shape, layer, matrices, parameters)
    if len(time_steps(node)) > MOST_TIME_STEPS:
        raise InputError(
            "a recurrent layer takes a read and a digital job for each position, and these are too many",
            field="inputs",
            value=f"{len(time_steps(node))} positions",
            allowed=f"up to {MOST_TIME_STEPS}",
            remedy="cut the sequences into windows; a layer with stateful: true goes on from one to the next",
        )
    return node


def _wrong(layer: Layer, rule: str, found: object, needed: str) -> ArchsimError:
    return ArchsimError(
        f"layer '{layer.name}': '{rule}' of the operator '{layer.kind}' gave {found!r}, and {needed} is needed"
    )


def _vocabulary(nodes: list[Node]) -> int | None:
    """Return how many tokens there are for the layers that read the network's input, if it holds tokens."""
    known = {node.name: load_operator(node.kind).vocabulary(node.layer) for node in nodes}
    tokens = [size for size in known.values() if size is not None]
    if not tokens:
        return None
    for index, node in enumerate(nodes):
        if known[node.name] is not None and node.inputs != (INPUT,):
            raise _not_tokens(
                index,
                node,
                f"a layer of kind '{node.kind}' takes tokens, which the network's input alone gives",
                "read 'input'",
            )
    for index, node in enumerate(nodes):
        if known[node.name] is None and INPUT in node.inputs:
            raise _not_tokens(
                index, node, "the network's input gives tokens, and this layer takes values", "read an 'embedding'"
            )
    return min(tokens)


def _not_tokens(index: int, node: Node, problem: str, remedy: str) -> InputError:
    return InputError(
        problem,
        field=f"network.layers.{index}.inputs",
        value=list(node.inputs),
        remedy=f"let this layer {remedy}",
    )


def _check_names(nodes: list[Node]) -> None:
    """Refuse names of layers that are those of another layer's matrices: weights and results go by them."""
    matrices = {matrix.name: node for node in nodes for matrix in node.matrices}
    for index, node in enumerate(nodes):
        holder = matrices.get(node.name, node)
        if holder is not node:
            raise InputError(
                f"a matrix of the layer '{holder.name}' has this name",
                field=f"network.layers.{index}.name",
                value=node.name,
                remedy="give the layer another name",
            )


def _inputs(
    layer: Layer, nodes: list[Node], shapes: dict[str, tuple[int, ...]], path: str, operator: Operator
) -> tuple[str, ...]:
    inputs = layer.inputs if layer.inputs is not None else (nodes[-1].name if nodes else INPUT,)
    for name in inputs:
        if name not in shapes:
            close = did_you_mean(name, shapes)
            raise InputError(
                "no layer of this name comes before",
                field=f"{path}.inputs",
                value=name,
                allowed=", ".join(shapes),
                remedy=f"did you mean '{close}'?" if close else "list layers in the order in which data flows",
            )
    arity, count = operator.arity, len(inputs)
    if count < arity or (count > arity and not operator.takes_more):
        needed = f"{arity} or more" if operator.takes_more else f"{arity}"
        raise InputError(
            f"a layer of kind '{layer.kind}' takes {needed} input{'s' if needed != '1' else ''}",
            field=f"{path}.inputs",
            value=list(inputs),
            allowed="the name of one layer" if needed == "1" else f"the names of {needed} layers",
            remedy="bring several together by a layer of kind 'add' before it"
            if count > arity
            else f"name {needed} of: {', '.join(shapes)}",
        )
    return inputs


def _check_ends(nodes: list[Node]) -> None:
    read = {name for node in nodes for name in node.inputs}
    for index, node in enumerate(nodes[:-1]):
        if node.name not in read:
            raise InputError(
                "the output of this layer leads nowhere; only the last layer's goes to the loss",
                field=f"network.layers.{index}",
                value=node.name,
                remedy="name it in the 'inputs' of another layer, or remove it",
            )
